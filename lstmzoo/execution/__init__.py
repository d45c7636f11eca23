"""Fast execution of a model's weights: state made explicit, many windows in one graph call.

Read `auto` (kernel, threads and shards by rule), `kernels` (one LSTM layer over a window; of `products`), `native` (its
time steps in C++), `dropout` (masks), `network` (one window), `programs` (many windows, traced and compiled), `arrays`
(checks), `slots` (variables of an optimizer), `engine` (arrays in, losses out: `train_windows`), `shards` (the lanes in
parts, and their sums), `replicas` (what several workers exchange).
"""
