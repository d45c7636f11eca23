"""Dropout masks between layers: a function of (seed, layer, step) alone, on any device and in any kernel.

They are drawn by NumPy's Philox (Salmon et al. 2011), a counter-based generator: step s of layer l has its own block of
the stream of key (seed, l), so K steps at once equal K times one. TensorFlow's stateless draws cannot be used, since
XLA's Philox gives other numbers for the same seed.
"""

import numpy as np

WORDS = 8  # 32-bit words that one count of Philox's counter yields


def draw_masks(seed: int, layer: int, first_step: int, count: int, shape: tuple[int, int], rate: float) -> np.ndarray:
    """Draw the masks of `count` steps from `first_step` (from 0) on: booleans `[count, B, D]`, True: the value stays.

    `shape`: (B, D); `rate`: the share of values that are dropped.
    """
    size = shape[0] * shape[1]
    blocks = -(-size // WORDS)
    key = np.random.SeedSequence([seed, layer]).generate_state(2, np.uint64)
    stream = np.random.Philox(key=key, counter=first_step * blocks)
    words = stream.random_raw(count * blocks * WORDS // 2).view(np.uint32).reshape(count, blocks * WORDS)
    return (words[:, :size] >= np.uint32(rate * 2**32)).reshape(count, *shape)
