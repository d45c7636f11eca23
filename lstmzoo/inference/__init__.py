"""Streams that keep their state, texts that a trained model writes, its loss on a text, and predictions of numbers.

Read `choice` (temperature, top-k, top-p), `runtimes` (the program that runs the model), `numpy_runner` (without
TensorFlow), `draw` and `draw_tf` (symbols one by one), `losses` and `losses_tf` (the loss of each symbol), `sampling`
(`sample_text`), `scoring` (`score_text`) with `adapting` (by a model that learns meanwhile) and `compressed` (bytes).
For numbers: `predicting` (`predict_series`), with `runner_tf` (the model in TensorFlow), `series_data` (the table that
is given), `numbers` (their check) and `prediction_files` (what is written). Streams: `streaming` (`stream`), `meaning`
(text or rows to arrays), `carried` (a model with its state), `state` (as arrays) and `state_files`, `restored` (the
options of commands).
"""
