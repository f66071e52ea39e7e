"""Any small network, written by a hypernetwork."""

import math

import keras
import tensorflow as tf

from keras_meta.generators.generated_network import GeneratedNetwork
from keras_meta.generators.skip_network import SkipNetwork


@keras.saving.register_keras_serializable("keras_meta")
class NeuralNetwork(GeneratedNetwork):
    """A Keras model to be written: all its weights, chunk by chunk.

    The weights of the body, one after the other as a vector, are cut into chunks of equal length,
    and one small network `h` writes each chunk from the task embedding `r` and a learned
    embedding `e_j` of the chunk:

        w_j = w0_j + h([r, e_j])

    where `w0` are the model's own weights, which are meta-learned too. The head is generated
    output by output (see `GeneratedNetwork`). Before training `h` is zero: the body starts as it
    was given.

    Args:
        model: A built `keras.Model` with one output, for one task. It is part of the generator.
        chunk_size: int. Length of a chunk. Shorter chunks make the hypernetwork smaller and its
            work longer.
        chunk_embedding_size: int. Length of the embedding of a chunk.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.

    Raises:
        ValueError: If the outputs of the last layer are not those of the model.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta import generators

    features = keras.Sequential([keras.Input((1,)), keras.layers.Dense(40, "relu")])
    network = keras_meta.networks.SinusoidMLP()
    learner = keras_meta.learners.LearnerGenerator(features, generators.NeuralNetwork(network))
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Ha et al., 2017](https://arxiv.org/abs/1609.09106);
        [von Oswald et al., 2020](https://arxiv.org/abs/1906.00695), chunks
    """

    def __init__(self, model, chunk_size=256, chunk_embedding_size=16, units=128, name=None):
        super().__init__(model, units, name)
        self.chunk_size = chunk_size
        self.chunk_embedding_size = chunk_embedding_size
        self.num_weights = sum(math.prod(v.shape) for v in self.body_variables)

    def prepare(self, embedding_size, task_embedding_size, dtype):
        super().prepare(embedding_size, task_embedding_size, dtype)
        num_chunks = math.ceil(self.num_weights / self.chunk_size)
        self.chunk_embeddings = self.add_weight(
            name="chunk_embeddings",
            shape=(num_chunks, self.chunk_embedding_size),
            initializer=keras.initializers.RandomNormal(),
            dtype=dtype.variable_dtype,
        )
        self.chunks = SkipNetwork(
            self.units, self.chunk_size, initializer="zeros", name="chunks", dtype=dtype
        )
        self.chunks.build((None, task_embedding_size + self.chunk_embedding_size))

    def generate_body(self, task):
        embeddings = tf.cast(tf.convert_to_tensor(self.chunk_embeddings), task.dtype)
        tasks = tf.broadcast_to(task, [embeddings.shape[0], task.shape[0]])
        written = self.chunks(tf.concat([tasks, embeddings], -1))
        vector = tf.reshape(written, [-1])[: self.num_weights]
        parts = tf.split(vector, [math.prod(v.shape) for v in self.body_variables])
        return [
            variable.value + tf.reshape(tf.cast(part, variable.dtype), variable.shape)
            for variable, part in zip(self.body_variables, parts, strict=True)
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "chunk_size": self.chunk_size,
            "chunk_embedding_size": self.chunk_embedding_size,
        }
