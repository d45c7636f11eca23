"""The path from a YAML file and --set to an experiment, and what it will take to run it.

Read `experiment` (what each key means), `optimizers`, `schedules`, `averages` and `resets` (their sections), `sources`
(file and --set), `find` (configs of the package, by name), `checking` (one report of all that is wrong), `load`
(`load_config`), `differences` (what may change on a resume), `plan` (every `auto` decided).
"""
