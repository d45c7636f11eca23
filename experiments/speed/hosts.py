"""Times training by two workers against one process: `python experiments/speed/hosts.py [GROUP...]`, on two cores.

Writes every round to hosts.csv and the tables of `hosts_tables.py` to hosts.md, both beside this. With the beginnings
of groups only these are measured again; with the word `tables` nothing is. Workers are processes in a network of their
own (Linux's `unshare` and `ip`), whose loopback counts the bytes that they send.
"""

import csv
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from hosts_model import Measured, Turn
from hosts_programs import Program, Size, work
from hosts_tables import write_tables

HERE = Path(__file__).parent
COLUMNS = ("group", "program", "round", "wall_ms", "cpu_ms", "bytes")
ROUNDS = 5
PORTS = itertools.count(5000)


class Team(NamedTuple):
    """Workers, each kept on its cores, and the programs that they have ready."""

    cores: list[list[int]]
    programs: list[Program]


def trainings(size: Size) -> list[Team]:
    """One process and two workers."""
    alone = [Program("one process, one core", size), Program("a worker's part, without the sum", size, is_part=True)]
    both = [Program("two workers, gather", size), Program("two workers, ring", size, ring=True)]
    return [Team([[0]], alone), Team([[0, 1]], [Program("one process, two cores", size)]), Team([[0], [1]], both)]


def lanes(units: int) -> list[Team]:
    """One core with all 64 lanes, and with the parts of 2 to 64 workers."""
    size = Size(2, units, 64, 100, 65, max(1, 128 // units))
    parts = [
        Program(str(count), size._replace(batch_size=2 * count), is_part=True) for count in (64, 32, 16, 8, 4, 2, 1)
    ]
    return [Team([[0]], [Program("alone", size), *parts])]


def sums(workers: int, sizes: tuple[float, ...]) -> list[Team]:
    """Sums alone, of vectors of so many megabytes."""
    kinds = itertools.product((("gather", False), ("ring", True)), sizes)
    programs = [Program(f"{name} {megabytes}", None, megabytes, ring) for (name, ring), megabytes in kinds]
    return [Team([[index % 2] for index in range(workers)], programs)]


GROUPS = {
    "train 1 x 4, B 5, T 15": trainings(Size(1, 4, 5, 15, 2, 1000)),
    "train 2 x 128, B 50, T 50": trainings(Size(2, 128, 50, 50, 65, 20)),
    "train 2 x 512, B 64, T 100": trainings(Size(2, 512, 64, 100, 65, 2)),
    "sum, 2 workers": sums(2, (0.000004, 0.25, 1, 4, 16, 64)),
    "sum, 4 workers": sums(4, (0.000004, 1, 4)),
    **{f"lanes 2 x {units}": lanes(units) for units in (128, 256, 512, 1024)},
}


def main(words: list[str]) -> None:
    """Measure some groups, and write the tables of all."""
    found = read() if words else {}
    for group in [] if words == ["tables"] else [name for name in GROUPS if name.startswith(tuple(words) or "")]:
        found[group] = measured(GROUPS[group])
        print(group, "done", flush=True)
        write(found)
    write_tables(found)


def measured(teams: list[Team]) -> dict[str, list[Turn]]:
    """All rounds of the programs of a group, whose teams are alive at once and take turns."""
    processes = [start(team) for team in teams]
    for process in itertools.chain(*processes):
        assert process.stdout.readline() == "ready\n", process.args
    found: dict[str, list[Turn]] = {program.name: [] for team in teams for program in team.programs}
    for _, (team, workers) in itertools.product(range(ROUNDS), zip(teams, processes, strict=True)):
        for index, program in enumerate(team.programs):
            found[program.name].append(turn(workers, index))
    for process in itertools.chain(*processes):
        process.stdin.close()
        process.wait()
    return found


def start(team: Team) -> list[subprocess.Popen[str]]:
    """The workers of a team, each kept on its cores."""
    hosts = [f"127.0.0.1:{next(PORTS)}" for _ in team.cores]
    return [
        subprocess.Popen(
            [sys.executable, __file__, "worker", json.dumps([team.programs, hosts, index])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=lambda keep=keep: os.sched_setaffinity(0, keep),
        )
        for index, keep in enumerate(team.cores)
    ]


def turn(workers: list[subprocess.Popen[str]], index: int) -> Turn:
    """One round of a program: of times the longest of all workers, of bytes the mean."""
    before = sent()
    for worker in workers:
        worker.stdin.write(f"{index}\n")
        worker.stdin.flush()
    walls, spent, counts = zip(*(map(float, worker.stdout.readline().split()) for worker in workers), strict=True)
    return Turn(max(walls), max(spent), (sent() - before) / counts[0] / len(workers))


def sent() -> int:
    """Bytes that the loopback of this network has sent."""
    (line,) = [line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:")]
    return int(line.split()[9])


def read() -> dict[str, Measured]:
    """All rounds of the last time."""
    found: dict[str, Measured] = {}
    with (HERE / "hosts.csv").open(newline="") as file:
        for group, program, _, *numbers in list(csv.reader(file))[1:]:
            found.setdefault(group, {}).setdefault(program, []).append(Turn(*map(float, numbers)))
    return found


def write(found: dict[str, Measured]) -> None:
    """All rounds as CSV."""
    with (HERE / "hosts.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for group, programs in found.items():
            for program, turns in programs.items():
                rows.writerows([group, program, at, *map("{:.5g}".format, each)] for at, each in enumerate(turns, 1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        programs, hosts, index = json.loads(sys.argv[2])
        work([Program(name, size and Size(*size), *rest) for name, size, *rest in programs], hosts, index)
    elif sys.argv[1:2] == ["inside"]:
        main(sys.argv[2:])
    else:
        enter = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        raise SystemExit(subprocess.call([*enter, sys.executable, __file__, "inside", *sys.argv[1:]]))
