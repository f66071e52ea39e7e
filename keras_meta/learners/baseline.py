"""A linear classifier on the frozen features of a pre-trained embedding."""

import functools

import keras
import tensorflow as tf

from keras_meta import inner_optimizers
from keras_meta.heads.classifiers import Cosines, InnerProducts
from keras_meta.heads.linear import mask_absent_classes
from keras_meta.inner_loop.problem import InnerProblem
from keras_meta.layers import CosineScores
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.classifier import Classifier
from keras_meta.outer_loop.graph_constant import GraphConstant, count, non_negative
from keras_meta.outer_loop.model_checks import features_spec
from keras_meta.serving.adapted_model import with_head


@keras.saving.register_keras_serializable("keras_meta")
class Baseline(EmbeddingLearner):
    """Fits a linear classifier to the frozen features of each support set, by gradient steps.

    With an embedding `f`, from `W = 0`, `b = 0`,

        L_S(W, b) = mean over S of crossentropy(softmax(f(x) W + b), y) + weight_decay / 2 |W|^2
        (W, b)_{k+1} = (W, b)_k - a dL_S (W_k, b_k)

    The embedding is meant to be pre-trained on all classes at once, in ordinary batches `(x, y)`,
    rather than meta-learned: see `pretraining_model`. `fit` on episodes works as well: it
    fine-tunes the embedding on the query loss, treating the fitted head as a constant.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        inner_steps: int. Number of gradient steps.
        inner_learning_rate: float. Learning rate of the steps. Defaults to 0.1 if
            `inner_optimizer` is a name.
        weight_decay: float. Coefficient of the L2 penalty on `W`.
        num_ways: See `EmbeddingLearner`.
        batch_norm: See `EmbeddingLearner`. Defaults to the statistics stored by pre-training.
        inner_optimizer: See `MAML`.
        **kwargs: The other arguments of `EmbeddingLearner`.

    Raises:
        ValueError: If the model does not output vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import numpy as np
    import keras_meta

    generator = np.random.default_rng(0)
    x = generator.random((60, 28, 28, 1), "float32")
    y = np.repeat(np.arange(6), 10)
    learner = keras_meta.learners.Baseline(keras_meta.networks.Conv4(filters=8))
    pretraining = learner.pretraining_model(num_classes=6)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    pretraining.compile("adam", loss, metrics=["accuracy"])
    pretraining.fit(x, y, verbose=0)
    learner.compile(loss=loss, metrics=["accuracy"])
    tasks = keras_meta.episodes.EpisodeSampler(x, y, num_ways=3, num_shots=1, num_queries=2)
    learner.evaluate(tasks.as_dataset(batch_size=4, num_batches=2), verbose=0)
    ```

    Reference:
        [Chen et al., 2019](https://arxiv.org/abs/1904.04232)
    """

    classifier = InnerProducts()
    # By design, the meta-gradient is not the full gradient of the query loss.
    first_order = True
    inner_steps = GraphConstant(count("inner_steps"))
    weight_decay = GraphConstant(non_negative("weight_decay"))

    def __init__(
        self,
        model,
        inner_steps=100,
        inner_learning_rate=None,
        weight_decay=1e-3,
        num_ways=None,
        batch_norm="running",
        inner_optimizer="sgd",
        **kwargs,
    ):
        if isinstance(inner_optimizer, str) and inner_learning_rate is None:
            inner_learning_rate = 0.1
        super().__init__(model, num_ways, batch_norm, **kwargs)
        self.inner_steps = inner_steps
        self.weight_decay = weight_decay
        self.inner_optimizer = inner_optimizers.get(inner_optimizer, inner_learning_rate)
        (self.embedding_size,) = self.embedding_shape
        shapes = self.classifier.shapes(self.embedding_size, self.num_ways)
        weights = [keras.KerasTensor(shape, self.variable_dtype) for shape in shapes]
        self.inner_optimizer.prepare(weights, [0] * len(weights), inner_steps)
        if self.inner_optimizer.trainable_variables:
            raise ValueError(
                f"{type(self).__name__} does not differentiate the inner steps, so it cannot "
                "learn their settings. Use numbers in place of `Learned`. "
                f"Received: inner_optimizer={self.inner_optimizer!r}."
            )

    @property
    def inner_learning_rate(self):
        """Learning rate of the inner steps."""
        return self.inner_optimizer.learning_rate

    @inner_learning_rate.setter
    def inner_learning_rate(self, value):
        self.inner_optimizer.assign("learning_rate", value)

    def pretraining_model(self, num_classes):
        """Returns an ordinary Keras classifier on the same embedding, to compile and fit.

        It shares the embedding's weights and statistics with the learner, so fitting it trains the
        learner's embedding. Only its last layer, for the pre-training classes, is separate.

        Args:
            num_classes: int. Number of classes, labelled `0, ..., num_classes - 1`.

        Returns:
            A `keras.Model` from features to logits `[n, num_classes]`.
        """
        head = self.classifier.pretraining_layer(
            self.embedding_size, num_classes, self.variable_dtype
        )
        name = f"{self.name}_pretraining"
        return with_head(self.model, head, features_spec(self.model), name, Classifier)

    def fit_head(self, features, one_hot):
        features, one_hot = tf.stop_gradient(features), tf.stop_gradient(one_hot)
        present = tf.reduce_any(one_hot > 0, 0)
        absent_bias = mask_absent_classes(tf.zeros_like(one_hot[0]), present)

        def loss(weights, data, written, step):
            del data, step
            logits = self.score(features, self.classifier.head(weights, absent_bias))
            errors = tf.nn.softmax_cross_entropy_with_logits(one_hot, logits)
            decay = 0.5 * self.weight_decay * tf.reduce_sum(tf.square(weights[0]))
            return tf.reduce_mean(errors) + decay, written

        start, optimizer = self.classifier.initial(features, one_hot), self.inner_optimizer
        problem = InnerProblem(
            initial_weights=start,
            loss=loss,
            update=functools.partial(optimizer.update, settings=optimizer.read()),
            initial_slots=optimizer.init(start),
            first_order=True,
        )
        weights = problem.solve_without_derivative(self.inner_steps).weights
        return self.classifier.head([tf.stop_gradient(w) for w in weights], absent_bias)

    def get_config(self):
        return {
            **super().get_config(),
            "inner_steps": self.inner_steps,
            "inner_learning_rate": None,
            "inner_optimizer": keras.saving.serialize_keras_object(self.inner_optimizer),
            "weight_decay": self.weight_decay,
        }


@keras.saving.register_keras_serializable("keras_meta")
class BaselinePlusPlus(Baseline):
    """`Baseline` with cosine similarities instead of inner products, in pre-training and in tasks.

        s_n = t cos(f(x), w_n)

    where `w_n` is initialised, in each task, to the mean of the class's unit-length features.

    Args:
        model: See `Baseline`.
        scale: float. The factor `t`.
        **kwargs: The other arguments of `Baseline`.

    Raises:
        ValueError: If the model does not output vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    learner = keras_meta.learners.BaselinePlusPlus(keras_meta.networks.Conv4(filters=8))
    pretraining = learner.pretraining_model(num_classes=6)
    pretraining.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ```

    Reference:
        [Chen et al., 2019](https://arxiv.org/abs/1904.04232)
    """

    classifier = Cosines()

    def __init__(self, model, scale=10.0, **kwargs):
        super().__init__(model, **kwargs)
        self.scale = scale
        self.scorer = CosineScores(dtype=self.variable_dtype)

    @property
    def scale(self):
        """The factor `t`."""
        return self.classifier.scale

    @scale.setter
    def scale(self, value):
        self.classifier = Cosines(non_negative("scale")(value))
        self.forget_traces()

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
