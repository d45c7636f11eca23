"""Data: streams cut to lanes and windows, and texts as ids.

Read `lanes` (the one place that orders symbols in time), `normal_forms` (of Unicode), `vocabulary`, `corpora` (texts
that have a name), `reading` (files in pieces), `cache` (folders of what was read once), `text` (ids in a memory-mapped
cache); `keras_dataset` makes data sets for Keras's `fit`.
"""
