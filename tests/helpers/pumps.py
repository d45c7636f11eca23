"""A small series run: two recordings of a pump, with missing values."""

import numpy as np

CONFIG = """
name: pumps
seed: 3
task: {{kind: series, data: [{folder}/a.csv, {folder}/b.csv], inputs: [flow, heat], targets: {targets}, horizon: 1,
  warmup: 4, missing: hold{more}}}
model: {{kind: stacked_layers, units: [6, 5], skip: true}}
train: {{batch_size: 3, seq_length: 20, epochs: 4, optimizer: {{name: adam, learning_rate: 0.01}}}}
validate: {{every_steps: 5, fraction: 0.25}}
checkpoint: {{every_steps: 4}}
"""


def write_table(path, rows, seed):
    noise = np.random.default_rng(seed).normal(size=(rows, 2)).cumsum(0)
    table = np.column_stack([noise, noise.sum(1) * 3 + 40, np.arange(rows) // 110])
    cells = [["" if column < 3 and (row * 7 + column) % 31 == 0 else f"{value:.5f}" for column, value in enumerate(each)] for row, each in enumerate(table)]  # fmt: skip
    path.write_text("\n".join(["flow,heat,load,part", *(",".join(each) for each in cells)]) + "\n")


def write_config(folder, targets="[load]", more=""):
    write_table(folder / "a.csv", 300, 0)
    write_table(folder / "b.csv", 170, 1)
    path = folder / "pumps.yaml"
    path.write_text(CONFIG.format(folder=folder, targets=targets, more=more))
    return path
