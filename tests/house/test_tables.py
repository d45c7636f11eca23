"""One table for each kind of thing: what stands in one list stands in every other that needs it."""

import importlib
from typing import get_args

import pytest

from lstmzoo.__main__ import COMMANDS
from lstmzoo.config import averages, optimizers, schedules
from lstmzoo.config.differences import changeable, settings_of
from lstmzoo.config.experiment import ExecutionSpec, Experiment
from lstmzoo.data.corpora import CORPORA
from lstmzoo.execution.auto import KERNELS
from lstmzoo.execution.kernels import LAYERS
from lstmzoo.export.formats.registry import FORMATS
from lstmzoo.inference.runtimes import RUNTIMES
from lstmzoo.models.spec import ENCODINGS, SYMBOLIC, ModelSpec, Sizes
from lstmzoo.report.run_plots import PICTURES
from lstmzoo.report.views import VIEWERS
from lstmzoo.runs.places import runs_root, sweeps_root
from lstmzoo.schema.places import sections_in
from lstmzoo.tasks.char import CharSpec
from lstmzoo.tasks.registry import TASKS
from lstmzoo.zoo.pretrained import EXPORTED
from tests.helpers.trying import BASE
from tests.house import test_layers


def schema_of(section):
    return section.model_json_schema(by_alias=True)


def test_each_kernel_has_a_function_a_name_in_the_config_and_a_meaning():
    key = schema_of(ExecutionSpec)["properties"]["kernel"]
    assert LAYERS.keys() == KERNELS.keys()
    assert key["enum"] == ["auto", *KERNELS]
    assert key["description"] == "; ".join(f"{name}: {kernel.meaning}" for name, kernel in KERNELS.items()) + "."


def test_each_schedule_is_a_section_of_its_kind():
    found = [section for section in sections_in(schedules.Schedule) if section is not schedules._Schedule]
    assert found == list(schedules.SCHEDULES.values()) == schedules._Schedule.__subclasses__()
    for kind, schedule in schedules.SCHEDULES.items():
        assert schedule().kind == kind
        rates = {schedules.rate_at(schedule(), 1.0, 5, progress, 0) for progress in (0.1, 0.9)}
        assert (len(rates) > 1) == schedule.needs_length


def test_each_average_is_a_section_of_its_kind():
    assert list(averages.AVERAGES.values()) == averages._Average.__subclasses__()
    for kind, average in averages.AVERAGES.items():
        assert average(kind=kind).kind == kind and 0 <= average(kind=kind).start < 1
        assert average.needs_length == ("start" in average.model_fields)


def test_each_optimizer_has_a_class_and_a_section():
    assert optimizers.OPTIMIZERS.keys() == optimizers.CLASSES.keys() == optimizers.SECTIONS.keys()


def test_each_encoding_is_one_of_the_config_and_of_some_task():
    assert schema_of(ModelSpec)["properties"]["encoding"]["enum"] == ["auto", *ENCODINGS]
    assert {name for task in TASKS.values() for name in task.Spec.encodings} >= set(SYMBOLIC)
    spec = ModelSpec(encoding="embedding", embedding_dim=3)
    assert [spec.input_dim(name, Sizes(7, 2)) for name in ENCODINGS] == [1, 7, 3, 2]


def test_each_corpus_is_one_of_the_config():
    assert CORPORA.keys() == set(schema_of(CharSpec)["properties"]["corpus"]["anyOf"][0]["enum"])


@pytest.mark.parametrize("name", TASKS)
def test_each_task_has_a_section_of_its_kind_and_a_picture_that_can_be_drawn(name):
    section = TASKS[name].Spec
    assert get_args(section.model_fields["kind"].annotation) == (name,)
    assert section in sections_in(Experiment.model_fields["task"].annotation)
    if name == "echo":
        assert TASKS[name](section(kind=name), 5, 0).picture().kind in PICTURES
    assert PICTURES.keys() == VIEWERS.keys()


def test_what_may_change_on_a_resume_is_marked_and_the_rest_is_not():
    assert changeable(Experiment) == (
        *("train.epochs", "train.steps", "train.time_budget", "train.optimizer.learning_rate", "train.schedule"),
        *(
            "train.grad_clip_norm",
            "train.grad_clip_value",
            "validate.every_steps",
            "validate.patience",
            "sample",
            "checkpoint",
        ),
    )
    known = settings_of(Experiment.model_validate(BASE))
    assert all(any(path == key or path.startswith(f"{key}.") for path in known) for key in changeable(Experiment))


def test_each_command_is_a_module_with_a_main():
    assert COMMANDS.keys() == test_layers.COMMANDS
    for name, command in COMMANDS.items():
        assert command.module in (f"lstmzoo.{name}", f"lstmzoo.{name}.__main__")
        assert callable(importlib.import_module(command.module).main)


def test_each_export_format_is_named_where_users_read():
    assert set(EXPORTED) == {form.ending for form in FORMATS.values() if form.ending}
    package = test_layers.PACKAGE
    for place in ("export/__main__.py", "export/write.py"):
        assert [name for name in FORMATS if name not in (package / place).read_text()] == [], place
    for place in ("sample.py", "score.py", "predict.py"):
        assert [name for name in RUNTIMES if name not in (package / place).read_text()] == [], place


def test_default_folders_are_those_of_the_help():
    for place, root in (("run.py", runs_root()), ("sweep/__main__.py", sweeps_root())):
        assert f"default: {root}/NAME" in (test_layers.PACKAGE / place).read_text()
