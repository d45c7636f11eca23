"""Activations: what each cell of a trained model does, as arrays and as one HTML page.

Read `probe` (`activations`: h, c and gates of each cell at each step), `features` (what people know of a text),
`correlations` (which cell tells it). The page: `subject` (what the model reads), `survey` (what is measured of all
cells), `page` (`inspect_model`), `glyphs` (a sign for each symbol), `markup` (what may stand in HTML), and `template/`,
its HTML, CSS and JavaScript.
"""
