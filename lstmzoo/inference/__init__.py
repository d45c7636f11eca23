"""Texts that a trained model writes, and its loss on a text.

Read `choice` (temperature, top-k, top-p), `runtimes` (the program that runs the model), `numpy_runner` (without
TensorFlow), `draw` and `draw_tf` (symbols one by one), `losses` and `losses_tf` (the loss of each symbol), `sampling`
(`sample_text`), `scoring` (`score_text`).
"""
