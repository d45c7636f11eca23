"""Environment of a run: what its numbers depend on beside its configuration. No TensorFlow."""

import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lstmzoo.system.compiler import compiler_version
from lstmzoo.system.machine import count_cores

PACKAGES = ("lstmzoo", "tensorflow", "tf-keras", "numpy", "safetensors")


def environment(device: str, built: bool = False) -> dict[str, Any]:
    """Describe this process: versions, device, machine, usable cores (which `auto` looks at), command, git commit.

    `built`: a kernel is built by the C++ compiler, whose version stands among the others.
    """
    versions = {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}
    return {
        "versions": {**versions, "c++": compiler_version()} if built else versions,
        "device": device,
        "machine": platform.machine(),
        "cores": count_cores(),
        "command": sys.argv,
        "git_commit": _git_commit(),
    }


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what has changed, by name: (then, now)."""
    old, new = _flat(then), _flat(now)
    return {name: (old.get(name), value) for name, value in new.items() if old.get(name) != value}


def _flat(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Collect what numbers depend on, by name."""
    versions = environment.get("versions")
    facts = {name: environment.get(name) for name in ("device", "machine", "git_commit")}
    return {**(versions if isinstance(versions, dict) else {}), **facts}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    try:
        command = ["git", "rev-parse", "HEAD"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, cwd=Path(__file__).parent)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
