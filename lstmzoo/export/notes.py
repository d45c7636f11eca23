"""What travels with an exported model: its vocabulary and its card, under the same names in every format."""

import zipfile
from pathlib import Path
from typing import NamedTuple

from lstmzoo.data.vocabulary import Vocabulary

VOCABULARY, CARD = "vocab.json", "README.md"


class Notes(NamedTuple):
    """The vocabulary of a model that writes text, and what a person should know of it (Markdown)."""

    vocabulary: Vocabulary | None
    card: str

    def files(self) -> dict[str, bytes]:
        """Name -> content."""
        vocabulary = {} if self.vocabulary is None else {VOCABULARY: self.vocabulary.content()}
        return {**vocabulary, CARD: self.card.encode()}


def append_zip(path: Path, notes: Notes) -> None:
    """Add the notes to a file: to its archive if it is one, else as one behind it, which its readers pass over."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in notes.files().items():
            archive.writestr(zipfile.ZipInfo(name), content)
