"""Access to the machine: files, signals, terminal, command line, missing packages, plug-ins.

Nothing here knows about recurrent nets, and nothing imports NumPy. Read `files` (written whole or not at all) and
`signals` (a run stops between two graph calls) first. The others are independent of one another: `terminal` (text for
it), `notebook` (output of a cell), `unicode` (other encodings, the mark before a text), `command_line` (start and end
of a command), `machine` (device and cores), `missing` (packages that are not installed), `plugins` (models and tasks
of other packages), `lazy_numpy` (NumPy, imported at its first use), `version`.
"""
