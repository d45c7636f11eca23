"""A trained model as a file that other programs run (`python -m lstmzoo.export`).

Read `write` (`export_model`), `target` (the path of the file), `notes` and `card` with `example` (what is inside),
`verify` (200 symbols against the live model), and `formats/` (one module a format; `registry` lists them).
"""
