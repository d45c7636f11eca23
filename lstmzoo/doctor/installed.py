"""The installed packages, their versions, and whether these fit; none of them is imported for that."""

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import TYPE_CHECKING

from lstmzoo.doctor.checks import Check
from lstmzoo.system.version import VERSION

if TYPE_CHECKING:
    from packaging.requirements import Requirement

MOST_NAMED = 3  # packages with their versions that fit on a line
PACKAGES = ("tensorflow", "tf-keras", "keras", "keras-tuner", "numpy", "protobuf", "safetensors", "tensorboard")
ALIASES = {"tensorflow": "tensorflow-cpu"}  # another name of the same package


def version_of(package: str) -> str | None:
    """Return the installed version of a package, or None."""
    for name in (package, ALIASES.get(package)):
        try:
            if name is not None:
                return version(name)
        except PackageNotFoundError:
            continue
    return None


def versions() -> Iterator[Check]:
    """Describe Python and the packages that numbers depend on; the two versions of Keras are explained."""
    yield Check("python", f"{platform.python_version()} ({platform.python_implementation()}), {platform.platform()}")
    yield Check("lstmzoo", VERSION)
    legacy = os.environ.get("TF_USE_LEGACY_KERAS")
    note = f"TF_USE_LEGACY_KERAS={legacy} changes nothing" if legacy else "TF_USE_LEGACY_KERAS is not set, nor needed"
    words = {
        "tf-keras": "Keras 2: every model is built with it",
        "keras": f"Keras 3: TensorFlow's own, never used here ({note})",
    }
    for package in PACKAGES:
        number = version_of(package) or "not installed"
        yield Check(package, f"{number:<10} {words[package]}" if package in words else number)


def extras() -> Iterator[Check]:
    """Describe the optional extras of the package, and the command that installs a missing one."""
    from packaging.requirements import Requirement

    try:
        ours = distribution("lstmzoo")
    except PackageNotFoundError:
        yield Check("extras", "unknown: lstmzoo is not installed")
        return
    requirements = [Requirement(text) for text in ours.requires or []]
    for extra in ours.metadata.get_all("Provides-Extra") or []:
        wanted = [each for each in requirements if _applies(each, extra) and not _applies(each)]
        missing = [each for each in wanted if not _is_met(each)]
        if missing:
            yield Check(extra, f"not installed: {', '.join(each.name for each in missing)}", None, _install(missing))
        else:
            fits = len(wanted) <= MOST_NAMED
            names = ", ".join(f"{each.name} {version_of(each.name)}" for each in wanted)
            yield Check(extra, names if fits else f"all {len(wanted)} packages are installed", True)


def requirements() -> Iterator[Check]:
    """Check that the packages that lstmzoo needs are installed, in versions that it was made for."""
    from packaging.requirements import Requirement

    try:
        texts = distribution("lstmzoo").requires or []
    except PackageNotFoundError:
        advice = "run in its folder: python -m pip install -e ."
        yield Check("requirements", "unknown: lstmzoo runs from a folder and is not installed", None, advice)
        return
    needed = [each for each in map(Requirement, texts) if _applies(each)]
    missing = [each for each in needed if not _is_met(each)]
    if missing:
        names = ", ".join(f"{each.name} {version_of(each.name) or 'not installed'}" for each in missing)
        yield Check("requirements", names, False, _install(missing))
    else:
        yield Check("requirements", f"all {len(needed)} packages are installed", True)


def keras_series() -> Iterator[Check]:
    """Check that tf_keras and TensorFlow are of one series: tf_keras uses TensorFlow's internals of that version."""
    flow, keras = version_of("tensorflow"), version_of("tf-keras")
    if flow is None:
        yield Check("keras series", "tensorflow is not installed", False, "python -m pip install tensorflow tf-keras")
        return
    series = ".".join(re.findall(r"\d+", flow)[:2])
    if keras is None or ".".join(re.findall(r"\d+", keras)[:2]) != series:
        text = f"{keras} beside tensorflow {flow}" if keras else "not installed"
        yield Check("keras series", text, False, f"python -m pip install 'tf-keras=={series}.*'")
    else:
        yield Check("keras series", f"the same series as tensorflow: {series}", True)


def _applies(requirement: "Requirement", extra: str = "") -> bool:
    """Tell whether a requirement applies here: to this Python, this system and this extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _is_met(requirement: "Requirement") -> bool:
    number = version_of(requirement.name)
    return number is not None and requirement.specifier.contains(number, prereleases=True)


def _install(requirements: "list[Requirement]") -> str:
    """Return the command that installs packages by their own names, so that lstmzoo itself stays as it is."""
    words = [
        f"{each.name}{'[' + ','.join(each.extras) + ']' if each.extras else ''}{each.specifier}"
        for each in requirements
    ]
    return "python -m pip install " + " ".join(f"'{word}'" for word in words)
