"""Tasks: the source of symbols or numbers, their targets, and what is known about their loss.

Read `task` (the contract of a task; plug-ins import it alone), `echo`, `char`, `registry` (the table of all tasks);
`losses`, and `losses_tf` for TensorFlow. `paths` finds the files that they name, `series/` has the data of a series of
numbers.
"""
