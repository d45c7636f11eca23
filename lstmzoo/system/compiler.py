"""The C++ compiler of this machine: `c++`, or the command in CXX."""

import os
import shlex
import shutil
import subprocess


def find_compiler() -> list[str]:
    """Return the words of the compiler's command, such as those of CXX="ccache g++"; none where it is not there."""
    try:
        words = shlex.split(os.environ.get("CXX") or "c++")
    except ValueError:  # a quotation without an end
        return []
    return words if words and shutil.which(words[0]) else []


def run_compiler(*arguments: object) -> str:
    """Run the compiler; return what failed and why, and nothing if it has compiled."""
    command = find_compiler()
    if not command:
        return "none was found"
    try:
        found = _run(*command, *map(str, arguments))
    except OSError as error:
        return f"{command[0]} cannot be run ({error.strerror or error})"
    lines = [line for line in found.stderr.splitlines() if "error" in line]
    return f"{command[0]} failed ({lines[0] if lines else 'without a word'})" if found.returncode else ""


def compiler_problem() -> str:
    """Say why no C++ can be compiled; nothing where the compiler accepts an empty program, which takes it 0.02 s."""
    return run_compiler("-fsyntax-only", "-x", "c++", os.devnull)


def compiler_version() -> str | None:
    """Return what the compiler calls itself: the first line of its `--version`; None where it has none."""
    try:
        found = _run(*find_compiler(), "--version").stdout.strip()
    except OSError:
        return None
    return found.splitlines()[0][:200] if found else None


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
