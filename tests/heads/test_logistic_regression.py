import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from keras_meta.heads.logistic_regression import logistic_regression
from tests.heads.clusters import check_derivatives, clusters

# Separable; examples outnumber features; classes that overlap; where full Newton steps go astray.
SETS = {
    "few": (5, 64, 5, 0.5),
    "many": (25, 3, 5, 0.1),
    "overlap": (40, 3, 4, 3.0),
    "twenty ways": (60, 40, 20, 3.0),
}
sets = pytest.mark.parametrize("name", SETS)


@sets
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 1e3])
def test_equals_scikit_learn(name, penalty):
    x, y, labels = clusters(*SETS[name])
    weights = logistic_regression(tf.constant(x), y, penalty).numpy()
    gradient = x.T @ (tf.nn.softmax(x @ weights).numpy() - y) + penalty * weights
    np.testing.assert_allclose(gradient, 0.0, atol=1e-7)
    reference = LogisticRegression(
        C=1 / penalty, fit_intercept=False, tol=1e-9, max_iter=10000, solver="newton-cg"
    ).fit(x, labels)
    np.testing.assert_allclose(weights, reference.coef_.T, atol=1e-5)


@sets
@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_derivatives(name, penalty):
    x, y, _ = clusters(*SETS[name])
    check_derivatives(logistic_regression, x, y, penalty)


def test_an_example_twice_of_two_classes():
    x, y, _ = clusters(6, 8, 3)
    x[1] = x[0]
    check_derivatives(logistic_regression, x, y, 1.0)


def test_a_class_without_examples_takes_no_part():
    x, y, _ = clusters(6, 8, 3)
    weights = logistic_regression(tf.constant(x), np.insert(y, 1, 0.0, axis=1), 0.1).numpy()
    np.testing.assert_allclose(weights[:, 1], 0.0, atol=1e-12)
    expected = logistic_regression(tf.constant(x), y, 0.1)
    np.testing.assert_allclose(np.delete(weights, 1, axis=1), expected, atol=1e-9)
