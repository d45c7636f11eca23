"""Processes of a search: the chief hands out trials, workers have them run, the supervisor keeps all of them alive.

Read `supervisor` (the command's side), `processes` and `preload` (how they start), `chief` with `oracle` and `oracles`
(keras-tuner's, made safe), `server` (gRPC), `worker`, `attempts` and `trial_process` (a run in its own process).
"""
