"""A transformer that learns a task in its forward pass, from a support set in its context."""

import keras
import tensorflow as tf

from keras_meta.inner_loop.random_numbers import uniform
from keras_meta.layers.context_scores import ContextScores
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.graph_constant import GraphConstant, count

# The key of the random numbers from which the codes of a task are drawn.
_CODES = 23


@keras.saving.register_keras_serializable("keras_meta")
class InContextLearner(EmbeddingLearner):
    """Learns to learn in one forward pass: a transformer reads the support set as its context.

    With an embedding `f`, the tokens of support examples and of a query are

        W f(x_i) + E y_i,    W f(x) + u

    In each block, support examples attend to each other, and the query to them: `K` and `V` are the
    keys and values of the support set, `N` a normalisation,

        h <- h + softmax(t log(n) Q(N h) K^T) V
        h <- h + MLP(N h)

    and the prediction is a linear function of the query's last `h`. The state of a task are the `K`
    and `V` of each block, so each query is predicted on its own. What a class is called must not
    matter: in `fit`, the classes of a task get codes `E_n` at random.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        width: int. The size of a token.
        num_blocks: int.
        num_heads: int. The number of attention heads, which divides `width`.
        max_ways: int. The most classes of a task.
        num_ways: See `EmbeddingLearner`.
        num_values: int. Number of regression targets: labels are values, `[support]` or
            `[support, num_values]`. `None` for classification.
        batch_norm: See `EmbeddingLearner`.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the model does not output vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=2, num_queries=2, num_classes=9)
    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.InContextLearner(body, width=16, num_blocks=2)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(tasks.as_dataset(batch_size=4), steps_per_epoch=2, verbose=0)
    ```

    Reference:
        [Kirsch et al., 2022](https://arxiv.org/abs/2212.04458), general-purpose in-context
        learning; [Müller et al., 2022](https://arxiv.org/abs/2112.10510), queries that attend to
        the support set only
    """

    max_ways = GraphConstant(count("max_ways", least=2))
    num_values = GraphConstant(count("num_values", optional=True, least=1))

    def __init__(
        self,
        model,
        width=64,
        num_blocks=4,
        num_heads=4,
        max_ways=10,
        num_ways=None,
        num_values=None,
        **kwargs,
    ):
        super().__init__(model, num_ways, **kwargs)
        if num_ways is not None and num_values is not None:
            raise ValueError(
                "Pass `num_ways` for classification or `num_values` for regression, not both. "
                f"Received: num_ways={num_ways}, num_values={num_values}."
            )
        self.width = count("width", least=1)(width)
        self.num_blocks = count("num_blocks", least=1)(num_blocks)
        self.num_heads = count("num_heads", least=1)(num_heads)
        self.max_ways, self.num_values = max_ways, num_values
        if width % num_heads:
            raise ValueError(
                f"`num_heads` must divide `width`. Received: width={width}, num_heads={num_heads}."
            )
        if num_ways is not None and num_ways > max_ways:
            raise ValueError(
                "`max_ways` must be at least `num_ways`. "
                f"Received: max_ways={max_ways}, num_ways={num_ways}."
            )
        self.scorer = ContextScores(
            width, num_blocks, num_heads, max_ways, num_values, dtype=self.variable_dtype
        )
        self.scorer.build([(None, *self.embedding_shape)])

    def targets(self, support_y):
        targets = super().targets(support_y)
        if self.num_values is None:
            ways = tf.shape(targets)[1]
            message = f"A task has more classes than `max_ways`. Received: max_ways={self.max_ways}"
            tf.debugging.assert_less_equal(ways, self.max_ways, message)
        return targets

    def fit_head(self, features, targets):
        return self.scorer.read(features, targets)

    def weight_names(self):
        names = [f"{kind}_{i}" for i in range(self.num_blocks) for kind in ("keys", "values")]
        return names if self.num_values is not None else [*names, "bias"]

    def learn_episode(self, inputs, training, seed):
        """Reads the support set, in training with random codes of classes. See `EpisodicModel`."""
        if self.num_values is not None or not training or seed is None:
            return super().learn_episode(inputs, training, seed)
        codes = tf.argsort(uniform(self.max_ways, [seed[0], seed[1], _CODES]))
        one_hot = self.targets(inputs["support_y"])
        codes = codes[: tf.shape(one_hot)[1]]
        coded = tf.matmul(one_hot, tf.one_hot(codes, self.max_ways, dtype=one_hot.dtype))
        output = super().learn_episode({**inputs, "support_y": coded}, training, seed)
        return output._replace(predictions=tf.gather(output.predictions, codes, axis=1))

    def get_config(self):
        return {
            **super().get_config(),
            "width": self.width,
            "num_blocks": self.num_blocks,
            "num_heads": self.num_heads,
            "max_ways": self.max_ways,
            "num_values": self.num_values,
        }
