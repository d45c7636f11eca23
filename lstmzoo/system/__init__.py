"""Access to the machine: files, signals, terminal, command line, missing packages, plug-ins.

Nothing here knows about recurrent nets, and nothing imports NumPy. Read `files` (written whole or not at all), `reader`
(read whole, up to a size) and `signals` (a run stops between two graph calls) first. The others are independent of one
another: `locks` (one process at a time writes), `addresses` (HOST:PORT), `terminal` and `cells` (text for it, and for
tables), `notebook` (output of a cell), `unicode` (other encodings, the mark before a text), `command_line` (start and
end of a command), `machine` (device, cores, memory), `compiler` (of C++), `clock` (it stands still while the process
sleeps), `deadline` (of a call that keeps Python's lock), `missing` (packages that are not installed), `accessories`
(what never ends the work, such as pictures), `plugins` (models and tasks of other packages), `slurm` (batch scripts),
`lazy_numpy` (NumPy, imported at its first use), `version`.
"""
