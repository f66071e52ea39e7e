"""Pairs of support and query sets as episodes."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes


def pairs(support_x=(8, 5, 3), support_y=(8, 5), query_x=(8, 9, 3), query_y=(8, 9), batch=4):
    shapes = ((support_x, support_y), (query_x, query_y))
    rng = np.random.default_rng(0)
    tensors = tuple(
        (rng.normal(size=x).astype("float32"), rng.integers(0, 5, y)) for x, y in shapes
    )
    dataset = tf.data.Dataset.from_tensor_slices(tensors)
    return tensors, dataset.batch(batch) if batch else dataset


def test_values_arrive_where_they_belong():
    ((support_x, support_y), (query_x, query_y)), dataset = pairs(batch=8)
    inputs, targets = next(iter(episodes.from_task_pairs(dataset)))
    np.testing.assert_array_equal(inputs["support_x"], support_x)
    np.testing.assert_array_equal(inputs["support_y"], support_y)
    np.testing.assert_array_equal(inputs["query_x"], query_x)
    np.testing.assert_array_equal(targets, query_y)
    assert set(inputs) == {"support_x", "support_y", "query_x"}
    assert inputs["support_y"].dtype == targets.dtype == tf.int32


def test_cardinality_is_kept_and_regression_targets_stay_floating():
    def floating(support, query):
        return (support[0], support[0]), (query[0], query[0])

    dataset = episodes.from_task_pairs(pairs()[1].map(floating))
    assert dataset.cardinality() == 2
    assert dataset.element_spec[1] == tf.TensorSpec([None, 9, 3], tf.float32)


def test_nested_features():
    def nest(support, query):
        return ({"a": support[0]}, support[1]), ({"a": query[0]}, query[1])

    inputs, _ = next(iter(episodes.from_task_pairs(pairs()[1].map(nest))))
    assert inputs["query_x"]["a"].shape == (4, 9, 3)


def test_unknown_shapes_are_let_through():
    pair = (tf.TensorSpec(None, tf.float32), tf.TensorSpec([None, None], tf.int64))
    dataset = tf.data.Dataset.from_generator(lambda: iter([]), output_signature=(pair, pair))
    assert episodes.from_task_pairs(dataset).element_spec[1].dtype == tf.int32


def test_not_a_dataset():
    with pytest.raises(TypeError, match="`dataset` must be a `tf.data.Dataset`. Received: list."):
        episodes.from_task_pairs([1])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (
            tf.data.Dataset.from_tensors((tf.zeros([2, 3]), {"a": tf.zeros([2])})),
            r"Elements must be \(\(support_x.*Received: elements \(\(2, 3\), \{'a': \(2,\)\}\)\.",
        ),
        (pairs(batch=None)[1], r"support_x of shape \(5, 3\) and support_y of shape \(5,\). Call"),
        (pairs(query_y=(8, 7))[1], r"`query_x` and `query_y` must .*\(None, 9, 3\) .*\(None, 7\)"),
    ],
)
def test_wrong_elements(dataset, message):
    with pytest.raises(ValueError, match=message):
        episodes.from_task_pairs(dataset)
