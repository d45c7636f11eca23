"""The machine below: files, signals, terminal, command line, packages that are missing or plugged in.

Nothing here knows what a recurrent net is, and nothing imports NumPy before it computes. Read `files` (written whole or
not at all), `signals` (a run stops between two graph calls), `command_line` (errors to exit statuses), `terminal` (text
that a terminal shows and does not obey), `machine` (device and cores), `missing` (what is not installed), `plugins`
(entry points of other packages), `lazy_numpy`, `version`.
"""
