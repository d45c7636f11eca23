"""The space of a search: a sweep's YAML, checked before anything runs. No TensorFlow.

Read `sections` (the keys and their meaning), `dimensions` (ranges and choices; `foreign`: other programs' words
for them), `objective`, `feasible` (do values fit
one another?), `budget` (units from a number of parameters), `hyperband`, `sizing` (number of trials), `search`,
`meant` (what is legal but hardly meant), `load`.
"""
