"""The sections of an experiment, from the name down to the execution: what each key means, and its default.

A section that a module owns (`model`, `task`, `optimizer`, `schedule`) is described there.
"""

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from typing_extensions import Self

from lstmzoo.config.averages import Average
from lstmzoo.config.optimizers import DEFAULT, Optimizer
from lstmzoo.config.resets import ResetRule
from lstmzoo.config.schedules import Constant, Schedule
from lstmzoo.config.sources import LENGTHS
from lstmzoo.errors import did_you_mean
from lstmzoo.execution.auto import KERNELS
from lstmzoo.models.registry import get_model, list_models
from lstmzoo.models.spec import SYMBOLIC, ModelSpec
from lstmzoo.schema.section import (
    MAY_CHANGE,
    Count,
    CountOrNever,
    Fraction,
    NonNegative,
    Positive,
    Section,
    all_expected,
    expected,
)
from lstmzoo.schema.yaml_scanner import no_space
from lstmzoo.tasks.registry import TaskSpec


def _without_tag(schema: dict[str, Any]) -> None:
    """Let a schema leave out the tag of a union: an editor must not ask for it."""
    schema["anyOf"] = schema.pop("oneOf")
    schema.pop("discriminator", None)


def seconds(value: Any) -> Any:
    """Convert a time such as "10m" to seconds, for pydantic to check."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h)", value) if isinstance(value, str) else None
    if match:
        return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    if isinstance(value, str):
        raise expected('seconds, as a number or such as "180s", "10m" or "2h"')
    return value


def _from_zoo(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in list_models():
        raise expected("a model of the zoo", near=no_space(value) or did_you_mean(value, list_models()))
    return get_model(value)


def file_name(name: str) -> str:
    """Check that a name can be the name of a directory."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        raise expected("a name of at most 100 letters, digits, '.', '_' and '-'")
    return name


def _hallstroms(value: Any) -> Any:
    return (
        {"name": DEFAULT, "learning_rate": 0.3, **value} if isinstance(value, dict) and "name" not in value else value
    )


class TrainSpec(Section):
    """Training by truncated back-propagation through time."""

    batch_size: Count = 5
    """B, parallel lanes."""
    seq_length: Count = 15
    """T, steps of a window: how far gradients reach."""
    epochs: Annotated[Count | None, MAY_CHANGE] = None
    """Length of the run in epochs (exactly one of epochs, steps, time_budget)."""
    steps: Annotated[Count | None, MAY_CHANGE] = None
    """Length of the run in steps."""
    time_budget: Annotated[
        Positive | None, BeforeValidator(seconds, json_schema_input_type=Positive | str | None), MAY_CHANGE
    ] = None
    """Length of the run in seconds of training calls while the process is awake: a number, or "180s", "10m", "2h"."""
    optimizer: Annotated[Optimizer, BeforeValidator(_hallstroms)] = Field(
        {}, validate_default=True, json_schema_extra=_without_tag
    )
    """An optimizer of tf_keras by name, with its arguments."""
    schedule: Annotated[Schedule, MAY_CHANGE] = Field(Constant(), json_schema_extra=_without_tag)
    """How the learning rate changes over the run."""
    grad_clip_norm: Annotated[Positive | None, MAY_CHANGE] = None
    """Largest norm of all gradients together; null: no clipping."""
    grad_clip_value: Annotated[Positive | None, MAY_CHANGE] = None
    """Largest size of each value of a gradient, of all lanes together; null: no clipping."""
    reset_state: ResetRule = "epoch"
    """When the carried state is set to zero: epoch, never, window, or {probability: p} at each window's start."""
    average: Average | None = None
    """An average of the weights over the steps, which is what is validated, sampled, kept and exported."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        found, given = [], [key for key in LENGTHS if getattr(self, key) is not None]
        if len(given) != 1:
            found.append((f"exactly one of {', '.join(LENGTHS)} ({' and '.join(given) or 'none'} given)", ""))
        clips = [
            key for key in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(self.optimizer, key) is not None
        ]
        clips += [key for key in ("grad_clip_norm", "grad_clip_value") if getattr(self, key) is not None]
        if len(clips) > 1:
            found.append((f"one way of clipping gradients ({' and '.join(clips)} given)", ""))
        if found:
            raise all_expected(found)
        return self


class ValidateSpec(Section):
    """Validation, from zero state; training never notices it."""

    every_steps: Annotated[CountOrNever, MAY_CHANGE] = 500
    """Steps between two validations, and one at the end; 0: never."""
    fraction: Fraction = 0.1
    """Share to validate on. char: behind what is trained on; series: so of each segment; echo: a series of its own."""
    patience: Annotated[Count | None, MAY_CHANGE] = None
    """Validations in a row without a better val_loss after which the run stops early; null: it never does."""


class SampleSpec(Section):
    """Text that the model writes while it is trained; training never notices it."""

    every_steps: CountOrNever = 500
    """Steps between two samples, and one at the end; 0: never."""
    length: Count = 300
    """Symbols of a sample."""
    temperature: NonNegative = 1.0
    """Logits are divided by it: below 1 safer, above 1 wilder; 0: always the likeliest symbol."""


class CheckpointSpec(Section):
    """Checkpoints that are kept while a run goes on."""

    every_steps: CountOrNever = 500
    """Steps between two checkpoints, beside the best and the last; 0: only these."""
    keep: Count = 2
    """How many of the last checkpoints stay, beside the best."""


if TYPE_CHECKING:
    KernelName = str
else:
    KernelName = Literal[("auto", *KERNELS)]


class ExecutionSpec(Section):
    """Execution of the same mathematics; fixed before step 0."""

    kernel: KernelName = "auto"
    """keras: its own layers (cuDNN on a GPU); scan: own gradient; xla: that, compiled by XLA; native: that, in C++."""
    threads: Literal["auto"] | Annotated[int, Field(ge=1, le=1024)] = "auto"
    """Threads of TensorFlow, within an op and between ops."""
    shards: Literal["auto"] | Annotated[int, Field(ge=1, le=1024)] = "auto"
    """Parts of the lanes, computed side by side; their gradients are added in the order of lanes. auto: by threads."""
    sum: Literal["gather", "ring"] = "gather"
    """With several hosts. gather: in the order of lanes; ring: less is sent, but numbers depend on how many hosts."""
    windows_per_call: Literal["auto"] | Count = "auto"
    """Windows in one call of the graph, at most: a signal waits for the call."""


class Experiment(Section):
    """One whole experiment, as a YAML file describes it."""

    name: Annotated[str, AfterValidator(file_name)] = "run"
    """Names the run directory."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of initial weights, data and dropout."""
    task: TaskSpec
    """What is to be learnt."""
    model: Annotated[ModelSpec, BeforeValidator(_from_zoo, json_schema_input_type=ModelSpec | str)]
    """A name of the zoo, or a description."""
    train: TrainSpec
    """How it is trained."""
    validation: ValidateSpec = Field(ValidateSpec(), alias="validate")
    """When and on how much it is validated."""
    sample: Annotated[SampleSpec, MAY_CHANGE] = SampleSpec()
    """char only: when and how much it writes."""
    checkpoint: Annotated[CheckpointSpec, MAY_CHANGE] = CheckpointSpec()
    """When a checkpoint is written, and how many stay."""
    execution: ExecutionSpec = ExecutionSpec()
    """Kernel and threads; auto is a rule of config, device and versions."""

    @model_validator(mode="after")
    def _fits_task(self) -> Self:
        fraction = self.validation.fraction if self.validation.every_steps else None
        self.task.check(self.train.batch_size, self.train.seq_length, fraction)
        found = []
        shards, lanes = self.execution.shards, self.train.batch_size
        if shards != "auto" and shards > lanes:
            found.append((f"at most train.batch_size ({lanes}): a shard has one lane or more", "execution.shards"))
        if self.model.encoding not in ("auto", *self.task.encodings):
            found.append((f"auto, {' or '.join(self.task.encodings)} with the {self.task.kind} task", "model.encoding"))
        if self.model.skip and self.encoding in SYMBOLIC:
            found.append((f"false with the {self.task.kind} task, whose inputs are symbols", "model.skip"))
        if not self.task.writes and "sample" in self.model_fields_set:
            kind = self.task.kind
            found.append((f"no such section with the {kind} task, which writes no text", "sample"))
        if found:
            raise all_expected(found)
        return self

    @property
    def encoding(self) -> str:
        """Encoding of a symbol for the net, with `auto` decided."""
        return self.task.encodings[0] if self.model.encoding == "auto" else self.model.encoding

    @property
    def cadences(self) -> list[int]:
        """Steps from one validation, sample or checkpoint to the next; they end a call of the graph."""
        sample = self.sample.every_steps if self.task.writes else 0
        return [every for every in (self.validation.every_steps, sample, self.checkpoint.every_steps) if every]

    def warnings(self) -> list[str]:
        """List what is legal but probably not meant, a sentence each."""
        found = self.task.warnings(self.train.seq_length)
        if self.model.dropout and len(self.model.layers) == 1:
            found.append("model.dropout acts between layers: with one layer it does nothing")
        if self.validation.patience and not self.validation.every_steps:
            found.append("validate.patience counts validations: with validate.every_steps 0 it does nothing")
        return found
