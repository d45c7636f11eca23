"""The zoo: a table of the named models, and the trained models of the package (`python -m lstmzoo.zoo`).

Read `pretrained` (`zoo:NAME` in place of a run directory; the models are in `trained/`) and `catalogue` (the table;
its measured results are in `results.csv`).
"""
