"""Cells of zoo:char_python that tell what people know of a module of the standard library, as a table.

python experiments/inspect/measure.py > experiments/inspect/results.md
"""

import json.decoder
from pathlib import Path

from lstmzoo.inspect.subject import subject_of
from lstmzoo.inspect.survey import survey, tells
from lstmzoo.runs.trained import open_run


def main() -> None:
    """Print a row for each feature: the best cell and its correlation, or none."""
    trained, path = open_run("zoo:char_python"), Path(json.decoder.__file__)
    subject = subject_of(trained, path, 100_000)
    found = survey(trained, subject, with_weights=True)
    print("| feature | layer | unit | by | correlation |\n|---|---|---|---|---|")
    for feature, best in zip(subject.features, found.best, strict=True):
        layer, unit, quantity, r = best[0]
        cell = f"{layer} | {unit} | {quantity} | {r:+.2f}" if tells(best) else f"none | | | {abs(r):.2f} at most"
        print(f"| {feature.name} | {cell} |")


if __name__ == "__main__":
    main()
