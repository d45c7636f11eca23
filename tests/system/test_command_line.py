"""Start and end of a command where the streams, the working directory or the arguments are odd."""

import os
import sys
from types import SimpleNamespace

import pytest

from lstmzoo.__main__ import main
from lstmzoo.errors import MOST, ConfigError, EnvironmentFailure, InputError, check_count
from lstmzoo.system.command_line import exit_status, start_tensorflow
from tests.helpers.forked import CONTEXT, end_as_command, started
from tests.helpers.places import ECHO

MEGABYTE = "x" * 10**6


def ended(*words, folder=None, stdout=None, stderr=None):
    """Status and messages of `lstmzoo WORDS` in a process of its own; its streams may be other files."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = started(_run, words, folder, stdout, stderr, theirs)
    theirs.close()
    with open(ours.fileno(), encoding="utf-8", closefd=False) as file:
        said = file.read()
    process.join()
    return process.exitcode, said


def _run(words, folder, stdout, stderr, theirs):
    def call():
        for number, name in ((1, stdout), (2, stderr)):
            os.dup2(os.open(name, os.O_WRONLY) if name else theirs.fileno(), number)
            setattr(sys, "stdout" if number == 1 else "stderr", open(number, "w", closefd=False))  # noqa: SIM115
        if folder is not None:
            os.chdir(folder)
            folder.rmdir()
        sys.argv = ["lstmzoo", *words]
        main()

    end_as_command(call)


@pytest.mark.parametrize("words", [["--help"], ["report", "--help"], ["doctor", "--help"], ["run", "--schema"]])
def test_a_full_disk_behind_stdout_is_one_message_and_status_1(words):
    assert ended(*words, stdout="/dev/full") == (1, "the system failed: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("words", [["report", "nowhere"], ["run", "--nonsense"], ["nonsense"]])
def test_a_stderr_that_takes_nothing_changes_no_status(words):
    assert ended(*words, stderr="/dev/full") == (2, "")


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense" * 5000], ["run", "x" * 50_000, "y" * 50_000], ["run", "--" + "x" * 50_000], ["sweep", "--workers", "9" * 50_000],
        ["zoo", "x" * 50_000], ["report", "x" * 50_000], ["sample", "x" * 50_000], ["sweep", "echo", "--chief", "x" * 50_000],
        ["sweep", "echo", "--chief", "x" * 50_000 + ":1"], ["run", "echo", "--run-dir", "x" * 50_000, "--set", "a" * 50_000 + "=1"],
    ],
    ids=lambda words: words[0][:8],
)  # fmt: skip
def test_no_message_quotes_all_of_a_long_argument(words):
    status, said = ended(*words)
    assert status == 2 and len(said) < MOST + 200 and "Traceback" not in said


def test_an_error_is_bounded_whatever_it_quotes():
    for error in (InputError(f"expected a, received {MEGABYTE}: take a"), ConfigError([f"a: {MEGABYTE}: take a"])):
        assert len(str(error)) < MOST and str(error).endswith(": take a")
    assert len(str(ConfigError(["y" * 300] * 50))) > 15_000
    with pytest.raises(InputError, match="received 'xxx") as found:
        check_count("n", MEGABYTE, 1)
    assert len(str(found.value)) < 200


@pytest.mark.parametrize("levels", [51, 5000, 50_000])
@pytest.mark.parametrize("word", ["a", "train"])
def test_a_key_of_many_levels_is_none_that_exists(levels, word):
    status, said = ended("run", str(ECHO), "--plan", "--set", ".".join([word] * levels) + "=1")
    assert (status, len(said.splitlines())) == (2, 1)
    assert f": {word}.{word}.{word}: expected a key that exists, received one of more than 50 levels" in said


def test_a_working_directory_that_is_gone_is_named(tmp_path):
    hint = "; the working directory no longer exists: change to another one (cd)"
    for words in (["report", "here"], ["sweep", "echo"], ["run", "nowhere"]):
        (tmp_path / "gone").mkdir()
        status, said = ended(*words, folder=tmp_path / "gone")
        assert status == 2 and said.endswith(f"{hint}\n") and "Traceback" not in said
    assert exit_status(lambda: (_ for _ in ()).throw(EnvironmentFailure("other"))) == 1


@pytest.mark.parametrize(("given", "found"), [(None, "true"), ("false", "false")])
def test_a_command_takes_the_memory_of_a_gpu_as_it_needs_it(monkeypatch, given, found):
    """TensorFlow reads the variable when it makes its context, here at its first tensor."""
    seen, threads = [], lambda number: seen.append(number)
    threading = SimpleNamespace(set_intra_op_parallelism_threads=threads, set_inter_op_parallelism_threads=threads)
    hollow = SimpleNamespace(
        config=SimpleNamespace(threading=threading),
        zeros=lambda shape: seen.append(os.environ["TF_FORCE_GPU_ALLOW_GROWTH"]),
    )
    monkeypatch.setitem(sys.modules, "tensorflow", hollow)
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", given or "")
    if given is None:
        monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH")
    start_tensorflow(3)
    assert seen == [3, 3, found]
