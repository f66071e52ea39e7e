"""The variables of a setting, and the value that each weight sees at each step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.inner_optimizers import Learned
from keras_meta.inner_optimizers.setting import Scheduled, Setting
from tests import reference

SHAPES = [(2, 3), (3,), (3, 1)]
LAYERS = [0, 0, 1]
HALVED = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.05])


def setting(value, steps=4, dtype="float32"):
    weights = [keras.Variable(np.zeros(shape, dtype), dtype=dtype) for shape in SHAPES]
    return Setting(keras.layers.Layer(), "rate", value, weights, LAYERS, steps)


def values(read, step=0):
    return [read(position, step, "float32").numpy() for position in range(3)]


def test_a_number_is_one_variable_that_is_not_trained():
    found = setting(0.3)
    (variable,) = found.variables
    assert variable.shape == () and not variable.trainable and not found.learned
    np.testing.assert_allclose(values(found.read()), 0.3)


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize(
    ("per", "shapes"),
    [("all", [()]), ("layer", [(2,)]), ("weight", [(3,)]), ("parameter", SHAPES)],
)
def test_each_weight_sees_its_own_factor_of_the_initial_value(per, shapes, per_step):
    found = setting(Learned(0.5, per, per_step))
    expected = [(4, *shape) if per_step else shape for shape in shapes]
    assert [tuple(v.shape) for v in found.variables] == expected
    assert all(v.trainable for v in found.variables)
    for variable in found.variables:
        np.testing.assert_array_equal(variable, np.ones(variable.shape))
    generator = np.random.default_rng(0)
    tables = [generator.normal(size=v.shape).astype("float32") for v in found.variables]
    for variable, table in zip(found.variables, tables, strict=True):
        variable.assign(table)
    rows = [table[2] if per_step else table for table in tables]
    factors = {
        "all": lambda: [rows[0]] * 3,
        "layer": lambda: [rows[0][0], rows[0][0], rows[0][1]],
        "weight": lambda: list(rows[0]),
        "parameter": lambda: rows,
    }[per]()
    for value, factor in zip(values(found.read(), step=2), factors, strict=True):
        np.testing.assert_allclose(value, 0.5 * factor, rtol=1e-6)


@pytest.mark.parametrize("step", [3, tf.constant(3), 9])
def test_steps_beyond_the_table_use_its_last_row(step):
    found = setting(Learned(0.5, per_step=True), steps=3)
    found.variables[0].assign([0.2, 0.4, 0.6])
    np.testing.assert_allclose(values(found.read(), step), 0.3)
    assert setting(Learned(0.5, per_step=True), steps=0).variables[0].shape == (1,)


def test_a_setting_that_starts_at_zero_is_learned_itself():
    found = setting(Learned(0.0))
    found.variables[0].assign(0.25)
    np.testing.assert_array_equal(values(found.read()), [0.25] * 3)


def test_variables_are_read_once_whatever_is_assigned_later():
    found = setting(0.3)
    read = found.read()
    found.variables[0].assign(0.7)
    np.testing.assert_allclose(values(read), 0.3)
    np.testing.assert_allclose(values(found.read()), 0.7)


def test_the_value_has_the_precision_of_the_weights():
    found = setting(Learned(0.1), dtype="float64")
    assert found.variables[0].dtype == "float64"
    assert float(found.read()(0, 0, "float64")) == 0.1
    assert found.read()(0, 0, "float16").dtype == tf.float16


def test_a_constraint_is_that_of_the_variables():
    (variable,) = setting(Learned(0.1, constraint="non_neg")).variables
    assert isinstance(variable.constraint, keras.constraints.NonNeg)


def test_a_setting_of_each_parameter_needs_shapes():
    class Weight:
        shape, dtype = (3, None), "float32"

    with pytest.raises(ValueError, match="State `num_ways`.*`rate` with per='parameter'"):
        Setting(keras.layers.Layer(), "rate", Learned(0.1, "parameter"), [Weight()], [0], 1)


def test_a_schedule_is_a_function_of_the_step():
    read = Scheduled(HALVED).read()
    rates = [float(read(0, tf.constant(step), "float64")) for step in range(3)]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.05], rtol=1e-6)
    assert read(0, 0, "float64").dtype == tf.float64


@pytest.mark.parametrize("checkpoint_steps", [False, True])
def test_a_learner_follows_a_schedule(checkpoint_steps, tmp_path):
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((2,)), dense(3, "tanh"), dense(1)])
    learner = learners.MAML(model, HALVED, 3, checkpoint_steps=checkpoint_steps)
    learner.compile("sgd", "mse")
    generator = np.random.default_rng(0)
    x, y = (generator.normal(size=(5, n)).astype("float32") for n in (2, 1))
    weights = [tf.constant(w) for w in model.get_weights()]
    weights = reference.adapt(weights, x, y, 0.1, steps=1)
    weights = reference.adapt(weights, x, y, 0.05, steps=2)
    made = [learner]
    if checkpoint_steps:
        learner.save(tmp_path / "learner.keras")
        made.append(keras.saving.load_model(tmp_path / "learner.keras"))
    for each in made:
        for found, expected in zip(each.adapt(x, y).get_weights(), weights, strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-6)
    with pytest.raises(ValueError, match="follows a schedule"):
        learner.inner_learning_rate = 0.2
