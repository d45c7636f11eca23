"""The sections of a sweep's YAML: the meaning and default of each key."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from typing_extensions import Self

from lstmzoo.config.experiment import file_name, seconds
from lstmzoo.schema.section import Count, Positive, Section, expected

Seconds = Annotated[Positive, BeforeValidator(seconds, json_schema_input_type=Positive | str)]


def _not_empty(space: dict[str, Any]) -> dict[str, Any]:
    if not space:
        raise expected("a path of the base, or more, with its values")
    return space


class SearchSpec(Section):
    """The way in which a space is searched."""

    kind: Literal["random", "grid", "bayesian", "hyperband"] = "random"
    """random: independent draws; grid: all of them; bayesian: a Gaussian process; hyperband: many short, few long."""
    trials: Count | None = None
    """Number of trials; grid and hyperband compute it themselves."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the draws."""
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    """Runs of each trial, with seeds one after another from the base's; the objective is their mean."""
    factor: Annotated[int, Field(ge=2)] = 3
    """hyperband: one of so many trials goes on, to so many times the length."""
    smallest: Count = 1
    """hyperband: length of the shortest trials, in the unit of the base's own length (epochs or steps)."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.kind in ("random", "bayesian") and self.trials is None:
            at = "trials" if "kind" in self.model_fields_set else ""  # the kind may be what is wrong
            raise expected(f"a number of trials with search kind {self.kind}", at=at)
        if self.kind != "hyperband":
            for key in ("factor", "smallest"):
                if key in self.model_fields_set:
                    raise expected("this key with search kind hyperband only", at=key)
        return self


class ObjectiveSpec(Section):
    """The objective: the best value over a run."""

    name: str = "val_loss"
    """A measure that the base's runs write."""
    direction: Literal["min", "max"] | None = None
    """min: less is better; max: more is; null: max for an accuracy or r2, min for anything else."""


class SweepSpec(Section):
    """One search, as a YAML file describes it."""

    name: Annotated[str, AfterValidator(file_name)] = "sweep"
    """Name of the directory, and of the runs of its trials."""
    base: str
    """The YAML file of the experiment that is varied, relative to this file."""
    space: Annotated[dict[str, Any], AfterValidator(_not_empty)]
    """The values by dotted path of the base: a range, choices, or a fixed value."""
    search: SearchSpec
    """The way in which the space is searched."""
    objective: ObjectiveSpec = ObjectiveSpec()
    """The number that is searched for."""
    max_failed: Annotated[float, Field(ge=0, le=1)] = 0.33
    """Share of the trials that may fail before the search ends."""
    trial_timeout: Seconds | None = None
    """Seconds (or a text such as "10m") that each run of a trial may take, start-up included; null: no limit."""
    worker_timeout: Annotated[Seconds, Field(ge=1)] = 60.0
    """Seconds without a sign of life after which a worker's trial goes to another one."""
