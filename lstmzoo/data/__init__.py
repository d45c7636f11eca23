"""Data: streams cut to lanes and windows, texts as ids, tables and series of numbers.

Read `lanes` (the one place that orders symbols in time), `layout` (segments in lanes), `segments` (recordings of any
lengths, their parts, and how they are laid), `normal_forms` (of Unicode), `vocabulary`, `corpora` (texts that have a
name), `reading` (files in pieces), `cache` (folders of what was read once), `text` (ids in a memory-mapped cache),
`simulated` (series that have a name); `keras_dataset` makes data sets for Keras's `fit`.

Tables: `stored` (numbers read in windows), `columns` (of a table), `npy` and `wav` (their files), `csv_head` (delimiter
and names), `csv_rows` (cells), `csv_texts` (a column of names), `csv_table` (converted once), `tables` (opens them
all), `table_writers` (CSV and WAV, a block at a time), `scaling` (mean and deviation of each column).
"""
