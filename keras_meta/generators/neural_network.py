"""A small network whose weights a hypernetwork generates."""

import math

import keras
import tensorflow as tf

from keras_meta.generators.generated_network import GeneratedNetwork
from keras_meta.generators.skip_network import SkipNetwork


@keras.saving.register_keras_serializable("keras_meta")
class NeuralNetwork(GeneratedNetwork):
    """A generated Keras model: all its weights, chunk by chunk.

    The weights of the body, flattened into one vector, are cut into chunks of equal length. One
    small network `h` generates chunk `j` from the task embedding `r` and a learned embedding `e_j`
    of the chunk:

        w_j = w0_j + h([r, e_j])

    where `w0` are the model's own weights, which are meta-learned too. The head is generated
    output by output (see `GeneratedNetwork`). `h` starts at zero, so before training the body is
    that of `model`.

    Args:
        model: A built `keras.Model` with one output, which predicts for a single task. The
            generator trains its weights too.
        chunk_size: int. Length of a chunk. Shorter chunks make the hypernetwork smaller, but there
            are more of them to generate.
        chunk_embedding_size: int. Length of the embedding of a chunk.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.
        **kwargs: `target_mean` and `target_scale`: see `GeneratedNetwork`.

    Raises:
        ValueError: If the last layer with weights does not give the outputs of the model.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta import generators

    features = keras.Sequential([keras.Input((1,)), keras.layers.Dense(40, "relu")])
    network = keras_meta.networks.SinusoidMLP()
    learner = keras_meta.learners.LearnerGenerator(features, generators.NeuralNetwork(network))
    learner.compile("adam", "mse")
    ```

    Reference:
        [Ha et al., 2017](https://arxiv.org/abs/1609.09106);
        [von Oswald et al., 2020](https://arxiv.org/abs/1906.00695), chunks
    """

    def __init__(
        self, model, chunk_size=256, chunk_embedding_size=16, units=128, name=None, **kwargs
    ):
        super().__init__(model, units, name, **kwargs)
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
        chunks = self.chunks(tf.concat([tasks, embeddings], -1))
        vector = tf.reshape(chunks, [-1])[: self.num_weights]
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
