"""A gradient of our own lives as long as the graph that uses it."""

import gc
import weakref

import tensorflow as tf

import keras_meta
from keras_meta.exact.custom_gradient import custom_gradient


@custom_gradient
def doubled(x):
    """The identity, whose gradient is doubled."""
    return tf.identity(x), lambda g: 2.0 * g


def gradient(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = doubled(x)
    return tape.gradient(y, x)


def test_the_gradient_in_each_way_of_running():
    x = tf.constant(3.0)
    nested = tf.function(doubled)

    @tf.function
    def through_a_call(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = nested(x)
        return tape.gradient(y, x)

    @tf.function
    def through_a_loop(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            _, y = tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, doubled(y)), (0, x))
        return tape.gradient(y, x)

    assert gradient(x) == tf.function(gradient)(x) == through_a_call(x) == 2.0
    assert through_a_loop(x) == 8.0


def test_a_graph_is_freed_with_its_function():
    function = tf.function(gradient).get_concrete_function(tf.TensorSpec([]))
    graph = weakref.ref(function.graph)
    assert function(tf.constant(1.0)) == 2.0
    del function
    gc.collect()
    assert graph() is None


def graphs_of_a_training():
    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01, 1)
    learner.compile("sgd", "mse")
    graphs = []
    original = learner.train_step

    def train_step(data):
        graphs.append(weakref.ref(tf.compat.v1.get_default_graph()))
        return original(data)

    learner.train_step = train_step
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(2), steps_per_epoch=1, verbose=0)
    return graphs


def test_the_step_of_a_learner_is_freed_with_it():
    graphs = graphs_of_a_training()
    gc.collect()
    assert graphs and all(graph() is None for graph in graphs)
