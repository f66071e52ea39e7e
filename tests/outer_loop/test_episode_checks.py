"""What is said of episodes that do not fit, by the checks themselves."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.outer_loop import episode_checks

GOOD = {
    "support_x": tf.zeros((2, 3, 4)),
    "support_y": tf.zeros((2, 3), tf.int32),
    "query_x": tf.zeros((2, 5, 4)),
}
MODEL = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


def unknown(*shape):
    return tf.TensorSpec(shape, tf.float32)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"support_x": unknown(None, None, 4), "query_x": unknown(None, None, None)},
        {"support_y": tf.zeros((2, 3, 7))},
        {"support_mask": tf.ones((2, 3)), "query_mask": tf.ones((2, 5), tf.bool)},
        {"support_mask": unknown(None, None)},
    ],
)
def test_what_fits(changes):
    episode_checks.check_inputs({**GOOD, **changes}, MODEL)


@pytest.mark.parametrize(
    "inputs, message",
    [
        ((GOOD["support_x"], GOOD["support_y"]), "takes a dict.*from_task_pairs.*Received: tuple"),
        (GOOD["support_x"], "takes a dict of episodes"),
        ({"support_x": GOOD["support_x"]}, r"Missing: \['support_y', 'query_x'\]; unknown: \[\]"),
        ({**GOOD, "mask": 1}, r"Missing: \[\]; unknown: \['mask'\]"),
        ({**GOOD, "query_x": {"a": GOOD["query_x"]}}, "must have the same structure"),
        ({**GOOD, "query_x": tf.zeros((2, 5, 6))}, r"support_x with examples \(4,\).*\(6,\)"),
        ({**GOOD, "support_y": tf.zeros(3)}, r"`support_y` needs two leading axes.*\(3,\)"),
        ({**GOOD, "support_y": unknown(2, 0)}, r"`support_y` is empty.*\(2, 0\)"),
        ({**GOOD, "support_y": tf.zeros((2, 4))}, "differ in number of support examples"),
        ({**GOOD, "support_y": tf.zeros((3, 3))}, "differ in number of tasks"),
        (
            {**GOOD, "support_mask": tf.ones((2, 4))},
            r"`support_mask` must have.*\(2, 4\)",
        ),
        ({**GOOD, "query_mask": tf.ones((2, 5, 1))}, r"`query_mask` must have.*\(2, 5, 1\)"),
    ],
)
def test_what_does_not(inputs, message):
    with pytest.raises(ValueError, match=message) as error:
        episode_checks.check_inputs(inputs, MODEL)
    assert "Received:" in str(error.value)


def test_features_of_several_inputs_may_differ_in_their_numbers_alone():
    several = {"a": tf.zeros((2, 3, 4)), "b": tf.zeros((2, 3, 1))}
    queries = {"a": tf.zeros((2, 5, 4)), "b": tf.zeros((2, 6, 1))}
    with pytest.raises(ValueError, match="differ in number of query examples"):
        episode_checks.check_inputs({**GOOD, "support_x": several, "query_x": queries}, object())


def test_features_that_the_model_does_not_take():
    images = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    inputs = {**GOOD, "support_x": tf.zeros((2, 3, 4, 4)), "query_x": tf.zeros((2, 5, 4, 4))}
    with pytest.raises(ValueError, match=r"must be \[tasks, support, 4, 4, 1\].*channel axis"):
        episode_checks.check_inputs(inputs, images)
    by_name = keras.Model(
        {"b": (b := keras.Input((2,), name="b")), "a": (a := keras.Input((4,), name="a"))},
        keras.layers.Concatenate()([a, b]),
    )
    features = {"a": tf.zeros((2, 3, 4)), "b": tf.zeros((2, 3, 2))}
    queries = {"a": tf.zeros((2, 5, 4)), "b": tf.zeros((2, 5, 2))}
    episode_checks.check_inputs({**GOOD, "support_x": features, "query_x": queries}, by_name)


def test_a_rank_must_be_known():
    @tf.function(input_signature=[tf.TensorSpec(None)])
    def check(labels):
        episode_checks.check_inputs({**GOOD, "support_y": labels}, MODEL)
        return labels

    with pytest.raises(ValueError, match="`support_y` has no static rank.*`tf.ensure_shape`"):
        check.get_concrete_function()


Y = tf.zeros((2, 5), tf.int32)


@pytest.mark.parametrize(
    "y, weight, message",
    [
        (None, None, "no query labels to learn from.*Received: y=None"),
        (tf.zeros(2), None, r"`query_y` needs two leading axes.*\(2,\)"),
        (tf.zeros((3, 5)), None, "differ in their number of tasks"),
        (tf.zeros((2, 4)), None, "differ in their number of queries"),
        ({"a": Y, "b": tf.zeros((2, 4))}, None, "differ in their number of queries"),
        (Y, tf.ones((2, 5, 1)), r"must be \[tasks\] or \[tasks, queries\]. Received: .*2, 5, 1"),
    ],
)
def test_targets_that_do_not_fit(y, weight, message):
    with pytest.raises(ValueError, match=message):
        episode_checks.check_targets(GOOD, y, weight)


def test_weights_of_tasks_and_of_queries():
    check = episode_checks.check_targets
    assert check(GOOD, Y, None) is None
    of_queries = tf.ones((2, 5))
    assert check(GOOD, Y, of_queries) is of_queries
    np.testing.assert_array_equal(check(GOOD, Y, tf.constant([1.0, 2.0])), [[1.0], [2.0]])
    masked = {**GOOD, "query_mask": tf.ones((2, 5))}
    expected = np.repeat([[1.0], [2.0]], 5, axis=1)
    np.testing.assert_array_equal(check(masked, Y, tf.constant([1.0, 2.0])), expected)


def values(num_classes=3, query_y=None, **changes):
    numbers = None if num_classes is None else episode_checks.ClassNumbers(num_classes)
    return episode_checks.checked_values({**GOOD, **changes}, numbers, query_y)


def with_value(key, value):
    array = GOOD[key].numpy()
    array[(0,) * array.ndim] = value
    return {key: tf.constant(array)}


def test_values_that_are_fine_are_returned():
    inputs, query_y = values(query_y=Y)
    keras.tree.map_structure(np.testing.assert_array_equal, inputs, GOOD)
    np.testing.assert_array_equal(query_y, Y)
    assert values()[1] is None
    # Labels that are no class numbers: rows, real numbers, or whatever the loss takes.
    values(support_y=tf.fill((2, 3, 3), 7))
    values(support_y=tf.fill((2, 3), 7.0))
    values(num_classes=None, support_y=tf.fill((2, 3), 7))
    # Labels of sequences, of which one is ignored.
    numbers = episode_checks.ClassNumbers(3, 3, -1)
    rows = tf.constant([[[0, 1, -1, 2]] * 3] * 2)
    episode_checks.checked_values({**GOOD, "support_y": rows}, numbers)
    # Padding may be anything.
    mask = tf.constant([[False, True, True]] * 2)
    values(support_mask=mask, **with_value("support_y", 9))


@pytest.mark.parametrize(
    "changes, message",
    [
        (with_value("support_x", np.nan), "`support_x` contains NaN or Inf"),
        (with_value("query_x", np.inf), "`query_x` contains NaN or Inf"),
        (with_value("support_y", 3), r"`support_y` has a label outside 0..2, the outputs"),
        (with_value("support_y", -1), "`support_y` has a label outside 0..2"),
        ({"query_y": tf.fill((2, 5), 3)}, "`query_y` has a label outside 0..2"),
        ({"support_mask": tf.constant([[True] * 3, [False] * 3])}, "`support_mask` leaves a task"),
        ({"query_mask": tf.zeros((2, 5))}, "`query_mask` leaves a task without examples"),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_values_that_are_not(changes, message, compiled):
    def run():
        inputs, query_y = values(**changes)
        return inputs["query_x"]

    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        (tf.function(run, autograph=False) if compiled else run)()


def test_labels_of_sequences_that_are_not():
    numbers = episode_checks.ClassNumbers(3, 3, -1)
    mask = tf.constant([[True, True, False]] * 2)
    rows = np.zeros((2, 3, 4), "int32")
    rows[:, 2] = 7  # padding
    inputs = {**GOOD, "support_mask": mask}
    episode_checks.checked_values({**inputs, "support_y": tf.constant(rows)}, numbers)
    rows[0, 1, 3] = 3
    with pytest.raises(tf.errors.InvalidArgumentError, match="`support_y` has a label outside"):
        episode_checks.checked_values({**inputs, "support_y": tf.constant(rows)}, numbers)
