"""The registry of names."""

import pytest

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.models import registry
from lstmzoo.zoo import catalogue


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))


def test_names_match_patterns():
    assert lstmzoo.list_models("echo_*") == ["echo_3x4", "echo_3x4_cells", "echo_4", "echo_4_5_cells"]
    assert lstmzoo.list_models("nothing*") == []
    assert "char_2x128_cells" in lstmzoo.list_models()


def test_a_registered_name_is_a_model():
    lstmzoo.register_model("tiny", {"kind": "stacked_layers", "units": 2, "depth": 2})
    lstmzoo.register_model("tinier", kind="single", units=1)
    assert lstmzoo.get_model("tiny").layers == (2, 2)
    assert lstmzoo.list_models("tin*") == ["tinier", "tiny"]


def test_a_bad_description_is_one_message():
    with pytest.raises(
        InputError, match="^model unit: expected a key that exists, received 'unit'; did you mean units"
    ):
        lstmzoo.register_model("tiny", unit=2)
    assert "tiny" not in lstmzoo.list_models()
    with pytest.raises(InputError, match="expected a model name of letters"):
        lstmzoo.register_model("a name", units=2)


def test_a_taken_name_raises():
    with pytest.raises(InputError, match="expected a new model name, received 'echo_4', which is taken"):
        lstmzoo.register_model("echo_4", units=5)


def test_an_unknown_name_lists_near_ones():
    with pytest.raises(InputError, match="received 'echo4'; did you mean echo_4"):
        lstmzoo.get_model("echo4")


def test_the_table_shows_names_units_and_parameters():
    table = catalogue.describe_models("echo_4*")
    assert "echo_4          single          4                   106  [1]     val_loss 0.000" in table
    assert "4 5                 308  [2]     val_loss 0.000" in table
    assert "[1] Hallstrom" in table


def test_the_table_says_what_parameters_are_counted_for():
    assert {name: catalogue.count_of(registry.get_entry(name)) for name in lstmzoo.list_models("series_*")} == {
        name: lstmzoo.build_model(name, encoding="features", batch_size=1, input_dim=1, outputs=1).count_params()
        for name in ("series_1x16", "series_1x16_cells", "series_2x32", "series_2x32_cells")
    }
    table = catalogue.describe_models("series_*")
    assert "series_1x16        single          16                1,169  [1]" in table
    assert "parameters of series models: for one input and one target\n" in table and "65 symbols" not in table


def test_parameters_follow_the_encoding():
    lstmzoo.register_model("embedded", kind="single", units=8, encoding="embedding", embedding_dim=4)
    model = lstmzoo.build_model("embedded", vocab_size=65, encoding="embedding", batch_size=1)
    assert catalogue.count_of(registry.get_entry("embedded")) == model.count_params()


def test_trained_models_are_found_by_a_pattern_too():
    for pattern in ("clipper", "zoo:clip*"):
        assert [line.split()[0] for line in catalogue.describe_models(pattern).splitlines()[1:]] == ["zoo:clipper"]
    table = catalogue.describe_models("echo_3*")
    assert "echo_3x4" in table and "zoo:" not in table
    assert all(name in catalogue.describe_models() for name in ("zoo:clipper", "zoo:echo_4", "char_2x512"))
    with pytest.raises(InputError, match="expected a pattern that matches a model, received 'zoo:nothing'"):
        catalogue.describe_models("zoo:nothing")
    with pytest.raises(InputError, match="received 'cliper'; did you mean zoo:clipper"):
        catalogue.describe_models("cliper")
