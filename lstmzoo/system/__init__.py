"""Access to the machine: files, signals, terminal, command line, missing packages, plug-ins.

Nothing here knows about recurrent nets, and nothing imports NumPy. Read `files` (written whole or not at all) and
`signals` (a run stops between two graph calls) first; the other modules are independent of one another.
"""
