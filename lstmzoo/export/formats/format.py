"""The record of an export format: all that other modules need to know of it. Each format's module ends with one."""

from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from typing import NamedTuple

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.notes import Notes
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Runner, Signature

MOST_BYTES = 2**31 - 2**24  # of weights in a flatbuffer or a protobuf, which end at 2 GiB: the rest needs room too
READ_ZIP = 'zipfile.ZipFile({file}).read("{inside}")'


class Example(NamedTuple):
    """Lines of Python of a card's example program; `{file}`, `{inside}` (a file within), `{x}` and `{y}` are filled in.

    x and y are the names of the first input and output. `run` is a template as well, so its own braces are doubled; it
    finds `model`, `states` and the input.
    """

    imports: str
    """The import of the format's runtime."""
    open: str
    """The expression that opens the file."""
    read: str
    """The expression that gives the content of the vocabulary or scaling, a JSON text."""
    run: str
    """The expression that runs one window and gives a mapping from names to outputs."""


class Int8(NamedTuple):
    """The parts of a format that can hold weights as int8."""

    write: Callable[[Blueprint, Notes, Path], None]
    """The function that writes them; it refuses a model whose numbers they change too much."""
    stands_for: Callable[[Blueprint], Blueprint]
    """The function that returns the model with the rounded weights."""


class Format(NamedTuple):
    """One export format. To add one: write its module with a record at the end, and one line in `registry.FORMATS`."""

    write: Callable[[Blueprint, Notes, Path], None]
    """The function that writes a blueprint to a path that does not exist yet."""
    open: Callable[[Path, Signature], Runner]
    """The class that runs such a file."""
    read: Callable[[Path], Mapping[str, bytes]]
    """The function that returns the files within, of `Notes.files`, by name; `ValueError` or `OSError` for none."""
    ending: str
    """The ending of the file's name; empty: it is a directory."""
    inside: str
    """The place of the files within, such as the card, for the line that says what was written."""
    sentence: str
    """The card's sentence: who reads the format, and the command that installs it."""
    example: Example | None = None
    """The parts of the card's example program in Python; None: see `explain`."""
    modules: tuple[str, ...] = ()
    """The modules that must be installed; an extra of the package that has the format's name installs them."""
    most_bytes: float = inf
    """The most bytes of weights that a file can hold."""
    odd: str = ""
    """Characters that a path may not have."""
    needs_ending: bool = False
    """True if its reader opens no file whose name ends in another way, capital letters included."""
    state_after: str = "{state}"
    """The name of an output state, by the name of the input state: "{state}_next" makes `h0_next` of `h0`."""
    is_runtime: bool = False
    """True if `--runtime` of `sample`, `score` and `predict` takes it."""
    needs_tensorflow: bool = True
    """True if TensorFlow is needed to write or to run it."""
    check: Callable[[], object] | None = None
    """The function that raises `InputError` where the machine lacks what a package cannot bring."""
    explain: Callable[[Signature, Vocabulary | None, str], str] | None = None
    """The function that writes the card's part on how to call the file of a name, where that is not from Python."""
    describe: Callable[[Blueprint, Notes, Path, bool], list[str]] | None = None
    """The function that returns the lines on calls and costs, for the path, and whether its weights are int8."""
    places: tuple[str, str] = ("features[..., {}]", "outputs[..., {}]")
    """The place of an input and of an output of a model of numbers, by its number."""
    int8: Int8 | None = None
    """The parts for weights as int8; None: the format has float32 alone."""
