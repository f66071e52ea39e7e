"""Episodes as tasks: reading a batch, its padding, and the loss of a task."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.inner_loop.functional import ModelOutput
from keras_meta.outer_loop import episode
from keras_meta.outer_loop.episode import Episode

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
IGNORING = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)


def learner(model=None, loss=LOSS, **kwargs):
    if model is None:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    made = learners.MAML(model, 0.1, **kwargs)
    made.compile("sgd", loss)
    return made


def batch(tasks=2, support=3, queries=2, **more):
    x = np.arange(tasks * (support + queries) * 4, dtype="float32").reshape(tasks, -1, 4)
    y = np.tile(np.arange(support) % 3, (tasks, 1)).astype("int32")
    inputs = {"support_x": x[:, :support], "support_y": y, "query_x": x[:, support:]}
    return keras.tree.map_structure(tf.constant, {**inputs, **more})


def test_reading_keeps_the_batch_and_its_types():
    made, inputs, y = learner(), batch(), tf.constant([[0, 1], [2, 0]])
    weight = tf.ones([2, 1])
    read = episode.read(made, inputs, y, weight)
    assert read.num_ways is None and read.sample_weight is weight
    keras.tree.map_structure(np.testing.assert_array_equal, read.inputs, inputs)
    np.testing.assert_array_equal(read.query_y, y)
    assert made.episode_spec == episode.seen_spec(inputs)
    assert made.episode_spec["support_x"] == {"dtype": "float32", "shape": [4]}
    assert made.episode_spec["support_y"] == {"dtype": "int32", "shape": []}


def test_reading_checks():
    with pytest.raises(ValueError, match="Missing: .*query_x"):
        episode.read(learner(), {"support_x": tf.zeros((1, 1, 4)), "support_y": tf.zeros((1, 1))})
    inputs = batch(support_y=tf.constant([[0, 1, 3]] * 2))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="`support_y` has a label outside 0..2"
    ):
        episode.read(learner(), inputs)


def test_the_ways_of_a_batch_are_those_of_its_largest_task():
    body = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    made = learners.PrototypicalNetwork(body)
    made.compile("sgd", LOSS)
    inputs = batch(support_y=tf.constant([[0, 1, 0], [0, 1, 2]]))
    np.testing.assert_array_equal(episode.read(made, inputs).num_ways, [3, 3])


@pytest.mark.parametrize(
    "loss, inner_loss, expected",
    [
        (LOSS, None, (3, 2, None)),
        ("sparse_categorical_crossentropy", None, (3, 2, None)),
        (IGNORING, None, (3, 2, -1)),
        ("mse", None, None),
        ("mse", LOSS, (3, 2, None)),
        (LOSS, "mse", None),
    ],
)
def test_classes_are_counted_where_the_inner_loss_takes_their_numbers(loss, inner_loss, expected):
    made = learner(loss=loss, inner_loss=inner_loss)
    assert episode.class_numbers(made, batch()) == expected


def padded_task():
    return Episode(
        {
            "support_x": tf.constant([[1.0], [2.0], [9.0]]),
            "support_y": tf.constant([0, 1, 9]),
            "query_x": tf.constant([[9.0], [3.0], [4.0]]),
            "support_mask": tf.constant([True, True, False]),
            "query_mask": tf.constant([0, 1, 1]),
        },
        tf.constant([9, 1, 0]),
        tf.constant([9.0, 0.5, 2.0]),
        tf.constant(4),
    )


def test_padding_is_cut_off_and_put_back():
    task = padded_task()
    real = episode.without_padding(task)
    assert set(real.inputs) == {"support_x", "support_y", "query_x"}
    np.testing.assert_array_equal(real.inputs["support_y"], [0, 1])
    np.testing.assert_array_equal(real.inputs["query_x"], [[3.0], [4.0]])
    np.testing.assert_array_equal(real.query_y, [1, 0])
    np.testing.assert_array_equal(real.sample_weight, [0.5, 2.0])
    assert real.num_ways == 4
    found = episode.with_padding(tf.constant([[1.0, 2.0], [3.0, 4.0]]), task)
    # Queries that are padding get zeros, and ways that the task has not are never predicted.
    np.testing.assert_array_equal(found[:, :2], [[0, 0], [1, 2], [3, 4]])
    np.testing.assert_array_equal(found[:, 2:], [[0, 0], [-1e4, -1e4], [-1e4, -1e4]])


def test_without_masks_a_task_is_as_it_is():
    inputs = {key: x[0] for key, x in batch().items()}
    task = Episode(inputs, tf.constant([0, 1]))
    real = episode.without_padding(task)
    assert real.inputs == inputs and real.query_y is task.query_y and real.sample_weight is None
    predictions = tf.ones((2, 3))
    assert episode.with_padding(predictions, task) is predictions


def task_loss(made, weights=None, losses=0.0):
    inputs = {key: x[0] for key, x in batch().items()}
    task = Episode(inputs, tf.constant([0, 2]), weights)
    logits = tf.constant([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    return episode.task_loss(made, task, ModelOutput(logits, {}, losses), training=True)


CROSS_ENTROPIES = np.array([np.log(np.e + 2) - 1, np.log(3)])


def test_the_loss_of_a_task_is_the_compiled_one_and_what_its_passes_add():
    np.testing.assert_allclose(task_loss(learner()), CROSS_ENTROPIES.mean(), rtol=1e-6)
    added = task_loss(learner(), losses=tf.constant(0.25))
    np.testing.assert_allclose(added, CROSS_ENTROPIES.mean() + 0.25, rtol=1e-6)
    weighted = task_loss(learner(), weights=tf.constant([1.0, 3.0]))
    np.testing.assert_allclose(weighted, CROSS_ENTROPIES @ [1, 3] / 2, rtol=1e-6)


def test_regularizers_count_at_the_weights_of_the_model():
    dense = keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.5))
    made = learner(keras.Sequential([keras.Input((4,)), dense]))
    expected = CROSS_ENTROPIES.mean() + 0.5 * np.sum(dense.kernel.numpy() ** 2)
    np.testing.assert_allclose(task_loss(made), expected, rtol=1e-6)


def test_a_replica_has_the_whole_loss_of_its_task():
    """Which Keras would divide among replicas, as it does that of a batch."""
    expected = float(task_loss(learner(), losses=tf.constant(0.25)))
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        made = learner()

    @tf.function(autograph=False)
    def run():
        return strategy.experimental_local_results(
            strategy.run(lambda: task_loss(made, losses=tf.constant(0.25)))
        )

    np.testing.assert_allclose(run(), [expected] * 2, rtol=1e-6)
