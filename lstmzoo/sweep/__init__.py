"""Searches with keras-tuner (`python -m lstmzoo.sweep`).

Read `run` (`run_sweep`), `space/` (a sweep's YAML, checked), `gpus` (each worker's), `directory` (a search on disk),
`state` (what it goes on from), `scheduler/` (the processes: supervisor, chief, workers, trials), `results/`
(leaderboard and pictures), `progress`.
"""
