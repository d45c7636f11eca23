"""The char task: predict the next symbol of a text."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, model_validator
from typing_extensions import Self

from lstmzoo.data.corpora import CORPORA, corpus_files
from lstmzoo.data.lanes import Lanes, Scored
from lstmzoo.data.reading import Reading
from lstmzoo.data.text import count_symbols, read_text
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import InputError
from lstmzoo.schema.section import NULL, Fraction, Section, all_expected, expected
from lstmzoo.system.unicode import MARK
from lstmzoo.tasks.laid import Laid
from lstmzoo.tasks.paths import find_files
from lstmzoo.tasks.text_parts import Files, OneStream

if TYPE_CHECKING:
    import numpy as np


def _files(value: Any, info: ValidationInfo) -> Any:
    """Return absolute paths for a path, a list or a glob, relative to the first folder of the context that has them."""
    if value is None:
        return None
    names = list(value) if isinstance(value, (list, tuple)) else [value]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise expected("a path, a list of paths, or a glob such as texts/*.txt")
    return tuple(file for name in names for file in find_files(name, info.context or {}, "a text file"))


if TYPE_CHECKING:
    CorpusName = str
else:
    CorpusName = Literal[tuple(CORPORA)]


class CharSpec(Section):
    """The section of the char task: predict the next symbol of a text."""

    kind: Literal["char"]
    """char: predict the next symbol of a text."""
    corpus: CorpusName | None = None
    """A named text: python-stdlib (this Python's own modules, needs no network) or tinyshakespeare (fetched once)."""
    text: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(_files, json_schema_input_type=str | list[str] | None),
        Field(json_schema_extra={"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, NULL]}),
    ] = None
    """Instead of corpus: a path, a list of paths, or a glob, relative to this file; read one after another."""
    unit: Literal["char", "byte"] = "char"
    """A symbol is a Unicode character or a byte."""
    lowercase: bool = False
    """Upper-case symbols become lower-case ones."""
    errors: Literal["strict", "replace"] = "strict"
    """Bytes that are no UTF-8: an error with their offset, or replaced by U+FFFD."""
    normalize: Literal["NFC"] | None = None
    """NFC: a letter and its accent are one character, however a text or prompt writes them; null: as written."""
    segment: Literal["file"] | None = None
    """file: no file is joined to the next, its state begins at zero, its end is for validation; null: one text."""
    test_fraction: Fraction | None = None
    """Share at the end of the text (of each file) to be tested on at a run's end, with its best weights; null: none."""
    _mark: bool = PrivateAttr(False)

    encodings: ClassVar[tuple[str, ...]] = ("one_hot", "embedding")  # the default one first
    data_keys: ClassVar[tuple[str, ...]] = ("corpus", "text")
    vocab_size: ClassVar[int] = 2  # at least: the text is not read yet
    measured: ClassVar[tuple[str, ...]] = ("val_loss", "val_bpc")
    writes: ClassVar[bool] = True

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        found, given = [], [key for key in ("corpus", "text") if getattr(self, key) is not None]
        if len(given) != 1:
            found.append((f"exactly one of corpus and text ({' and '.join(given) or 'none'} given)", ""))
        if self.normalize and self.unit == "byte":
            found.append(("null with unit byte", "normalize"))
        if self.errors != "strict" and self.unit == "byte":
            found.append(("strict with unit byte, of which none is wrong", "errors"))
        if found:
            raise all_expected(found)
        return self

    def check(self, batch_size: int, seq_length: int, fraction: float | None) -> None:
        """Raise for a validation part without symbols; `fraction=None`: no validation."""
        found = []
        if fraction == 0:
            found.append(("a share above 0, or validate.every_steps: 0", "validate.fraction"))
        if (self.test_fraction or 0) + (fraction or 0) >= 1:
            found.append(("a share below 1 together with validate.fraction", "task.test_fraction"))
        if found:
            raise all_expected(found)

    def bytes_needed(self) -> int:
        """Return 0: the text stays on disk."""
        return 0

    def warnings(self, seq_length: int) -> list[str]:
        """Return no warnings: the char task has no settings that are legal but probably a mistake."""
        return []

    def reading(self) -> Reading:
        """Return the settings for reading bytes as symbols."""
        return Reading(self.unit, self.lowercase, self.errors, self.normalize, self._mark)

    def reading_as(self, vocabulary: Vocabulary) -> Self:
        """Return the section of a run that goes on with its vocabulary, which may have the mark before its text."""
        found = self.model_copy()
        found._mark = MARK in vocabulary.codes
        return found


class Char:
    """The char task of one run: a text of which a part is for validation."""

    Spec = CharSpec

    def __init__(self, spec: CharSpec, batch_size: int, seed: int, fraction: float = 0.1):
        files, reading = (
            [Path(name) for name in spec.text] if spec.text else corpus_files(str(spec.corpus)),
            spec.reading(),
        )
        self.text = read_text(files, reading)
        self.vocabulary = self.text.vocabulary
        self.vocab_size = len(self.vocabulary)
        self.parts: OneStream | Files
        self.tests = bool(spec.test_fraction)
        if spec.segment is None:
            self.parts = OneStream(self.text.ids, batch_size, fraction, spec.test_fraction or 0)
        else:
            lengths = count_symbols(files, reading, self.text)
            self.parts = Files(self.text.ids, lengths, batch_size, fraction, spec.test_fraction or 0)

    def release(self) -> None:
        """Free the memory of the text's pages, which can be read from disk again."""
        self.text.release()

    def facts(self) -> dict[str, Any]:
        """Return digest and sizes of the text, for environment.json."""
        return {**self.text.facts(), **self.parts.facts()}

    def describe(self) -> dict[str, str]:
        """Describe the test, if there is one, and the segments, if each file is one."""
        return self.parts.describe()

    def check(self, seq_length: int, validates: bool) -> None:
        """Raise for a text of a single symbol, and for one that is too short to train or validate on."""
        if self.vocab_size < 2:
            raise InputError(
                "task: expected a text with two different symbols or more, received one that repeats a single symbol: "
                "take another text"
            )
        self.parts.check(seq_length, validates)
        if self.tests and not self.to_test():
            raise InputError(
                "task.test_fraction: expected a last part of 2 symbols or more, received less: raise it, or take a "
                "longer text"
            )

    def windows(self, seq_length: int) -> tuple[int, int]:
        """Count the windows of an epoch, and the symbols of the training part that are not an input of any window."""
        return self.parts.windows(seq_length)

    def epoch_lanes(self, epoch: int) -> Lanes | Laid:
        """Return the windows of the training part, the same ones in every epoch."""
        return self.parts.to_train()

    def validation(self) -> Scored | Laid:
        """Return the windows of what is validated on; every target counts."""
        return self.parts.to_validate()

    def to_test(self) -> list[np.ndarray]:
        """Return the ids of the part that a run is tested on, or of the parts of its files."""
        return self.parts.to_test()

    def measures(self, loss: float, accuracy: float) -> dict[str, float]:
        """Return val_loss in nats per symbol and val_bpc in bits per symbol, from the mean loss in nats."""
        return {"val_loss": loss, "val_bpc": loss / log(2)}

    def picture(self) -> None:
        """Draw only the loss: samples show the rest."""

    def loss_floor(self, seq_length: int, reset_state: str) -> float | None:
        """Return None: the lowest possible loss of a text is unknown."""
        return None
