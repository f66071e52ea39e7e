"""A new head for each task, on frozen features."""

import tensorflow as tf

from keras_meta.baselines.baseline_method import BaselineMethod
from keras_meta.heads.linear import cosine_head, one_hot_labels, prototype_head
from keras_meta.inner_loop import rules
from keras_meta.inner_loop.functional import FunctionalModel


class FrozenFeatures(BaselineMethod):
    """Learns a head on the features of the support set. Subclasses define `head_predictions`.

    Args:
        features: A built `keras.Model` from examples `[n, ...]` to vectors `[n, features]`, such as
            `networks.embedding` of a pre-trained classifier.
        stored_statistics: bool. Whether batch normalisation uses the moving statistics of the
            model, or else those of the current support or query set.
    """

    def __init__(self, features, stored_statistics=True):
        super().__init__()
        self.stored_statistics = stored_statistics
        self._function = FunctionalModel(features)

    def predictions(self, inputs, loss):
        del loss

        def embed(x):
            rule = rules.stored if self.stored_statistics else rules.batch
            weights = self._function.initial_weights()
            return self._function(x, weights, rule=rule).predictions

        one_hot = one_hot_labels(inputs["support_y"])
        return self.head_predictions(embed(inputs["support_x"]), one_hot, embed(inputs["query_x"]))

    def head_predictions(self, support, one_hot, query):
        """Returns the scores of the queries in each setting.

        Args:
            support: Features `[support, features]`.
            one_hot: One-hot labels `[support, ways]`.
            query: Features `[query, features]`.

        Returns:
            Tensor `[settings, query, ways]`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `head_predictions`.")

    def _settings(self, names):
        suffix = ", stored statistics" if self.stored_statistics else ""
        return [name + suffix for name in names]


class NearestCentroid(FrozenFeatures):
    """Predicts the class whose mean feature is nearest, by squared distance or by angle.

    Args:
        features: See `FrozenFeatures`.
        stored_statistics: See `FrozenFeatures`.

    Example:

    ```python
    import keras_meta
    from keras_meta import baselines

    glyphs = keras_meta.episodes.StrokeGlyphs(3, 1, 2, num_classes=6).as_dataset(4, num_batches=2)
    features = keras_meta.networks.Conv4(filters=4)
    assert baselines.NearestCentroid(features).task_values(glyphs, "accuracy").shape == (8, 2)
    ```

    Reference:
        [Wang et al., 2019](https://arxiv.org/abs/1911.04623)
    """

    @property
    def settings(self):
        return self._settings(["squared distance", "cosine"])

    def head_predictions(self, support, one_hot, query):
        squared = prototype_head(support, one_hot)
        cosine = cosine_head(tf.nn.l2_normalize(support, -1), one_hot, 1.0)
        return tf.stack([tf.matmul(query, kernel) + bias for kernel, bias in (squared, cosine)])


class FrozenLogisticRegression(FrozenFeatures):
    """Fits a logistic regression to features of unit length.

    With `f` the features, to which a constant 1 is appended, and `p` the softmax of `f W`, it
    minimises

        L(W) = mean over examples of  -log p_y  +  penalty / 2 |W|^2

    by accelerated gradient descent with step size `1 / (1 + penalty)`. The second derivative of the
    first term is at most `|f|^2 / 2 = 1`, so this step size converges for all features.

    Args:
        features: See `FrozenFeatures`.
        stored_statistics: See `FrozenFeatures`.
        penalties: Sequence of floats. Each is a setting.
        iterations: int. Steps of accelerated gradient descent.

    Example:

    ```python
    import keras_meta
    from keras_meta import baselines

    glyphs = keras_meta.episodes.StrokeGlyphs(3, 1, 2, num_classes=6).as_dataset(4, num_batches=2)
    features = keras_meta.networks.Conv4(filters=4)
    regression = baselines.FrozenLogisticRegression(features, penalties=(0.01, 0.1))
    assert regression.task_values(glyphs, "accuracy").shape == (8, 2)
    ```

    Reference:
        [Tian et al., 2020](https://arxiv.org/abs/2003.11539)
    """

    def __init__(
        self,
        features,
        stored_statistics=True,
        penalties=(0.001, 0.01, 0.1, 1.0),
        iterations=300,
    ):
        super().__init__(features, stored_statistics)
        self.penalties = tuple(penalties)
        self.iterations = iterations

    @property
    def settings(self):
        return self._settings([f"penalty {penalty:g}" for penalty in self.penalties])

    def head_predictions(self, support, one_hot, query):
        kernel = logistic_regression(
            _unit_with_constant(support), one_hot, self.penalties, self.iterations
        )
        return tf.matmul(_unit_with_constant(query), kernel)


def logistic_regression(features, one_hot, penalties, iterations):
    """Returns the weights `[penalties, features, ways]` that minimise the loss of each penalty.

    See `FrozenLogisticRegression`.

    Args:
        features: Tensor `[support, features]` of rows with squared length at most 2.
        one_hot: One-hot labels `[support, ways]`.
        penalties: Sequence of floats.
        iterations: int.
    """
    penalty = tf.constant(penalties, features.dtype)[:, None, None]
    one_hot = tf.cast(one_hot, features.dtype)
    step = 1.0 / (1.0 + penalty)
    # Nesterov's momentum for a function with curvatures between `penalty` and `1 + penalty`.
    root = tf.sqrt(penalty * step)
    momentum = (1.0 - root) / (1.0 + root)
    count = tf.cast(tf.shape(features)[0], features.dtype)

    def descend(number, kernel, before):
        ahead = kernel + momentum * (kernel - before)
        errors = tf.nn.softmax(tf.matmul(features, ahead)) - one_hot
        gradient = tf.matmul(features, errors, transpose_a=True) / count + penalty * ahead
        return number + 1, ahead - step * gradient, kernel

    shape = [len(penalties), tf.shape(features)[1], tf.shape(one_hot)[1]]
    zeros = tf.zeros(shape, features.dtype)
    _, kernel, _ = tf.while_loop(
        lambda number, *_: number < iterations, descend, (tf.constant(0), zeros, zeros)
    )
    return kernel


def _unit_with_constant(features):
    unit = tf.nn.l2_normalize(features, -1)
    return tf.concat([unit, tf.ones_like(unit[:, :1])], -1)
