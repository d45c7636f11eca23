"""A run from its first step to its last: truncated back-propagation with carried state.

Read `run` (`train_run`), `start` and `resume` (where a run begins or goes on), `loop` (windows in order), `run_state`
(counters), `cadence` (when to validate, sample and save), `validation`, `recorder` (metrics, pictures, TensorBoard),
`snapshot` (tensors of a live run), `progress` (what a person sees).
"""
