"""Write the tables of README.md, and ablation.png, from runs.csv: the mean over the seeds of each row, and their ends.

`python experiments/shakespeare/tables.py`
"""

import csv
from pathlib import Path
from statistics import mean

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
Row = dict[str, str]
EDGE = 1.76  # of the picture: losses beyond are written there
HEADS = {
    "choosing": ["carried", "cold"],
    "ablation": ["carried", "cold"],
    "report": ["carried", "cold", *(f"{name}_{half}" for name in ("carried", "cold") for half in ("first", "second"))],
}


def grouped(rows: list[Row], table: str) -> dict[str, list[Row]]:
    """Return the rows of a table by their name, in the order in which they were trained."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["table"] == table:
            found.setdefault(row["name"], []).append(row)
    return found


def spread(rows: list[Row], column: str) -> str:
    """Return a column's mean over the seeds, and from where to where it goes."""
    values = [float(row[column]) for row in rows]
    shown = f"{mean(values):.4f}"
    return shown if len(values) == 1 else f"{shown} ({min(values):.4f} to {max(values):.4f})"


def ends(counts: list[int]) -> str:
    """Return a number that all seeds share, or the least and the largest: a run bounded by seconds has its own."""
    return f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"


def as_table(groups: dict[str, list[Row]], columns: list[str]) -> list[str]:
    """Return the lines of a table, the least mean of its first column first."""
    heads = [
        "row",
        "seeds",
        "parameters",
        "steps",
        "seconds",
        "steps/s",
        "train loss",
        *(each.replace("_", ", ") for each in columns),
    ]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name, rows in sorted(groups.items(), key=lambda group: mean(float(row[columns[0]]) for row in group[1])):
        first = rows[0]
        seconds, rates = (
            [float(row["seconds"]) for row in rows],
            [int(row["steps"]) / float(row["seconds"]) for row in rows],
        )
        cells = [
            name,
            str(len(rows)),
            f"{int(first['parameters']):,}",
            ends([int(row["steps"]) for row in rows]),
            f"{mean(seconds):.0f}",
            f"{mean(rates):.0f}",
        ]
        cells += [
            f"{mean(float(row['train_loss']) for row in rows):.4f}",
            *(spread(rows, column) for column in columns),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def draw(groups: dict[str, list[Row]]) -> None:
    """Draw each row of the ablation as a point a seed and a bar for their mean, carried and cold side by side."""
    names = sorted(groups, key=lambda name: mean(float(row["carried"]) for row in groups[name]), reverse=True)
    figure, axes = plt.subplots(1, 2, figsize=(10, 0.32 * len(names) + 1.2), sharey=True, layout="constrained")
    for axis, column in zip(axes, ("carried", "cold"), strict=True):
        for place, name in enumerate(names):
            values = [float(row[column]) for row in groups[name]]
            color = "tab:orange" if name.startswith("plain") else "tab:blue"
            inside, beyond = [x for x in values if x < EDGE], sorted(x for x in values if x >= EDGE)
            axis.plot(inside, [place] * len(inside), "o", color=color, alpha=0.5, markersize=5)
            if beyond:
                named = ", ".join(f"{x:.2f}" for x in beyond)
                axis.annotate(
                    f" \u2192 {named}", (1, place), xycoords=axis.get_yaxis_transform(), color=color, va="center"
                )
            else:
                axis.plot([mean(values)], [place], "|", color="black", markersize=14, markeredgewidth=2)
        axis.set_xlabel(f"{column}, nats a character")
        axis.locator_params(axis="x", nbins=6)  # else the numbers below touch
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(names)), names)
    figure.savefig(HERE / "ablation.png", dpi=120)


def fill(page: str, name: str, lines: list[str]) -> str:
    """Return a page with lines between the comments `name` and `end`."""
    start = page.index(f"<!-- {name} -->")
    end = page.index("<!-- end -->", start)
    return page[:start] + "\n".join([f"<!-- {name} -->", "", *lines, "", ""]) + page[end:]


def main() -> None:
    """Write the tables that have rows."""
    rows = list(csv.DictReader((HERE / "runs.csv").open()))
    page = (HERE / "README.md").read_text()
    for table, columns in HEADS.items():
        groups = grouped(rows, table)
        if groups and f"<!-- {table} -->" in page:
            page = fill(page, table, as_table(groups, columns))
        if groups and table == "ablation":
            draw(groups)
    (HERE / "README.md").write_text(page)


if __name__ == "__main__":
    main()
