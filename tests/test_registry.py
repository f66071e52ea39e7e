"""The registry lists the family once; each row builds what it says."""

import inspect
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_meta
from keras_meta import generators, learners, registry
from keras_meta.registry import stubs
from keras_meta.registry.tables import table

LEARNERS = {row.label: row for row in registry.of_kind("learner")}
BASES = {"AdaptedModel", "EmbeddingLearner", "MetaLearner"}


def dense():
    layers = [keras.layers.Flatten(), keras.layers.Dense(6, "tanh"), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers])


def convolutional():
    return keras_meta.networks.Conv4(num_ways=3, input_shape=(8, 8, 1), filters=4)


def test_labels_are_unique():
    assert len(LEARNERS) == len(registry.of_kind("learner"))
    for kind in ("generated", "statistics"):
        names = [row.name for row in registry.of_kind(kind)]
        assert len(set(names)) == len(names) > 0


def test_every_public_learner_has_a_row():
    public = {
        name
        for name, value in vars(learners).items()
        if inspect.isclass(value) and not name.startswith("_")
    }
    policies = {row.class_name for row in registry.of_kind("policy")}
    assert public == BASES | policies | {row.class_name for row in LEARNERS.values()}
    assert public == set(learners.__all__)
    written = pathlib.Path(learners.__file__).parent.glob("*.py")
    for file in written:
        if file.stem == "__init__":
            continue
        module = f"keras_meta.learners.{file.stem}"
        for name, value in vars(sys.modules[module]).items():
            if inspect.isclass(value) and value.__module__ == module and name[0] != "_":
                assert getattr(learners, name) is value


def test_every_kind_of_generated_learner_has_a_row():
    paths = [row.path for row in registry.of_kind("generated")]
    paths += [row.for_values for row in registry.of_kind("generated") if row.for_values]
    classes = {value for value in vars(generators).values() if inspect.isclass(value)}
    classes -= {generators.GeneratedLearner, generators.TaskEncoder}
    assert {registry.row.resolve(path) for path in paths} == classes


def test_statistics_can_be_imported():
    for row in registry.of_kind("statistics"):
        assert inspect.isclass(row.resolve())


@pytest.mark.parametrize("network", [dense, convolutional])
@pytest.mark.parametrize("label", LEARNERS)
def test_a_row_builds_its_learner(label, network):
    row, model = LEARNERS[label], network()
    learner = row.build_trial(model, seed=7)
    assert type(learner) is row.resolve() and learner.seed == 7
    config = learner.get_config()
    for key, value in {**row.settings, **row.trial}.items():
        # These become one object.
        if key not in ("inner_learning_rate", "inner_optimizer"):
            assert config[key] == value
    if row.generated is not None:
        assert type(learner.generated) is row.generated.resolve()
    # It meta-learns the weights of the network that it was given.
    shared = {id(v) for v in learner.variables} & {id(v) for v in model.variables}
    assert len(shared) >= len(model.variables) - 2  # an embedding leaves out the head
    x, y = np.random.default_rng(0).random((2, 3, 8, 8, 1), "float32"), np.arange(3)[None]
    inputs = {"support_x": x[:1], "support_y": y, "query_x": x[1:]}
    learner.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert learner(inputs).shape == (1, 3, 3)


def test_settings_override_those_of_the_row():
    model = dense()
    assert LEARNERS["fomaml"].build(model).first_order
    assert not LEARNERS["fomaml"].build(model, first_order=False).first_order
    assert LEARNERS["maml"].build_trial(model).inner_steps == 2
    assert LEARNERS["maml"].build_trial(model, inner_steps=4).inner_steps == 4
    generated = generators.LinearSVM(num_ways=3)
    found = LEARNERS["generator of linear"].build_trial(model, generated=generated)
    assert found.generated is generated


def test_a_kind_of_generated_learner_for_values():
    kinds = {row.name: row for row in registry.of_kind("generated")}
    model = keras_meta.networks.SinusoidMLP()
    assert type(kinds["linear"].build(model, regression=True)) is generators.LinearRegression
    assert type(kinds["svm"].build(model, regression=True)) is generators.LinearSVR
    assert kinds["linear"].build(model, num_ways=4).num_ways == 4
    network = kinds["film"].build(model, regression=True)
    assert network.model is not model
    np.testing.assert_array_equal(network.model.get_weights()[0], model.get_weights()[0])


def test_rows_by_name():
    assert registry.learner("generator").generated.name == "linear"
    assert registry.learner("generator", "svm").generated.name == "svm"
    with pytest.raises(ValueError, match="learner must be one of .*Received: 'magic'"):
        registry.learner("magic")
    with pytest.raises(ValueError, match="is for the learner 'generator'. Received: .*'maml'"):
        registry.learner("maml", "svm")
    with pytest.raises(ValueError, match="generated must be one of .*Received: 'magic'"):
        registry.learner("generator", "magic")


def test_a_row_of_another_package():
    """A learner from elsewhere needs a row alone."""
    row = registry.Learner(
        name="mine",
        path="tests.test_registry:Mine",
        family="gradient",
        summary="all weights",
        papers=(),
        trial={"inner_steps": 3},
    )
    assert type(row.build_trial(dense())) is Mine


class Mine(learners.MAML):
    """A learner that is not of this package."""


@pytest.mark.parametrize("family", ["gradient", "embedding", "policy"])
def test_the_tables_of_the_guide(family):
    guide = pathlib.Path(__file__).parents[1] / "docs" / "guides" / "learners.md"
    assert f"\n\n{table(family)}\n\n" in f"{guide.read_text()}\n"


def test_printing_the_tables_imports_nothing_heavy():
    command = [sys.executable, "-X", "importtime", "-m", "keras_meta.registry"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.stdout == "\n\n".join(map(table, ("gradient", "embedding", "policy"))) + "\n"
    for name in ("tensorflow", "keras", "numpy"):
        assert f" {name}\n" not in result.stderr


@pytest.mark.parametrize("package", stubs.PACKAGES)
def test_editors_know_every_public_name(package):
    """Written by `python -m keras_meta.registry --stubs`."""
    text = stubs.file(package).read_text()
    assert text == stubs.stub(package)
    module = sys.modules[".".join(filter(None, ["keras_meta", package]))]
    found = {}
    exec(compile(text, "stub", "exec"), found)
    assert set(module.__all__) <= set(found)
    assert all(found[name] is getattr(module, name) for name in module.__all__ if name[0].isupper())
