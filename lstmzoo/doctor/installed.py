"""Which packages are installed, in which versions, and whether these fit. None of them is imported to know it."""

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

MOST_NAMED = 3  # with their versions: a line fits a screen
PACKAGES = ("tensorflow", "tf-keras", "keras", "keras-tuner", "numpy", "protobuf", "safetensors", "tensorboard")
ALIASES = {"tensorflow": "tensorflow-cpu"}  # another name of the same package


def version_of(package: str) -> str | None:
    """The installed version of a package, or None."""
    for name in (package, ALIASES.get(package)):
        try:
            if name is not None:
                return version(name)
        except PackageNotFoundError:
            continue
    return None


def versions() -> Iterator[Check]:
    """Python and what numbers depend on, with a word on the two Kerases."""
    yield Check("python", f"{platform.python_version()} ({platform.python_implementation()}), {platform.platform()}")
    yield Check("lstmzoo", VERSION)
    legacy = os.environ.get("TF_USE_LEGACY_KERAS")
    said = f"TF_USE_LEGACY_KERAS={legacy} changes nothing" if legacy else "TF_USE_LEGACY_KERAS is not set, nor needed"
    words = {
        "tf-keras": "Keras 2: every model is built with it",
        "keras": f"Keras 3: TensorFlow's own, never used here ({said})",
    }
    for package in PACKAGES:
        found = version_of(package) or "not installed"
        yield Check(package, f"{found:<10} {words[package]}" if package in words else found)


def extras() -> Iterator[Check]:
    """What the package can do with more packages, and the line that installs them."""
    from packaging.requirements import Requirement

    try:
        ours = distribution("lstmzoo")
    except PackageNotFoundError:
        yield Check("extras", "not known: lstmzoo is not installed")
        return
    requirements = [Requirement(text) for text in ours.requires or []]
    for extra in ours.metadata.get_all("Provides-Extra") or []:
        asked = [each for each in requirements if _applies(each, extra) and not _applies(each)]
        lacking = [each for each in asked if not _is_met(each)]
        if lacking:
            yield Check(extra, f"not installed: {', '.join(each.name for each in lacking)}", None, _install(lacking))
        else:
            named = len(asked) <= MOST_NAMED
            found = ", ".join(f"{each.name} {version_of(each.name)}" for each in asked)
            yield Check(extra, found if named else f"all {len(asked)} packages are installed", True)


def requirements() -> Iterator[Check]:
    """Whether the packages that lstmzoo needs are there, in versions that it was made for."""
    from packaging.requirements import Requirement

    try:
        texts = distribution("lstmzoo").requires or []
    except PackageNotFoundError:
        advice = "in its folder: python -m pip install -e ."
        yield Check("requirements", "not known: lstmzoo runs from a folder and is not installed", None, advice)
        return
    needed = [each for each in map(Requirement, texts) if _applies(each)]
    lacking = [each for each in needed if not _is_met(each)]
    if lacking:
        found = ", ".join(f"{each.name} {version_of(each.name) or 'not installed'}" for each in lacking)
        yield Check("requirements", found, False, _install(lacking))
    else:
        yield Check("requirements", f"all {len(needed)} packages are installed", True)


def keras_series() -> Iterator[Check]:
    """tf_keras is released in step with TensorFlow, and reaches into it: they must be of one series."""
    flow, keras = version_of("tensorflow"), version_of("tf-keras")
    if flow is None:
        yield Check("keras series", "tensorflow is not installed", False, "python -m pip install tensorflow tf-keras")
        return
    series = ".".join(re.findall(r"\d+", flow)[:2])
    if keras is None or ".".join(re.findall(r"\d+", keras)[:2]) != series:
        found = f"{keras} beside tensorflow {flow}" if keras else "not installed"
        yield Check("keras series", found, False, f"python -m pip install 'tf-keras=={series}.*'")
    else:
        yield Check("keras series", f"of one series with tensorflow: {series}", True)


def _applies(requirement: "Requirement", extra: str = "") -> bool:
    """Whether it is asked for here: by this Python, on this system, for this extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _is_met(requirement: "Requirement") -> bool:
    found = version_of(requirement.name)
    return found is not None and requirement.specifier.contains(found, prereleases=True)


def _install(requirements: "list[Requirement]") -> str:
    """The command that installs them, by their own names: it does not touch lstmzoo."""
    words = [
        f"{each.name}{'[' + ','.join(each.extras) + ']' if each.extras else ''}{each.specifier}"
        for each in requirements
    ]
    return "python -m pip install " + " ".join(f"'{word}'" for word in words)
