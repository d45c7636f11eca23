"""The tables of hosts.md: what was measured, and where several hosts pay by the model."""

import itertools
import platform
from pathlib import Path
from statistics import median

from hosts_model import (
    Found,
    Turn,
    hops,
    least,
    megabytes,
    parameters,
    sizes,
    speed_up,
    sum_time,
)

from lstmzoo.execution.auto import explain_hosts

HERE = Path(__file__).parent
NETWORKS, WORKERS = (1, 10, 100), (2, 4, 8, 16, 32, 64)  # Gbit/s
UNITS, LANES, STEPS = (128, 256, 512, 1024), (64, 512), 100
ALONE, PART = "one process, one core", "a worker's part, without the sum"


def write_tables(found: Found) -> None:
    """Write hosts.md."""
    rounds = len(found["sum, 2 workers"]["ring 1"])
    machine = f"Python {platform.python_version()}, {platform.machine()}, two cores shared with other programs"
    how = f"{machine}; {rounds} interleaved rounds"
    lines = [
        *trained(found),
        *summed(found),
        *predicted(found),
        *beginning(found),
        *paying(found),
        *ruled(found),
        how,
        "",
    ]
    (HERE / "hosts.md").write_text("\n".join(lines))
    print("\n".join(lines))


def trained(found: Found) -> list[str]:
    """One table for each size that was trained."""
    lines = []
    for group in [name for name in found if name.startswith("train")]:
        size = megabytes(parameters(*sizes(group)))
        lines += [f"| {group} | ms a step: median, least | CPU ms a step: median, least | MB sent a step | computed |"]
        lines += ["|---|---|---|---|---|"]
        for name, turns in found[group].items():
            sent, computed = "", ""
            if name.startswith("two workers"):
                count, each = hops("ring" in name, 2, size)
                sent, computed = number(median(turn.sent for turn in turns) / 1e6), number(count * each)
            lines.append(f"| {name} | {both(turns, 0)} | {both(turns, 1)} | {sent} | {computed} |")
        lines.append("")
    return lines


def summed(found: Found) -> list[str]:
    """Sums alone, measured and, for more than two workers, as the model has them."""
    head = "| sum | MB of a vector | ms: median, least | CPU ms: median, least | model, CPU ms | MB sent | computed |"
    lines = [head, "|---" * 7 + "|"]
    for workers, (name, turns) in [(w, item) for w in (2, 4) for item in found[f"sum, {w} workers"].items()]:
        kind, size = name.split()
        count, each = hops(kind == "ring", workers, float(size))
        model = "" if workers == 2 else number(sum_time(found, kind == "ring", workers, float(size), column=1))
        sent = number(median(turn.sent for turn in turns) / 1e6)
        lines.append(
            f"| {workers} workers, {kind} | {number(float(size))} | {both(turns, 0)} | {both(turns, 1)} | {model} "
            f"| {sent} | {number(count * each)} |"
        )
    return [*lines, ""]


def predicted(found: Found) -> list[str]:
    """The model beside what was measured, for two workers over loopback."""
    lines = [
        "| two workers over loopback | a part | sum | model, ms a step | measured: median, least |",
        "|---|---|---|---|---|",
    ]
    for group in [name for name in found if name.startswith("train")]:
        part = least(found[group][PART])
        for kind in ("gather", "ring"):
            added = sum_time(found, kind == "ring", 2, megabytes(parameters(*sizes(group))))
            turns = found[group][f"two workers, {kind}"]
            cells = (part, added, part + added)
            lines.append(f"| {group[6:]}, {kind} | {' | '.join(map(number, cells))} | {both(turns, 0)} |")
    return [*lines, ""]


def beginning(found: Found) -> list[str]:
    """The fewest lanes (a power of two) with which two hosts of one core are a tenth faster than one."""
    heads = " | ".join(f"{gbits} Gbit/s" for gbits in NETWORKS)
    lines = [f"| two hosts are a tenth faster than one from (gather, T {STEPS}) | {heads} |"]
    lines += ["|---" * (1 + len(NETWORKS)) + "|"]
    for units in UNITS:
        fewest = [
            next(lanes for lanes in (2, 4, 8, 16, 32, 64, 128) if speed_up(found, units, lanes, 2, gbits, False) > 1.1)
            for gbits in NETWORKS
        ]
        lines.append(f"| 2 x {units} | {' | '.join(f'B {lanes}' for lanes in fewest)} |")
    return [*lines, ""]


def paying(found: Found) -> list[str]:
    """How many times faster R workers of one core are than one, by size and network; the best of a row is bold."""
    lines = []
    for lanes, ring in itertools.product(LANES, (False, True)):
        title = f"B {lanes}, T {STEPS}, {'ring' if ring else 'gather'}"
        lines += [f"| {title}: times as fast with | Gbit/s | {' | '.join(f'{count} hosts' for count in WORKERS)} |"]
        lines += ["|---" * (2 + len(WORKERS)) + "|"]
        for units, gbits in itertools.product(UNITS, NETWORKS):
            cells = [speed_up(found, units, lanes, count, gbits, ring) for count in WORKERS]
            shown = [f"**{cell:.2g}**" if cell == max(cells) and cell > 1 else f"{cell:.2g}" for cell in cells]
            lines.append(f"| 2 x {units} | {gbits} | {' | '.join(shown)} |")
        lines.append("")
    return lines


def ruled(found: Found) -> list[str]:
    """What the rule of `execution/auto.py` says of what was measured."""
    lines = ["| size | what the rule says of two hosts | measured, ms: one worker, two |", "|---|---|---|"]
    for group in [name for name in found if name.startswith("train")]:
        batch_size, seq_length = (int(word.split()[1]) for word in group.split(", ")[1:])
        _, reason = explain_hosts(parameters(*sizes(group)), batch_size, seq_length, 1, 2, 2)
        one, two = least(found[group][ALONE]), least(found[group]["two workers, gather"])
        lines.append(f"| {group[6:]} | {reason} | {number(one)}, {number(two)} |")
    return [*lines, ""]


def both(turns: list[Turn], column: int) -> str:
    """Median and least of a column."""
    return f"{number(median(turn[column] for turn in turns))}, {number(least(turns, column))}"


def number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:.3g}" if 1e-4 < value < 1000 else f"{value:.6f}" if value < 1 else f"{value:.0f}"
