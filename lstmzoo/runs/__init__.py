"""A run on disk: its directory and each file in it.

Read `directory` (what stands there, and its lock), `places` (default directories), `checkpoint` (one file each),
`contents` (what a checkpoint must hold), `metrics` (one line a step), `best` (what is better) and `curve` (these in
bounded memory), `environment`, `trained` (a run read back as a model).
"""
