"""The series task: numbers predicted from numbers, in recordings of any lengths; NumPy only.

Read `spec` (its section of the YAML), `recordings` (the data of a run: windows to train and validate on) with `sources`
(its tables), `columns` (inputs and targets), `segments` (what is trained on, what is validated on), `survey` (one pass
over all rows), `scaling` and `holding` (missing values); then `metrics`, `baselines` and `facts` (what people read).
"""
