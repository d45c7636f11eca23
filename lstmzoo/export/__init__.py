"""A trained model as a file that other programs run (`python -m lstmzoo.export`).

Read `write` (`export_model`), `target` (where the file may appear), `notes` and `card` with `example` (what travels
inside), `verify` (200 symbols against the live model), and `formats/` (one module a format; `registry` lists them).
"""
