"""A run from its first step to its last: truncated back-propagation with carried state.

Read `run` (`train_run`), `start` (where a run begins or goes on) with `binding` (whether what is asked for fits it),
`loop` (windows in order) with `run_state` (counters) and `cadence` (when to validate, sample and save), `validation`,
`samples`, `average` (of the weights), `testing` (once, at the end), `recorder` (metrics, pictures, TensorBoard),
`checkpointer` with `snapshot` (tensors of a live run), `progress` and `describe` (what a person sees). `follow` and
`hosts/`: several processes train one model.
"""
