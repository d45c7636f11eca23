"""The vocabulary or scaling and the card inside an exported model, under the same names in every format."""

from pathlib import Path
from typing import NamedTuple

from lstmzoo.data.scaling import Scaling
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.units import Units, units_of

VOCABULARY, SCALING, CARD = "vocab.json", "scaling.json", "README.md"


class Notes(NamedTuple):
    """Meaning of a model's symbols or numbers, and its card (Markdown)."""

    vocabulary: Vocabulary | None
    """The symbols of a model that writes text; None for another one."""
    card: str
    scaling: Scaling | None = None
    """The scaling of a model of numbers, which is a part of its graph; None: the graph has the model's own numbers."""

    @property
    def units(self) -> tuple[Units, Units] | None:
        """Units of the inputs and of the outputs of a graph that takes and gives numbers in the units of the data."""
        return None if self.scaling is None else units_of(self.scaling)

    def files(self) -> dict[str, bytes]:
        """Return the content of each file by its name."""
        vocabulary = {} if self.vocabulary is None else {VOCABULARY: self.vocabulary.content()}
        scaling = {} if self.scaling is None else {SCALING: self.scaling.dump().encode()}
        return {**vocabulary, **scaling, CARD: self.card.encode()}


def append_zip(path: Path, notes: Notes) -> None:
    """Add the notes to a file: to its zip archive, or as an archive behind other content, which its readers ignore."""
    import zipfile  # not above: `sample` reads the formats' records and must start fast

    with zipfile.ZipFile(path, "a") as archive:
        for name, content in notes.files().items():
            archive.writestr(zipfile.ZipInfo(name), content)
