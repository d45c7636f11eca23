"""Numbers and pictures of the lessons: `python experiments/lessons/measure.py`, about four minutes on two cores.

Everything is trained here, on echoes and on the source of Python's own standard library, but for the writer of the
temperatures, which is `zoo:char_python`. The tables go to results.md, the pictures beside it.
"""

import json
import math
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

import lstmzoo
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.plan import make_plan
from lstmzoo.data.corpora import corpus_files
from lstmzoo.data.lanes import cut_windows, next_symbol_lanes
from lstmzoo.inference.scoring import score_ids
from lstmzoo.report.figures import blank, save_png, set_margins
from lstmzoo.runs.trained import open_run
from lstmzoo.system.command_line import start_tensorflow

HERE = Path(__file__).parent
BLUE, RED, GREEN, GREY = "#4c78a8", "#e45756", "#3a9b4e", "#888888"
TRAINING, HELD_OUT, SMALL = 950_000, 20_000, 50_000  # characters
LANES, WINDOWS, UNITS = (4, 16, 64, 256), (2, 4, 6, 8, 10, 12, 16, 24), (16, 32, 64, 128, 256)
DELAY, SEEDS = 8, (0, 1, 2)
TEMPERATURES = (0.2, 0.5, 0.8, 1.0, 1.5)
Row = dict[str, Any]


def main() -> None:
    """All lessons, one after another."""
    start_tensorflow(2)
    draw_stream()
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        school = School(Path(folder))
        for lesson in (state, window, lanes, units, over_fitting, temperature):
            tables.append(lesson(school))
            print(tables[-1])
    (HERE / "results.md").write_text("\n".join(tables))


class School:
    """A folder for texts and runs."""

    def __init__(self, folder: Path):
        self.folder, self.runs = folder, 0
        self.source = b"".join(path.read_bytes() for path in corpus_files("python-stdlib")).decode()

    def text(self, name: str, training: int) -> tuple[Path, float]:
        """The last characters before the held-out ones, and these: a file, and the share that is held out."""
        path = self.folder / name
        path.write_text(self.source[TRAINING - training : TRAINING + HELD_OUT])
        return path, HELD_OUT / (training + HELD_OUT)

    def train(self, data: Row) -> tuple[Row, Path, Experiment]:
        """One run, its result and its directory."""
        self.runs += 1
        config = self.folder / f"{self.runs}.yaml"
        config.write_text(json.dumps(data))  # JSON is YAML
        experiment = lstmzoo.load_config(config)
        directory = self.folder / f"run-{self.runs}"
        return lstmzoo.train_run(experiment, directory), directory, experiment

    def characters(self, training: int = TRAINING, **changes: Any) -> Row:
        """A char experiment: one epoch of 950,000 characters by one layer of 128 units, unless changed."""
        text, fraction = self.text(f"{training}.txt", training)
        train = {"batch_size": 16, "seq_length": 50, "epochs": 1, "grad_clip_norm": 1.0}
        train |= {"optimizer": {"name": "adam", "learning_rate": 3e-3}} | changes.pop("train", {})
        return {
            "task": {"kind": "char", "text": str(text)},
            "model": {"kind": "single", "units": 128} | changes.pop("model", {}),
            "train": train,
            "validate": {"every_steps": 100_000, "fraction": fraction} | changes.pop("validate", {}),
            "sample": {"every_steps": 0},
        }


def draw_stream() -> None:
    """A text in lanes and windows, cut by the code that cuts those of a run."""
    text, count, length = "a recurrent net reads one symbol after another", 3, 6
    ids = np.array([ord(symbol) for symbol in text], np.int32)
    lanes = next_symbol_lanes(ids, count)
    windows = cut_windows(lanes.inputs, length, 0, lanes.windows(length))
    figure = blank(9, 3.1)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-4.5, len(text) + 0.5), ylim=(-0.4, 6.6))
    axes.set_axis_off()
    size = lanes.inputs.shape[1]
    axes.text(-0.6, 5.5, "stream", ha="right", va="center")
    for place, symbol in enumerate(text):
        cell(axes, place, 5, symbol, SHADES[min(place // size, count)])
    left = 8
    for lane in range(count):
        row = 2.5 - lane * 1.2
        axes.text(left - 0.6, row + 0.5, f"lane {lane + 1}", ha="right", va="center")
        for k, window in enumerate(windows):
            start = left + k * (length + 2.2)
            for t, symbol in enumerate(window[lane]):
                cell(axes, start + t, row, chr(symbol), SHADES[lane])
            if k + 1 < len(windows):
                end = start + length
                axes.annotate("", (end + 2.1, row + 0.5), (end + 0.1, row + 0.5), arrowprops=ARROW)
        tail = left + len(windows) * (length + 2.2)
        for t, symbol in enumerate(lanes.inputs[lane, len(windows) * length :]):
            cell(axes, tail + t, row, chr(symbol), SHADES[count])
    for k in range(len(windows)):
        axes.text(left + k * (length + 2.2) + length / 2, 4.0, f"window {k + 1}", ha="center", va="center")
    axes.text(tail + 1.5, 4.0, "dropped", ha="center", va="center", color=GREY)
    axes.text(left + length + 1.1, 3.35, "state", ha="center", va="bottom", color=GREY, fontsize=9)
    save_png(figure, HERE / "stream.png")


SHADES = ("#c9d9ec", "#f6cfc9", "#cfe6cf", "#ececec")  # lanes, and what has no place
ARROW = {"arrowstyle": "->", "color": "#555555"}


def cell(axes: Any, x: float, y: float, symbol: str, color: str) -> None:
    """One symbol in a box."""
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=color, edgecolor="white"))
    axes.text(x + 0.5, y + 0.45, symbol, ha="center", va="center", family="monospace", fontsize=11)


def state(school: School) -> str:
    """What a carried state is worth, to who was trained with it and to who was not."""
    rows, places = [], {}
    for reset, meaning in (("epoch", "carried from window to window"), ("window", "zero at each window's start")):
        data = school.characters(train={"seq_length": 25, "reset_state": reset})
        _, directory, experiment = school.train(data)
        ids = np.array(make_plan(experiment).task.parts.validating)  # type: ignore[attr-defined]
        found = score_ids(open_run(directory), ids, 64)
        places[reset] = found["by_position"]
        rows.append({"state in training": meaning, "carried": found["carried"]["nats"], "cold": found["cold"]["nats"]})
    draw_state(places["epoch"])
    return table(rows, {"state in training": str, "carried": "{:.3f}".format, "cold": "{:.3f}".format})


def draw_state(found: dict[str, list[float]]) -> None:
    """The loss at each place in a window."""
    figure, axes = panel(7, 3.2)
    places = np.arange(1, len(found["cold"]) + 1)
    axes.plot(places, found["cold"], color=RED, label="cold: the window starts at zero state")
    axes.plot(places, found["carried"], color=BLUE, label="carried: it starts where the last one ended")
    axes.set(xlabel="place in the window (characters)", ylabel="loss (nats)", xscale="log", xlim=(1, len(places)))
    axes.set_xticks([1, 2, 4, 8, 16, 32, 64], ["1", "2", "4", "8", "16", "32", "64"])
    axes.minorticks_off()
    finish(figure, axes, "state.png")


def window(school: School) -> str:
    """How long a window must be to learn an echo that comes 8 steps late."""
    rows = []
    for length in WINDOWS:
        row: Row = {"T": length}
        for seed in SEEDS:
            data = {
                "seed": seed,
                "task": {"kind": "echo", "echo_step": DELAY},
                "model": {"units": 16},
                "train": {"batch_size": 20, "seq_length": length, "epochs": 20},
                "validate": {"every_steps": 100_000},
            }
            data["train"] |= {"optimizer": {"name": "adam", "learning_rate": 0.01}}  # type: ignore[operator]
            result, _, _ = school.train(data)
            row[f"seed {seed}"] = result["final"]["val_accuracy"]
        rows.append(row)
    figure, axes = panel(7, 3.2)
    axes.axvline(DELAY, color=GREY, linestyle=":")
    axes.text(DELAY - 0.25, 0.7, "the delay", color=GREY, rotation=90, ha="right", va="center")
    for seed, color in zip(SEEDS, (BLUE, RED, GREEN), strict=True):
        axes.plot(WINDOWS, [row[f"seed {seed}"] for row in rows], "o-", color=color, label=f"seed {seed}", alpha=0.8)
    axes.set(xlabel="T, steps of a window", ylabel="echoes right", ylim=(0.45, 1.03), xticks=WINDOWS)
    finish(figure, axes, "window.png")
    return table(rows, {"T": str, **{f"seed {seed}": "{:.3f}".format for seed in SEEDS}})


def lanes(school: School) -> str:
    """The same characters in few lanes or in many."""
    rows = []
    for count in LANES:
        result, _, _ = school.train(school.characters(train={"batch_size": count}))
        rows.append({"B": count, **measures(result)})
    draw_trade("batch.png", "B, lanes", LANES, rows)
    return table(rows, {"B": str, **MEASURES})


def units(school: School) -> str:
    """The same characters by small nets and large ones."""
    rows = []
    for size in UNITS:
        result, _, _ = school.train(school.characters(model={"units": size}))
        rows.append({"units": size, "parameters": result["parameters"], **measures(result)})
    draw_trade("units.png", "units", UNITS, rows)
    return table(rows, {"units": str, "parameters": "{:,}".format, **MEASURES})


MEASURES: dict[str, Callable[[Any], str]] = {
    "steps": "{:,}".format,
    "val_loss": "{:.3f}".format,
    "seconds of training": "{:.1f}".format,
    "characters a second": "{:,.0f}".format,
}


def measures(result: Row) -> Row:
    """What a run reached, and how long it took."""
    return {
        "steps": result["steps"],
        "val_loss": result["final"]["val_loss"],
        "seconds of training": result["train_seconds"],
        "characters a second": result["symbols_per_second"],
    }


def draw_trade(name: str, label: str, values: tuple[int, ...], rows: list[Row]) -> None:
    """Loss and seconds beside one another."""
    figure = blank(7, 2.9)
    panels = figure.subplots(1, 2)
    set_margins(figure, 0.65, 0.5, 0.15, 0.35, wspace=0.3)
    for axes, key, color in zip(panels, ("val_loss", "seconds of training"), (BLUE, RED), strict=True):
        axes.plot(values, [row[key] for row in rows], "o-", color=color)
        axes.set(xscale="log", xlabel=label)
        axes.set_xticks(values, [str(value) for value in values])
        axes.minorticks_off()
        plain(axes)
    panels[0].set_title("validation loss (nats a character)", loc="left", fontsize=10)
    panels[1].set_title("seconds of training", loc="left", fontsize=10)
    panels[1].set_ylim(bottom=0)
    save_png(figure, HERE / name)


def over_fitting(school: School) -> str:
    """A large net on a small text, with dropout, and on a larger text."""
    figure = blank(9, 3.2)
    panels = figure.subplots(1, 3, sharey=True)
    set_margins(figure, 0.65, 0.5, 0.15, 0.4, wspace=0.08)
    cases = (
        (f"{SMALL:,} characters", SMALL, 0.0),
        (f"{SMALL:,} characters, dropout 0.5", SMALL, 0.5),
        (f"{TRAINING:,} characters", TRAINING, 0.0),
    )
    rows = []
    for axes, (title, training, dropout) in zip(panels, cases, strict=True):
        model = {"kind": "stacked_layers", "units": 128, "depth": 2, "dropout": dropout}
        train = {"steps": 2000, "epochs": None}
        data = school.characters(training, model=model, train=train, validate={"every_steps": 100})
        result, directory, _ = school.train(data)
        draw_curves(axes, directory, title)
        final, best = result["final"], result["best"]
        rows.append(
            {
                "trained on": title,
                "train_loss of the last epoch": final["epoch_train_loss"],
                "val_loss": final["val_loss"],
            }
        )
        rows[-1] |= {"best val_loss": best["val_loss"], "at step": best["step"]}
    panels[0].set_ylabel("loss (nats a character)")
    panels[0].legend(frameon=False, fontsize=9)
    save_png(figure, HERE / "over_fitting.png")
    nats = "{:.3f}".format
    return table(
        rows,
        {
            "trained on": str,
            "train_loss of the last epoch": nats,
            "val_loss": nats,
            "best val_loss": nats,
            "at step": "{:,}".format,
        },
    )


def draw_curves(axes: Any, directory: Path, title: str) -> None:
    """Training loss, the mean of each hundred steps, and validation loss."""
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    losses = np.array([line["train_loss"] for line in lines]).reshape(-1, 100).mean(1)
    found = {line["step"]: line["val_loss"] for line in lines if "val_loss" in line}
    axes.plot(np.arange(len(losses)) * 100 + 50, losses, color=BLUE, label="training")
    axes.plot(list(found), list(found.values()), color=RED, label="validation")
    best = min(found, key=lambda step: found[step])
    axes.plot(best, found[best], "o", color=RED)
    side = "right" if best == max(found) else "center"
    axes.annotate(f"best: {found[best]:.2f}", (best, found[best]), (0, 14), textcoords="offset points", ha=side)
    axes.set(xlabel="step", ylim=(0, 3.6))
    axes.set_title(title, loc="left", fontsize=9.5)
    plain(axes)


def temperature(school: School) -> str:
    """What a trained model writes, calm and wild."""
    known = set(re.findall(r"[a-z]{4,}", school.source.lower()))
    rows = []
    for value in TEMPERATURES:
        text = lstmzoo.sample_text("zoo:char_python", length=5000, temperature=value, seed=1, prompt="def ")
        assert isinstance(text, str)
        words = re.findall(r"[a-z]{4,}", text.lower())
        pieces = [text[k : k + 20] for k in range(len(text) - 20)]
        right = sum(word in known for word in words) / len(words)
        repeated = 1 - len(set(pieces)) / len(pieces)
        rows.append(
            {"temperature": value, "words that the library has": right, "pieces of 20 that came before": repeated}
        )
    share = "{:.0%}".format
    return table(
        rows, {"temperature": str, "words that the library has": share, "pieces of 20 that came before": share}
    )


def panel(width: float, height: float) -> tuple[Any, Any]:
    """A figure with one panel."""
    figure = blank(width, height)
    set_margins(figure, 0.65, 0.5, 0.15, 0.15)
    return figure, figure.subplots()


def finish(figure: Any, axes: Any, name: str) -> None:
    """A legend, and the file."""
    plain(axes)
    axes.legend(frameon=False)
    save_png(figure, HERE / name)


def plain(axes: Any) -> None:
    """Grid, and no box."""
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def table(rows: list[Row], columns: dict[str, Callable[[Any], str]]) -> str:
    """Markdown."""
    assert all(math.isfinite(value) for row in rows for value in row.values() if isinstance(value, float))
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(show(row[name]) for name, show in columns.items())} |" for row in rows]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
