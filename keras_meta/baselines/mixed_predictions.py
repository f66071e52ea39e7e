"""Mixtures of the probabilities that two methods predict."""

import tensorflow as tf

from keras_meta.baselines.baseline_method import BaselineMethod


class MixedPredictions(BaselineMethod):
    """Mixes the probabilities of two methods, such as a neural and an n-gram model.

        p = a p_1 + (1 - a) p_2

    Its settings are all combinations of a weight `a` and the settings of both methods. Predictions
    are log-probabilities, which are logits as well.

    Args:
        first: A `BaselineMethod` that predicts logits.
        second: Another one.
        weights: Sequence of floats between 0 and 1, the weights of the first.

    Raises:
        ValueError: If a weight is not between 0 and 1.

    Example:

    ```python
    import keras_meta
    from keras_meta import baselines

    tasks = keras_meta.episodes.SyntheticLanguages(num_shots=4, num_queries=2, length=40)
    model = keras_meta.networks.CausalConvNet(tasks.codec.size, width=8)
    mixed = baselines.MixedPredictions(
        baselines.SupportContext(model, contexts=(0,)), baselines.Ngram(tasks.codec.size, (2, 3))
    )
    bits = mixed.task_values(tasks.as_dataset(3, num_batches=1), "bits_per_character")
    assert bits.shape == (3, 3 * 1 * 2)
    ```
    """

    def __init__(self, first, second, weights=(0.25, 0.5, 0.75)):
        super().__init__()
        self.first = first
        self.second = second
        self.weights = tuple(weights)
        if not all(0 < weight < 1 for weight in self.weights):
            raise ValueError(
                f"`weights` must be between 0 and 1. Received: weights={self.weights}."
            )

        # Counted here: within a graph, the optimizers that settings name have no values.
        self._count = len(first.settings)

    @property
    def settings(self):
        return [
            f"{weight:g} ({first}) + {1 - weight:g} ({second})"
            for weight in self.weights
            for first in self.first.settings
            for second in self.second.settings
        ]

    def predictions(self, inputs, loss):
        first, second = (
            tf.nn.log_softmax(method.predictions(inputs, loss))
            for method in (self.first, self.second)
        )
        mixed = [
            tf.math.log(a * tf.exp(one) + (1 - a) * tf.exp(second))
            for a in self.weights
            for one in tf.unstack(first, self._count)
        ]
        return tf.concat(mixed, 0)
