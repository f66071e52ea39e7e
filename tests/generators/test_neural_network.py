import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import generators
from keras_meta.generators.task_encoder import TaskEmbedding


def model(outputs=3):
    layers = [keras.layers.Dense(4, "tanh"), keras.layers.Dense(outputs, bias_initializer="ones")]
    return keras.Sequential([keras.Input((2,)), *layers])


def task_embedding(outputs=3, size=5, seed=0):
    rows = np.random.default_rng(seed).normal(size=(outputs, size)).astype("float32")
    return TaskEmbedding(tf.reduce_mean(rows, 0), tf.constant(rows), tf.ones([outputs], tf.bool))


def prepared(kind):
    kind.prepare(4, 5, keras.DTypePolicy("float32"))
    return kind


def randomised(kind):
    """With what training would make of weights that start at zero."""
    for number, variable in enumerate(kind.trainable_variables):
        variable.assign(keras.random.normal(variable.shape, stddev=0.5, seed=number))
    return kind


@pytest.mark.parametrize("chunk_size", [1, 5, 12, 1000])
def test_chunks_make_up_the_weights_whatever_their_size(chunk_size):
    kind = prepared(generators.NeuralNetwork(model(), chunk_size=chunk_size))
    assert kind.chunk_embeddings.shape[0] == -(-12 // chunk_size)
    written = randomised(kind).generate(task_embedding())
    assert [w.shape for w in written] == [v.shape for v in kind.generated_variables]
    vector = np.concatenate(
        [np.ravel(w - v) for w, v in zip(written[:2], kind.body_variables, strict=True)]
    )
    task = task_embedding().task.numpy()
    inputs = [np.concatenate([task, embedding]) for embedding in kind.chunk_embeddings.numpy()]
    expected = np.ravel(kind.chunks(np.stack(inputs)))[:12]
    np.testing.assert_allclose(vector, expected, atol=1e-5)


def test_before_training_the_body_is_as_it_was_given():
    kind = prepared(generators.NeuralNetwork(model()))
    for written, variable in zip(
        kind.generate(task_embedding())[:2], kind.body_variables, strict=True
    ):
        np.testing.assert_array_equal(written, variable)


def test_another_task_gets_other_weights():
    kind = randomised(prepared(generators.NeuralNetwork(model())))
    for a, b in zip(
        kind.generate(task_embedding()), kind.generate(task_embedding(seed=1)), strict=True
    ):
        assert np.abs(a - b).max() > 1e-3


def test_the_head_is_written_output_by_output():
    kind, order = prepared(generators.NeuralNetwork(model())), [2, 0, 1]
    given = task_embedding()
    kernel, bias = kind.generate(given)[2:]
    other = kind.generate(given._replace(outputs=tf.gather(given.outputs, order)))[2:]
    np.testing.assert_allclose(other[0], tf.gather(kernel, order, axis=1), atol=1e-6)
    np.testing.assert_allclose(other[1], tf.gather(bias, order), atol=1e-6)
    absent = kind.generate(given._replace(present=tf.constant([True, False, True])))[3]
    assert absent[1] < -1e3 < absent[0]


def test_configuration():
    kind = generators.NeuralNetwork(model(), chunk_size=3, chunk_embedding_size=2, units=7)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(kind))
    assert copy.get_config() == kind.get_config() and copy.num_outputs == 3


def test_what_cannot_be_written():
    with pytest.raises(ValueError, match="must be a built `keras.Model`"):
        generators.NeuralNetwork("conv4")
    ends_in_normalization = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2))]
    )
    with pytest.raises(ValueError, match="The last layer with weights must be what gives"):
        generators.NeuralNetwork(ends_in_normalization)
