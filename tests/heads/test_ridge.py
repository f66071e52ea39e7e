import numpy as np
import pytest
import tensorflow as tf

from keras_meta.heads.ridge import predictive_variance, ridge
from tests.heads.clusters import check_derivatives, clusters

SIZES = pytest.mark.parametrize("examples, features", [(1, 4), (5, 8), (20, 3)])


@SIZES
@pytest.mark.parametrize("penalty", [1e-6, 1.0, 1e6])
def test_equals_the_normal_equations(examples, features, penalty):
    x, y, _ = clusters(examples, features, 3)
    expected = np.linalg.solve(x.T @ x + penalty * np.eye(features), x.T @ y)
    np.testing.assert_allclose(ridge(tf.constant(x), y, penalty), expected, rtol=1e-6, atol=1e-9)
    unknown = tf.function(
        ridge,
        input_signature=[tf.TensorSpec([None, features], "float64")] * 1
        + [tf.TensorSpec([None, 3], "float64"), tf.TensorSpec([], "float64")],
    )
    np.testing.assert_allclose(
        unknown(x, y, tf.constant(penalty, "float64")), expected, rtol=1e-6, atol=1e-8
    )


@SIZES
def test_derivatives(examples, features):
    x, y, _ = clusters(examples, features, 3)
    check_derivatives(ridge, x, y, 0.5)


def test_an_example_twice_without_regularisation_to_speak_of():
    x, y, _ = clusters(4, 6, 2)
    twice = ridge(tf.constant(np.concatenate([x, x])), np.concatenate([y, y]), 1e-8)
    np.testing.assert_allclose(twice, np.linalg.pinv(x) @ y, atol=1e-6)


@SIZES
def test_the_variance_is_that_of_the_posterior(examples, features):
    x, y, _ = clusters(examples, features, 2)
    queries, penalty = clusters(4, features, 2, seed=3)[0], 0.3
    # The marginal distribution of the targets, whose scale is fitted to them.
    covariance = np.eye(examples) + x @ x.T / penalty
    scale = np.array([v @ np.linalg.solve(covariance, v) for v in y.T]) / examples
    posterior = np.linalg.inv(x.T @ x + penalty * np.eye(features))
    spread = np.einsum("qf,fg,qg->q", queries, posterior, queries)
    weights = ridge(tf.constant(x), y, penalty)
    variance = predictive_variance(tf.constant(x), y, weights, queries, penalty)
    np.testing.assert_allclose(variance, scale * (1 + spread[:, None]), rtol=1e-9, atol=1e-12)
    # A prior of the noise variance that counts for two examples.
    left = scale * examples
    variance = predictive_variance(tf.constant(x), y, weights, queries, penalty, 0.7, 2.0)
    scale = (2.0 * 0.7 + left) / (2.0 + examples)
    np.testing.assert_allclose(variance, scale * (1 + spread[:, None]), rtol=1e-9, atol=1e-12)
