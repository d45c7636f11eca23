"""What a search varies: a sweep's YAML, checked before anything runs. No TensorFlow.

Read `sections` (what each key means), `dimensions` (ranges and choices), `objective`, `feasible` (whether values fit
one another), `budget` (units from a number of parameters), `hyperband`, `sizing` (how many trials), `search`, `load`.
"""
