"""Batch scripts for Slurm: they train or search until the time is nearly over, and start again where they stopped.

Slurm sends USR1 before the end, to the processes that `srun` starts and to no others: not to the batch shell, not to
their children. So each of them is the command itself (`exec`). It stops after a checkpoint with status 138.
"""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lstmzoo.errors import InputError, shown

OPTIONS = ("--output=%x-%j.out", "--open-mode=append", "--requeue", "--signal=USR1@120")
PORT = "$((20000 + SLURM_JOB_ID % 10000))"  # below those that Linux gives away itself (32768 and more)
NODES = 'scontrol show hostnames "$SLURM_JOB_NODELIST"'
ALL = "srun --kill-on-bad-exit=0"  # 138 is no success to Slurm: the others must still write their checkpoints
ONE = 'srun "${command[@]}"\n'
HOSTS = f"""\
if [ "$SLURM_JOB_NUM_NODES" -gt 1 ]; then
  # task i of srun runs on host i of this list; the port is by the number of the job, so that two do not meet
  port={PORT}
  hosts=$({NODES} | sed "s/\\$/:$port/" | paste -sd,)
  {ALL} bash -c 'exec "$@" --index "$SLURM_PROCID"' bash "${{command[@]}}" --hosts "$hosts"
else
  {ONE}fi
"""
TASKS = f"""\
# the first task leads the search at this address, the others work for it
chief=$({NODES} | head -n 1):{PORT}
{ALL} bash -c 'if [ "$SLURM_PROCID" = 0 ]; then exec "${{@:2}}" --chief "$1"; else exec "${{@:2}}" --join "$1"; fi' \\
  bash "$chief" "${{command[@]}}"
"""
END = """\
status=$?

if [ "$status" = 138 ]; then # USR1 came, and all is saved: this job goes on when it gets time again
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
"""


def check_slurm(asked: bool, options: Sequence[str], others: Mapping[str, bool]) -> None:
    """Raise `InputError` unless `options` are sbatch's, come with --slurm, and none of the `others` comes with it."""
    if options and not asked:
        raise InputError("--sbatch: expected --slurm too, received none: it prints the script that has these options")
    for name, is_given in others.items():
        if asked and is_given:
            raise InputError(f"--slurm: expected no {name} beside it, received both: leave one of them out")
    for option in options:
        if not (option.startswith("-") and option.isprintable()):
            raise InputError(f"--sbatch: expected an option of sbatch such as --nodes=2, received {shown(option)}")


def run_script(name: str, words: Sequence[str], run_dir: Path | None, job_dir: Path, options: Sequence[str]) -> str:
    """Return the script of a run, on as many hosts as the job has nodes.

    `words`: of the command line, without the directory. That is `run_dir`, or `job_dir` with the number of the job.
    """
    place = f'{shlex.quote(str(job_dir))}-job-"$SLURM_JOB_ID"' if run_dir is None else shlex.quote(str(run_dir))
    command = f"{_command('run', words)} --resume --run-dir {place}"
    return _script([f"--job-name={name}", "--ntasks-per-node=1", *OPTIONS, *options], command, HOSTS)


def sweep_script(name: str, words: Sequence[str], tasks: int, options: Sequence[str]) -> str:
    """Return the script of a search by so many tasks; `words`: of the command line of each."""
    head = [f"--job-name={name}", f"--ntasks={tasks}", *OPTIONS, *options]
    return _script(head, _command("sweep", words), TASKS if tasks > 1 else ONE)


def print_script(script: str) -> None:
    """Print a script; names of files that are no text are printed as they are on the disk."""
    sys.stdout.buffer.write(os.fsencode(script))


def _command(module: str, words: Sequence[str]) -> str:
    return shlex.join([sys.executable, "-m", f"lstmzoo.{module}", *words])


def _script(options: Sequence[str], command: str, start: str) -> str:
    head = "".join(f"#SBATCH {option}\n" for option in options)
    return f"""\
#!/bin/bash
{head}
# shellcheck disable=SC2016  # what stands in single quotes is for each task by itself
cd {shlex.quote(str(Path.cwd()))} || exit 1
command=({command})
if [ -n "$SLURM_CPUS_PER_TASK" ]; then # --cpus-per-task, which srun does not take from sbatch
  export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"
fi

{start}{END}"""
