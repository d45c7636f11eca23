"""Tasks: the source of symbols or numbers, their targets, and what is known about their loss.

Read `task` (the contract of a task; plug-ins import it alone), `optional` (what a task may lack, and what then holds),
`echo`, `char` with `text_parts` (what is trained on, what is validated on), `series/` (the task of numbers), `registry`
(the table of all tasks); `losses`, and `losses_tf` for TensorFlow. `laid` has what tasks with segments share, `paths`
finds the files that they name.
"""
