"""A learner from the base class alone, with a state of its own: Gaussian naive Bayes."""

import math

import keras
import tensorflow as tf

from keras_meta.heads.linear import class_means, one_hot_labels
from keras_meta.inner_loop import fold_in
from keras_meta.learners import MetaLearner


@keras.saving.register_keras_serializable("strangers")
class GaussianScores(keras.layers.Layer):
    """`log p(y = n) + log p(f | y = n)`, for Gaussians with one variance a feature."""

    def __init__(self, num_ways, size, **kwargs):
        super().__init__(**kwargs)
        self.num_ways, self.size = num_ways, size
        shapes = {"means": (num_ways, size), "variances": (size,), "log_prior": (num_ways,)}
        self.state = {
            name: self.add_weight(name=name, shape=shape, trainable=False)
            for name, shape in shapes.items()
        }

    def call(self, features):
        return log_joint(tf.cast(features, self.variable_dtype), **self.state)

    def get_config(self):
        return {**super().get_config(), "num_ways": self.num_ways, "size": self.size}


def log_joint(features, means, variances, log_prior):
    squares = tf.square(features[:, None] - means) / variances
    constant = tf.reduce_sum(tf.math.log(2.0 * math.pi * variances))
    return log_prior - 0.5 * (tf.reduce_sum(squares, -1) + constant)


@keras.saving.register_keras_serializable("strangers")
class NaiveBayes(MetaLearner):
    """Gaussian naive Bayes in what a network makes of an example.

    With the mean `m_n` of the `k` support examples of class `n` among `K`, and a learned prior
    variance `v` that counts as one example,

        variance = (v + sum over examples of (f(x_i) - m_{y_i})^2) / (1 + K)
        p(y = n) = (1 + k) / (ways + K)
    """

    def __init__(self, model, num_ways, **kwargs):
        super().__init__(model, **kwargs)
        self.num_ways = num_ways
        self.log_variance = self.add_weight(name="log_variance", shape=(), initializer="zeros")

    def embed(self, x, rule, statistics, training, seed):
        weights = self.functional.initial_weights()
        output = self.functional(x, weights, statistics, training, rule, seed)
        return output._replace(predictions=tf.cast(output.predictions, self.variable_dtype))

    def adapt_task(self, support_x, support_y, training=False, seed=None):
        size = tf.shape(support_y)[0]
        rule = self.statistics.support(training, size)
        embedded = self.embed(support_x, rule, None, training, fold_in(seed, 0))
        features = embedded.predictions
        labels = tf.cast(one_hot_labels(support_y, self.num_ways), features.dtype)
        means, _ = class_means(features, labels)
        squares = tf.square(features - tf.matmul(labels, means, transpose_b=True))
        number = tf.cast(size, features.dtype)
        count = tf.reduce_sum(labels, 0)
        kept = self.statistics.keep(
            self.functional, {}, lambda: embedded.state, size, training=training
        )
        variances = (tf.exp(self.log_variance) + tf.reduce_sum(squares, 0)) / (1.0 + number)
        log_prior = tf.math.log((1.0 + count) / (self.num_ways + number))
        gaussians = {
            "means": tf.transpose(means),
            "variances": variances,
            "log_prior": log_prior,
        }
        return {"gaussians": gaussians, **kept}

    def predict_task(self, state, query_x, training=False, seed=None):
        rule = self.statistics.queries(state, training)
        embedded = self.embed(query_x, rule, state["statistics"], training, fold_in(seed, 1))
        scores = log_joint(embedded.predictions, **state["gaussians"])
        return embedded._replace(predictions=scores)

    def adapted_model(self, state):
        gaussians = state["gaussians"]
        head = GaussianScores(*gaussians["means"].shape, dtype=self.variable_dtype)
        for name, variable in head.state.items():
            variable.assign(gaussians[name])
        return self.model_of_task(state, head=head)

    def predictions_spec(self, features):
        rows = keras.tree.flatten(features)[0].shape[0]
        return keras.KerasTensor((rows, self.num_ways), self.variable_dtype)

    def get_config(self):
        config = super().get_config()
        del config["inner_loss"]  # there is none
        return {**config, "num_ways": self.num_ways}
