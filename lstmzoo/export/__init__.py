"""A trained model as a file that other programs run (`python -m lstmzoo.export`).

Read `write` (`export_model`), `target` (the path of the file), `notes` and `card` with `example` (what is inside),
`units` (the scaling in a graph), `verify` (200 steps against the live model), `opened` (a file that is read again), and
`formats/` (one module a format; `registry` lists them).
"""
