"""The series task: numbers predicted from numbers, in recordings of any lengths; NumPy only.

Read `spec` (its section of the YAML), `dataset` (its tables) with `sources` (files), `columns` (inputs and targets),
`segments` (where recordings begin) and `survey` (one pass over all rows, and the scaling);
`recordings` (windows to train and validate on) with `holding` (missing values); then `metrics`, `baselines`, `facts`
(what people read) and `task` (the class of a run).
"""
