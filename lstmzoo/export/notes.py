"""The vocabulary and the card that are inside every exported model, under the same names in every format."""

from pathlib import Path
from typing import NamedTuple

from lstmzoo.data.vocabulary import Vocabulary

VOCABULARY, CARD = "vocab.json", "README.md"


class Notes(NamedTuple):
    """The vocabulary of a model that writes text (None for another model), and its card (Markdown)."""

    vocabulary: Vocabulary | None
    card: str

    def files(self) -> dict[str, bytes]:
        """Return the content of each file by its name."""
        vocabulary = {} if self.vocabulary is None else {VOCABULARY: self.vocabulary.content()}
        return {**vocabulary, CARD: self.card.encode()}


def append_zip(path: Path, notes: Notes) -> None:
    """Add the notes to a file: to its zip archive, or as an archive behind other content, which its readers ignore."""
    import zipfile  # not above: `sample` reads the formats' records and must start fast

    with zipfile.ZipFile(path, "a") as archive:
        for name, content in notes.files().items():
            archive.writestr(zipfile.ZipInfo(name), content)
