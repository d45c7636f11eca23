"""The results of a search, as files and pictures. No TensorFlow.

Read `trials` (one row each), `measured` (the objective as a run grows), `leaderboard`, `hparams` (TensorBoard's table),
`chart` and `axes` (what pictures have in common), `plots`, `maps`.
"""
