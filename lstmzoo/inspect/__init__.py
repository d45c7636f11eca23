"""Activations: what each cell of a trained model does.

Read `probe` (`activations`: h, c and gates of each cell at each step), `features` (what people know of a text),
`correlations` (which cell tells it).
"""
