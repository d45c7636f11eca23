"""The machine below: files, signals, terminal, command line, packages that are missing or plugged in.

Nothing here knows what a recurrent net is, and nothing imports NumPy. Read `files` (written whole or not at all) and
`signals` (a run stops between two graph calls) first; the others stand alone.
"""
