"""Survey of what all cells do on a subject: what a page shows of them, in one pass over each layer. NumPy only."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lstmzoo.errors import InputError
from lstmzoo.inspect.correlations import LEAST, Correlations, Saturation
from lstmzoo.inspect.probe import PIECE, SURPRISE, Activations
from lstmzoo.inspect.subject import Subject
from lstmzoo.runs.trained import Trained

TOP = 5  # likeliest next symbols
NAMED = 32  # cells whose c and gates are stored where the weights are not in the page
BYTE, FINE = 127, 32767  # h from -1 to 1 is stored as -127 to 127; of numbers, which are few, in 16 bits


class Best(NamedTuple):
    """The cell that tells a feature best, by h or c; `r`: their correlation."""

    layer: int
    unit: int
    quantity: str
    r: float


class Survey(NamedTuple):
    """Arrays of a page by name, and the best cells of each feature, best first."""

    arrays: dict[str, np.ndarray]
    best: list[list[Best]]
    nats: float | None
    """Mean surprise, nats a symbol."""


def survey(trained: Trained, subject: Subject, with_weights: bool) -> Survey:
    """Read a subject and measure all cells; raise `InputError` where numbers are not finite.

    `with_weights`: c and gates can be computed from h, so none are stored.
    """
    found = Activations(trained.blueprint(), subject.x)
    arrays, correlated = dict[str, np.ndarray](), list[tuple[str, int, np.ndarray]]()
    for layer in range(len(found.hidden)):
        arrays |= _layer(found, layer, subject, correlated)
    best = [_best(correlated, number) for number in range(len(subject.features))]
    arrays |= _outputs(found) if trained.symbols is not None else _predictions(trained, found, subject)
    nats = None
    if trained.symbols is not None and len(subject.x) > 1:
        surprise = found[SURPRISE]
        nats = float(surprise[1:].mean(dtype=np.float64))
        arrays["surprise"] = np.nan_to_num(np.minimum(surprise * 1000, 65535)).astype(np.uint16)
    if not with_weights:
        arrays |= _stored(found, best)
    return Survey(arrays, best, nats)


def _layer(found: Activations, layer: int, subject: Subject, correlated: list[Any]) -> dict[str, np.ndarray]:
    """Return what a page has of a layer: h `[H, N]` as integers, saturation, moments of h, and all correlations."""
    size, steps = found.hidden[layer].shape[1], len(found.x)
    kind, most = (np.int16, FINE) if subject.tracks else (np.int8, BYTE)
    stored, saturation = np.empty((size, steps), kind), Saturation(size)
    sums = {quantity: Correlations(subject.features, size) for quantity in "hc"}
    for first, piece in found.pieces(layer):
        stored[:, first : first + PIECE] = np.rint(piece["h"].T * most)
        saturation.add(piece)
        for quantity, each in sums.items():
            each.add(first, piece[quantity])
    correlations = {quantity: each.found().astype(np.float32) for quantity, each in sums.items()}
    correlated += [(quantity, layer, values) for quantity, values in correlations.items()]
    moments = np.array(sums["h"].moments(), np.float32)
    shares = np.concatenate([*saturation.shares().values()]).astype(np.float32)
    return {f"h{layer}": stored, f"moments{layer}": moments, f"saturation{layer}": shares} | {
        f"r_{quantity}{layer}": values for quantity, values in correlations.items()
    }


def _best(correlated: list[Any], number: int, most: int = 8) -> list[Best]:
    """Return the cells that tell feature `number` best; of a cell the better of h and c."""
    found: dict[tuple[int, int], Best] = {}
    for quantity, layer, values in correlated:
        for unit in np.argsort(-np.abs(values[number]))[:most]:
            r, key = float(values[number, unit]), (layer, int(unit))
            if key not in found or abs(r) > abs(found[key].r):
                found[key] = Best(layer, int(unit), quantity, round(r, 4))
    return sorted(found.values(), key=lambda each: -abs(each.r))[:most]


def _outputs(found: Activations) -> dict[str, np.ndarray]:
    """Return the likeliest symbols after each step, `[N, 5]`, and their probabilities in steps of 1 / 65535."""
    ids, shares = [], []
    for logits in _pieces_of_outputs(found):
        logits = np.exp(logits - logits.max(1, keepdims=True))
        logits /= logits.sum(1, keepdims=True)
        top = np.argsort(-logits, axis=1, kind="stable")[:, :TOP]
        ids.append(top)
        shares.append(np.take_along_axis(logits, top, 1))
    return {
        "ids": found.x.astype(np.uint16),
        "top": np.concatenate(ids).astype(np.uint16),
        "shares": np.rint(np.concatenate(shares) * 65535).astype(np.uint16),
    }


def _predictions(trained: Trained, found: Activations, subject: Subject) -> dict[str, np.ndarray]:
    """Return tracks `[n, N]` and what goes into the model: inputs, targets, and predictions in their units."""
    outputs = np.concatenate(list(_pieces_of_outputs(found)))
    if trained.scaling is not None:
        predictions = trained.scaling.unscale_targets(outputs).T
    elif outputs.shape[1] == 2:
        predictions = 1 / (1 + np.exp(outputs[:, 0] - outputs[:, 1]))[None]
    else:
        predictions = outputs.argmax(1)[None]
    tracks = [*(track.values for track in subject.tracks), *predictions]
    return {"x": found.x.astype(np.float32), "tracks": np.array(tracks, np.float32)}


def _pieces_of_outputs(found: Activations) -> Iterator[np.ndarray]:
    for first in range(0, len(found.x), PIECE):
        outputs = found.outputs(first, PIECE)
        if not np.isfinite(outputs).all():
            raise InputError(
                f"model: expected finite outputs, received others in steps {first + 1:,} to {first + len(outputs):,}: "
                "its weights are too large; train it again with a lower learning rate or train.grad_clip_norm"
            )
        yield outputs


def named_cells(best: list[list[Best]]) -> list[tuple[int, int]]:
    """Return (layer, unit) of the cells that a page names, the best ones of all features first."""
    ranked = [each[rank] for rank in range(max(map(len, best), default=0)) for each in best if rank < len(each)]
    return list(dict.fromkeys((cell.layer, cell.unit) for cell in ranked))[:NAMED]


def tells(best: list[Best]) -> bool:
    """Tell whether the best cell of a feature tells it well enough to be named."""
    return bool(best) and abs(best[0].r) >= LEAST


def _stored(found: Activations, best: list[list[Best]]) -> dict[str, np.ndarray]:
    """Return c and gates of the named cells, `[cells, 5, N]` in bytes; c as a share of its largest size, `[cells]`."""
    cells = named_cells(best)
    sizes = [np.abs(found[f"c{layer}"]).max(0) for layer in range(len(found.hidden))]
    largest = np.maximum(np.array([sizes[layer][unit] for layer, unit in cells], np.float32), 1e-6)
    stored = np.zeros((len(cells), 5, len(found.x)), np.int8)
    for layer in sorted({layer for layer, _ in cells}):
        here = [(place, unit) for place, (above, unit) in enumerate(cells) if above == layer]
        places, units = (list(part) for part in zip(*here, strict=True))
        for first, piece in found.pieces(layer):
            for row, quantity in enumerate("cifgo"):
                values = piece[quantity][:, units].T
                values = values / largest[places, None] if quantity == "c" else values
                stored[places, row, first : first + PIECE] = np.rint(values * BYTE)
    return {"stored": stored, "largest": largest}
