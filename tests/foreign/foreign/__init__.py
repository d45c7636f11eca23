"""What another package adds to lstmzoo: see its entry points."""

PARITY_6 = {"kind": "stacked_layers", "units": [6, 3], "source": "a test", "task": "parity"}
