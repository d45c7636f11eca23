"""A comparison of runs as a page, a table and a picture (`python -m lstmzoo.report`), and pictures of one run.

Read `summary` (one run, read from its directory), `comparison` (several), `tables` (as text), `curves` (as a picture),
`write` (`write_report`); `figures` is below all pictures, `views` says what a validation keeps for one, `run_plots`
draws one run, and `series_plot` one of numbers.
"""
