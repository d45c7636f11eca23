"""Data: streams cut to lanes and windows, texts as ids, and series of numbers.

Read `lanes` (the one place that orders symbols in time), `segments` (recordings of any lengths in lanes),
`normal_forms` (of Unicode), `vocabulary`, `corpora` (texts that have a name), `reading` (files in pieces), `text` (ids
in a memory-mapped cache), `simulated` (series that have a name); `keras_dataset` makes data sets for Keras's `fit`.
"""
