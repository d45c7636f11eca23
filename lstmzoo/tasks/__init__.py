"""Tasks: where symbols come from, which targets they have, and what is known about their loss.

Read `task` (what a task is; plug-ins import this alone), `echo`, `char`, `registry` (all that there are).
"""
