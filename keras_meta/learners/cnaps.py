"""An embedding that is modulated for each task, and Mahalanobis distances in it."""

import functools

import keras
import tensorflow as tf

from keras_meta.exact.layers import layers_with_weights
from keras_meta.generators import TaskEncoder, film
from keras_meta.generators.modulation import Modulation
from keras_meta.generators.skip_network import SkipNetwork
from keras_meta.heads.dual import add_to_diagonal, double
from keras_meta.heads.linear import class_means, mask_absent_classes
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.graph_constant import GraphConstant, positive
from keras_meta.outer_loop.model_checks import checked_policy


@keras.saving.register_keras_serializable("keras_meta")
class CNAPs(EmbeddingLearner):
    """Learns an embedding and how to modulate it for a task, and compares with class means in it.

    A task encoder `e` reads the support set `S` in the embedding `f`, and a hypernetwork `h` scales
    and shifts the pre-activations `z_l` of its layers, which makes it the embedding `f_S`:

        r = e({(f(x), y) : (x, y) in S})                           the task embedding
        z_l <- (1 + gamma_l) z_l + beta_l,    [gamma, beta] = h(r)

    In `f_S`, with `c_n` and `C_n` the mean and covariance of the `N_n` support examples of class
    `n`, and `C` the covariance of all,

        k_n = N_n / (N_n + 1)
        Q_n = k_n C_n + (1 - k_n) C + b I
        logit n = -1/2 (f_S(x) - c_n)^T Q_n^-1 (f_S(x) - c_n)

    This head is that of Simple CNAPs, whose `b`, here learned, is 1. `h` starts at zero, so before
    training `f_S` is `f`. Ways and shots may differ between training and test, and from task to
    task.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`. See `generators.FiLM` for the layers that can be modulated.
        task_embedding_size: int. Length of the task embedding.
        units: int. Width of the hidden layer of the hypernetwork.
        regularization: float. Initial `b`.
        learn_embedding: bool. Whether the weights of `model` are learned; if not, they stay as they
            are, pre-trained as in the papers, and how to modulate them is learned.
        num_ways: See `EmbeddingLearner`.
        batch_norm: See `EmbeddingLearner`. The support set is read by the same statistics.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the model gives no vectors or has no layer that can be modulated, or an
            argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=2, num_queries=2, num_classes=9)
    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.CNAPs(body, task_embedding_size=16)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(tasks.as_dataset(batch_size=4), steps_per_epoch=5, verbose=0)
    (inputs, query_y), = tasks.as_dataset(batch_size=1, num_batches=1)
    classifier = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
    logits = classifier.predict(inputs["query_x"][0], verbose=0)
    ```

    Reference:
        [Requeima et al., 2019](https://arxiv.org/abs/1906.07697), CNAPs;
        [Bateni et al., 2020](https://arxiv.org/abs/1912.03432), Simple CNAPs;
        [Perez et al., 2018](https://arxiv.org/abs/1709.07871), modulation
    """

    head_names = ("means", "whitening", "bias")
    regularization = GraphConstant(positive("regularization"))

    def __init__(
        self,
        model,
        task_embedding_size=128,
        units=128,
        regularization=1.0,
        learn_embedding=True,
        num_ways=None,
        **kwargs,
    ):
        super().__init__(model, num_ways, **kwargs)
        self.task_embedding_size, self.units = task_embedding_size, units
        self.regularization = regularization
        policy, (embedding_size,) = checked_policy(model), self.embedding_shape
        self.task_encoder = TaskEncoder(task_embedding_size, name="task_encoder", dtype=policy)
        self.task_encoder.prepare(embedding_size)
        modulated = film.modulated_layers(layers_with_weights(model))
        size = film.modulation_size(modulated)
        self.hypernetwork = SkipNetwork(units, size, "zeros", name="hypernetwork", dtype=policy)
        self.hypernetwork.build((None, task_embedding_size))
        self.task_weights = Modulation(modulated, self.task_encoder, self.hypernetwork)
        self.log_regularization = self.add_log_weight("log_regularization", self.regularization)
        self.scorer = _MahalanobisScores(name="mahalanobis_scores", dtype=self.variable_dtype)
        self.learn_embedding = learn_embedding

    @functools.cached_property
    def functional(self):
        """All parts as a function of all weights: those that are not learned are modulated too."""
        return FunctionalModel(self, [v for v in self.variables if v.trainable])

    def meta_learned(self, variables):
        """All, or all but the weights of the embedding. See `OuterModel`."""
        if self.__dict__.get("learn_embedding", True):
            return variables
        kept = {id(variable) for variable in self.model.trainable_variables}
        return [variable for variable in variables if id(variable) not in kept]

    def fit_head(self, features, one_hot):
        x, y, penalty = double(features, one_hot, tf.exp(self.log_regularization))
        means, present = class_means(x, y)
        means, count = tf.transpose(means), tf.reduce_sum(y, 0)
        of_class = _covariances(x[None] - means[:, None], tf.transpose(y))
        of_task = _covariances((x - tf.reduce_mean(x, 0))[None], tf.ones_like(y[None, :, 0]))
        k = (count / (count + 1.0))[:, None, None]
        covariances = add_to_diagonal(k * of_class + (1.0 - k) * of_task, penalty)
        factors = tf.linalg.cholesky(covariances)
        identity = add_to_diagonal(tf.zeros_like(factors), tf.ones([], x.dtype))
        whitening = tf.linalg.triangular_solve(factors, identity)
        # Squared distances have no bound.
        bias = mask_absent_classes(tf.zeros_like(count), present, never=-1e9)
        return [tf.cast(tensor, features.dtype) for tensor in (means, whitening, bias)]

    def get_config(self):
        return {
            **super().get_config(),
            "task_embedding_size": self.task_embedding_size,
            "units": self.units,
            "regularization": self.regularization,
            "learn_embedding": self.learn_embedding,
        }


def _covariances(deviations, weights):
    """Unbiased covariances of groups, zero for a group of one example.

    Args:
        deviations: Tensor `[groups, examples, features]`, from the mean of the group.
        weights: Tensor `[groups, examples]`, 1 where an example is of the group, else 0.
    """
    weighted = deviations * weights[..., None]
    degrees = tf.maximum(tf.reduce_sum(weights, 1) - 1.0, 1.0)
    return tf.matmul(weighted, deviations, transpose_a=True) / degrees[:, None, None]


@keras.saving.register_keras_serializable("keras_meta")
class _MahalanobisScores(keras.layers.Layer):
    """Returns the scores `-1/2 |W_n (f - c_n)|^2 + b_n`, in which `W_n^T W_n = Q_n^-1`.

    It is called with a list `[f, c, W, b]` of shapes `[n, features]`, `[ways, features]`,
    `[ways, features, features]` and `[ways]`, and returns `[n, ways]`.
    """

    def call(self, inputs):
        features, means, whitening, bias = inputs
        whitened = keras.ops.einsum("wij,nwj->nwi", whitening, features[:, None] - means)
        return -0.5 * keras.ops.sum(keras.ops.square(whitened), -1) + bias
