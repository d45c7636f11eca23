"""Vocabulary or scaling, facts and card inside an exported model, under the same names in every format."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lstmzoo.data.scaling import Scaling
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.units import Units, units_of
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.facts import facts_of
from lstmzoo.system.reader import MOST, open_file, read_file

VOCABULARY, SCALING, FACTS, CARD = "vocab.json", "scaling.json", "model.json", "README.md"
FILES = (VOCABULARY, SCALING, FACTS, CARD)


class Notes(NamedTuple):
    """Meaning of a model's symbols or numbers, and its card (Markdown)."""

    vocabulary: Vocabulary | None
    """The symbols of a model that writes text; None for another one."""
    card: str
    scaling: Scaling | None = None
    """The scaling of a model of numbers, which is a part of its graph; None: the graph has the model's own numbers."""

    ahead: int = 1
    """The number of steps by which the outputs are ahead, as in `models.facts.Facts`."""

    @property
    def units(self) -> tuple[Units, Units] | None:
        """Units of the inputs and of the outputs of a graph that takes and gives numbers in the units of the data."""
        return None if self.scaling is None else units_of(self.scaling)

    def files(self, blueprint: Blueprint) -> dict[str, bytes]:
        """Return the content of each file by its name, beside the model of a blueprint."""
        vocabulary = {} if self.vocabulary is None else {VOCABULARY: self.vocabulary.content()}
        scaling = {} if self.scaling is None else {SCALING: self.scaling.dump().encode()}
        return {**vocabulary, **scaling, FACTS: facts_of(blueprint, self.ahead).dump(), CARD: self.card.encode()}


def append_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Add files to a file: to its zip archive, or as an archive behind other content, which its readers ignore."""
    import zipfile  # not above: `sample` reads the formats' records and must start fast

    with zipfile.ZipFile(path, "a") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def read_zip(path: Path) -> dict[str, bytes]:
    """Return the files that `append_zip` has added, or those that are there; raise `ValueError` for no archive."""
    import zipfile

    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            there = [archive.getinfo(name) for name in FILES if name in archive.namelist()]
            if any(each.file_size > MOST for each in there):
                raise ValueError(f"a file of more than {MOST:,} bytes in it")
            return {each.filename: archive.read(each) for each in there}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(str(error)) from error


def read_folder(path: Path) -> dict[str, bytes]:
    """Return the files of these names in a directory, those that are there."""
    return {name: read_file(path / name) for name in FILES if (path / name).is_file()}
