"""The estimators keep scikit-learn's contract, and say what they cannot do."""

import numpy as np
import pytest

from keras_meta import in_context

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from keras_meta.in_context import estimators as module  # noqa: E402

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(40, 3))
NAMES = np.where(X[:, 0] > 0, "yes", "no")


def classifier(weights, **kwargs):
    return in_context.InContextClassifier(**{"members": 2, "weights": weights, **kwargs})


def regressor(weights, **kwargs):
    return in_context.InContextRegressor(**{"members": 2, "weights": weights, **kwargs})


@pytest.mark.slow
@pytest.mark.parametrize("make", [classifier, regressor])
def test_scikit_learn_s_own_checks(make, weights):
    # An untrained network classifies nothing well.
    expected = {"check_classifiers_train": "weights are random", "check_regressors_train": "same"}
    check_estimator(make(weights), expected_failed_checks=expected, on_skip=None)


@pytest.mark.slow
@pytest.mark.parametrize("make", [classifier, regressor])
def test_scikit_learn_s_checks_of_the_weights_of_the_library(make):
    check_estimator(make(None), on_skip=None)


def test_the_weights_of_the_library_have_learned_to_learn():
    """Functions that no linear model explains, of 60 rows."""
    x = np.random.default_rng(1).uniform(-1, 1, (260, 2))
    circle = (x**2).sum(1) > 0.6
    found = in_context.InContextClassifier().fit(x[:60], circle[:60])
    assert (found.predict(x[60:]) == circle[60:]).mean() > 0.9
    y = np.abs(x[:, 0]) + 0.3 * x[:, 1]
    predicted = in_context.InContextRegressor().fit(x[:60], y[:60])
    explained = 1 - np.square(predicted.predict(x[60:]) - y[60:]).mean() / y[60:].var()
    assert explained > 0.9
    lower, upper = predicted.predict_quantiles(x[60:], [0.05, 0.95]).T
    assert ((lower < y[60:]) & (y[60:] < upper)).mean() > 0.85


def test_probabilities_of_named_classes(weights):
    model = classifier(weights).fit(X, NAMES)
    assert model.classes_.tolist() == ["no", "yes"] and model.n_features_in_ == 3
    probabilities = model.predict_proba(X[:7])
    assert probabilities.shape == (7, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1.0)
    assert (model.predict(X[:7]) == model.classes_[probabilities.argmax(1)]).all()


def test_frames_of_names_and_missing_values(weights):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"size": X[:, 0], "kind": np.where(X[:, 1] > 0, "a", "b")})
    frame.loc[3, "size"], frame.loc[4, "kind"] = np.nan, None
    model = classifier(weights).fit(frame, NAMES)
    assert model.columns_.categories.tolist() == [False, True]
    assert model.feature_names_in_.tolist() == ["size", "kind"]
    assert np.isfinite(model.predict_proba(frame[:5])).all()
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["kind", "size"]])


def test_units_of_numbers(weights):
    """The distribution follows the target when its units change."""
    y = X[:, 0] + 0.1
    one, other = (regressor(weights).fit(X, a * y + b) for a, b in ((1.0, 0.0), (1e6, -3.0)))
    np.testing.assert_allclose(1e6 * one.predict(X) - 3.0, other.predict(X), rtol=1e-4)
    lower, middle, upper = one.predict_quantiles(X).T
    assert (lower < middle).all() and (middle < upper).all()
    with pytest.raises(ValueError, match="`levels` must be numbers between 0 and 1"):
        one.predict_quantiles(X, [5, 95])


def test_limits_have_messages(weights):
    with pytest.raises(ValueError, match="at most 1,000 rows and 50 columns.*1,001 rows"):
        classifier(weights).fit(np.zeros((1001, 2)), np.arange(1001) % 2)
    with pytest.raises(ValueError, match="50 columns.*Received: 20 rows, 51 columns"):
        classifier(weights).fit(np.zeros((20, 51)), np.arange(20) % 2)
    with pytest.raises(ValueError, match="at most 10 classes.*Received: 11 classes"):
        classifier(weights).fit(np.zeros((22, 2)), np.arange(22) % 11)
    with pytest.raises(ValueError, match="at least two classes"):
        classifier(weights).fit(X, np.zeros(40, int))
    with pytest.raises(ValueError, match="`members` must be an integer >= 1"):
        classifier(weights, members=0).fit(X, NAMES)


def test_a_network_is_read_once(weights, monkeypatch):
    monkeypatch.setattr(module, "_networks", {})
    reads = []
    monkeypatch.setattr(module, "read_network", lambda path: reads.append(path) or "network")
    assert module.network(weights) == module.network(weights) == "network" and len(reads) == 1


def test_without_scikit_learn(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "keras_meta.in_context.estimators")
    monkeypatch.delattr(in_context, "estimators")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r"needs scikit-learn: pip install keras-meta\[tables\]"):
        in_context.InContextClassifier  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        in_context.Nothing  # noqa: B018
