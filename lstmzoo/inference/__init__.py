"""Texts that a trained model writes, its loss on a text, and predictions of numbers.

Read `choice` (temperature, top-k, top-p), `runtimes` (the program that runs the model), `numpy_runner` (without
TensorFlow), `draw` and `draw_tf` (symbols one by one), `losses` and `losses_tf` (the loss of each symbol), `sampling`
(`sample_text`), `scoring` (`score_text`). For numbers: `predicting` (`predict_series`), with `runner_tf` (the model in
TensorFlow), `series_data` (the table that is given) and `prediction_files` (what is written).
"""
