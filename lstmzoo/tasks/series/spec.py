"""The section of the series task: which columns of which tables, and what is predicted from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator
from typing_extensions import Self

from lstmzoo.data.simulated import SIMULATIONS, find_simulation, is_simulation
from lstmzoo.errors import nearest
from lstmzoo.schema.section import NULL, Count, CountOrNever, Positive, Section, all_expected, expected
from lstmzoo.tasks.paths import find_files
from lstmzoo.tasks.task import TableRows, Words

Files = tuple[str | dict[str, str], ...]
Columns = tuple[str | int, ...]
WHAT = "a table (CSV, NPY, NPZ or WAV): a path, a list, a glob, or names with a file each"
PATH = {"type": "string"}
SIDE_BY_SIDE = {"type": "object", "additionalProperties": PATH}
ONE = [PATH, SIDE_BY_SIDE]
SCHEMA = {"anyOf": [*ONE, {"type": "array", "items": {"anyOf": ONE}}]}


def _tables(value: Any, info: ValidationInfo) -> Any:
    """Return absolute paths of tables, in the order of a list; names with a file each stay together."""
    if value is None:
        return None
    sources = list(value) if isinstance(value, (list, tuple)) else [value]
    if not sources:
        raise expected(WHAT)
    return tuple(found for source in sources for found in _found(source, info.context or {}))


def _found(source: Any, context: dict[str, Any]) -> list[str] | list[dict[str, str]]:
    if isinstance(source, Mapping) and source:
        return [{str(name): _one_file(file, context) for name, file in source.items()}]
    return _files(source, context)


def _one_file(name: Any, context: dict[str, Any]) -> str:
    files = _files(name, context)
    if len(files) > 1:
        raise expected(f"one file beside the others ({name} matches {len(files):,})")
    return files[0]


def _files(name: Any, context: dict[str, Any]) -> list[str]:
    if not isinstance(name, str) or not name:
        raise expected(WHAT)
    return find_files(name, context, "a table or a simulated series", "*.csv", nearest(name, SIMULATIONS))


def _data(value: Any, info: ValidationInfo) -> Any:
    return value if is_simulation(value) else _tables(value, info)


def _listed(value: Any) -> Any:
    """Return a tuple of one name, of a list, or None."""
    if value is None:
        return None
    names = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if not names or any(isinstance(name, bool) or not isinstance(name, (str, int)) for name in names):
        raise expected("a column, by its name or its number from 0 on, or a list of columns")
    if len(set(names)) < len(names):
        raise expected(f"each column once ({next(name for name in names if names.count(name) > 1)} stands twice)")
    return names


Listed = Annotated[Columns | None, BeforeValidator(_listed, json_schema_input_type=str | int | list[str | int] | None)]


class SegmentSpec(Section):
    """The rule for where a segment begins within a file."""

    column: str | int
    """A column of numbers, or of texts in a CSV file: where it changes, a new segment begins."""


class SeriesSpec(Section):
    """The section of the series task: predict numbers from numbers."""

    kind: Literal["series"]
    """series: predict columns of numbers from columns of numbers."""
    data: Annotated[str | Files, BeforeValidator(_data, json_schema_input_type=Any), Field(json_schema_extra=SCHEMA)]
    """Tables, relative to this file: a path, a list, a glob, names with a file each; or a simulated series by name."""
    rows: Count | None = None
    """Rows of a simulated series; it is drawn from the run's seed."""
    inputs: Listed = None
    """Columns by name or number; null: all, with horizon 0 all that are no targets."""
    targets: Listed = None
    """Columns to predict; null: the inputs."""
    horizon: CountOrNever = 1
    """The target of row t stands in row t + horizon; 0: in the same row."""
    segment: SegmentSpec | None = None
    """{column: NAME}: where it changes a new segment begins; null: only with each file."""
    warmup: CountOrNever = 0
    """First steps of each segment, or of a lane's piece of one, that count in no loss and no metric."""
    scale: Literal["standard", "none"] = "standard"
    """standard: by mean and deviation of the training part, undone where people see numbers; none: as they are."""
    missing: Literal["hold"] | None = None
    """hold: an input's last value stands for a missing one, and a column more says where; null: an error."""
    loss: Literal["mse", "mae", "huber"] = "mse"
    """Of the scaled targets, mean over all: squared error, absolute error, or huber, which is the first up to 1."""
    loss_weights: list[Positive] | None = None
    """A weight in the loss for each target, in their order; null: all are equal."""
    validation: Annotated[
        Files | None,
        BeforeValidator(_tables, json_schema_input_type=Any),
        Field(json_schema_extra={"anyOf": [*SCHEMA["anyOf"], NULL]}),
    ] = None
    """Tables to validate on, as for data, instead of the last validate.fraction of each segment."""

    encodings: ClassVar[tuple[str, ...]] = ("features",)
    vocab_size: ClassVar[None] = None
    input_dim: ClassVar[int] = 1  # at least: the tables are not read yet
    outputs: ClassVar[int] = 1
    words: ClassVar[Words] = Words("rows", "", "recordings without a target")
    scales: ClassVar[bool] = True
    data_keys: ClassVar[tuple[str, ...]] = ("data", "validation")
    measured: ClassVar[tuple[str, ...]] = ("val_loss", "val_rmse", "val_mae", "val_r2")
    compared: ClassVar[tuple[str, ...]] = ("val_rmse", "val_r2")
    writes: ClassVar[bool] = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        found = []
        if self.simulated and self.rows is None:
            found.append((f"the rows of the simulated series {self.data}, such as 20000", "rows"))
        if not self.simulated and self.rows is not None:
            found.append(("null: only a simulated series has a choice", "rows"))
        if self.horizon == 0 and self.inputs is None and self.targets is None:
            found.append(("columns, as with horizon 0 the inputs are all that are no targets", "targets"))
        if found:
            raise all_expected(found)
        return self

    @property
    def simulated(self) -> bool:
        """True if data names a simulated series."""
        return isinstance(self.data, str)

    @property
    def table_rows(self) -> TableRows:
        """Place of a target, and the column that says the segment."""
        return TableRows(self.horizon, self.segment.column if self.segment else None)

    @property
    def answer(self) -> str:
        """Say what the outputs at step t are."""
        warm = f"; the first {self.warmup:,} rows of a stream warm it up: no loss counted them" if self.warmup else ""
        return f"are the targets of row t{f' + {self.horizon}' if self.horizon else ''}{warm}"

    def check(self, batch_size: int, seq_length: int, fraction: float | None) -> None:
        """Raise where nothing would be validated on; `fraction=None`: no validation."""
        if fraction == 0 and self.validation is None:
            raise expected("a share above 0, task.validation, or validate.every_steps: 0", "validate.fraction")

    def warnings(self, seq_length: int) -> list[str]:
        """Return no warnings: what is probably a mistake is seen in the data (`facts.warnings_of`)."""
        return []

    def bytes_needed(self) -> int:
        """Estimate the memory for a simulated series, in bytes; files stay on disk."""
        return 8 * (self.rows or 0) * len(find_simulation(str(self.data)).columns) if self.simulated else 0
