"""The models that have a name, as a table, and those that come trained (`python -m lstmzoo.zoo`).

Read `pretrained` (`zoo:NAME` in place of a run directory; the models are in `trained/`) and `catalogue` (the table;
its measured results are in `results.csv`).
"""
