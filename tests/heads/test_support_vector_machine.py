import numpy as np
import pytest
import tensorflow as tf
from sklearn.svm import LinearSVC

from keras_meta.heads.support_vector_machine import support_vector_machine
from tests.heads.clusters import check_derivatives, clusters

# One shot; five; examples outnumber features; classes that overlap.
SETS = {
    "one shot": (5, 64, 5, 0.5),
    "few": (25, 64, 5, 1.0),
    "many": (25, 3, 5, 0.1),
    "overlap": (40, 3, 4, 1.0),
}
sets = pytest.mark.parametrize("name", SETS)


def objective(weights, x, labels, penalty):
    scores, rows = x @ weights, np.arange(len(labels))
    margins = 1.0 + scores - scores[rows, labels][:, None]
    margins[rows, labels] -= 1.0
    return 0.5 * (weights**2).sum() + penalty * margins.max(1).sum()


@sets
@pytest.mark.parametrize("penalty", [1e-2, 1.0, 100.0])
@pytest.mark.filterwarnings("ignore:Liblinear failed to converge")  # by its last digits
def test_equals_scikit_learn(name, penalty):
    x, y, labels = clusters(*SETS[name])
    weights = support_vector_machine(tf.constant(x), y, penalty).numpy()
    reference = LinearSVC(
        C=penalty,
        multi_class="crammer_singer",
        fit_intercept=False,
        dual=True,
        tol=1e-9,
        max_iter=20000,
    ).fit(x, labels)
    expected = reference.coef_.T
    value = objective(expected, x, labels, penalty)
    assert objective(weights, x, labels, penalty) < value * (1 + 1e-4) + 1e-7
    if penalty < 100:  # beyond which scikit-learn does not converge
        np.testing.assert_allclose(weights, expected, atol=1e-4)


@sets
@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_derivatives(name, penalty):
    x, y, _ = clusters(*SETS[name])
    check_derivatives(support_vector_machine, x, y, penalty, rtol=1e-4, learned=False)


def test_an_example_twice():
    x, y, _ = clusters(10, 8, 5)
    x[5] = x[0]
    check_derivatives(support_vector_machine, x, y, 1.0, rtol=1e-4, learned=False)


def test_a_class_without_examples_takes_no_part():
    x, y, _ = clusters(6, 8, 3)
    weights = support_vector_machine(tf.constant(x), np.insert(y, 1, 0.0, axis=1), 1.0).numpy()
    np.testing.assert_allclose(weights[:, 1], 0.0, atol=1e-9)
    expected = support_vector_machine(tf.constant(x), y, 1.0)
    np.testing.assert_allclose(np.delete(weights, 1, axis=1), expected, atol=1e-5)
