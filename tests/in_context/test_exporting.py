"""An exported table predicts what its estimator predicts."""

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("sklearn", minversion="1.6")

from keras_meta.in_context import InContextClassifier, InContextRegressor  # noqa: E402

GENERATOR = np.random.default_rng(0)
KINDS = np.array(["peat", "sand", "clay"])[GENERATOR.integers(0, 3, 40)].astype(object)
SIZES = 1e3 + 10.0 * GENERATOR.normal(size=40)
X = np.stack([SIZES.astype(object), KINDS, GENERATOR.normal(size=40).astype(object)], 1)
X[2, 0] = X[5, 2] = np.nan
X[7, 1] = None
NAMES = np.where(SIZES > 1e3, "large", "small")
# Of the rows to predict, one has a category that was not seen, and others lack a value.
QUERIES = np.concatenate([X[:8], [[1e3, "loam", 0.5]]])
QUERY_COLUMNS = {
    "x0": QUERIES[:, 0].astype("float64"),
    "x1": np.array([kind or "" for kind in QUERIES[:, 1]]),
    "x2": QUERIES[:, 2].astype("float64"),
}


def encoded():
    """The rows as LiteRT takes them."""
    codes = {"clay": 0, "peat": 1, "sand": 2}
    kinds = [codes.get(kind, np.nan) for kind in QUERIES[:, 1]]
    return np.stack([QUERY_COLUMNS["x0"], kinds, QUERY_COLUMNS["x2"]], 1).astype("float32")


def served(model, path):
    model.export(path / "model", verbose=False)
    serve = tf.saved_model.load(str(path / "model")).signatures["serve"]
    found = serve(**{name: tf.constant(values) for name, values in QUERY_COLUMNS.items()})
    return {name: value.numpy() for name, value in found.items()}


def on_a_phone(model, path):
    file = path / "model.tflite"
    model.export(file, format="litert", query_size=len(QUERIES), verbose=False)
    return tf.lite.Interpreter(str(file)).get_signature_runner("predict")(x=encoded())


def test_classes_by_name(weights, tmp_path):
    model = InContextClassifier(members=3, weights=weights).fit(X, NAMES)
    found = served(model, tmp_path)
    expected = model.predict_proba(QUERIES)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)
    assert found["class"].astype(str).tolist() == model.predict(QUERIES).tolist()
    lite = on_a_phone(model, tmp_path)
    assert list(lite) == ["probabilities"]
    np.testing.assert_allclose(lite["probabilities"], expected, atol=1e-5)


def test_classes_that_are_numbers(weights, tmp_path):
    model = InContextClassifier(members=1, weights=weights).fit(X, np.arange(40) % 3 + 5)
    found = served(model, tmp_path)
    assert found["class"].dtype.kind == "i"
    assert found["class"].tolist() == model.predict(QUERIES).tolist()


def test_numbers_and_their_intervals(weights, tmp_path):
    model = InContextRegressor(members=2, weights=weights).fit(X, 100.0 + SIZES)
    lower, upper = model.predict_quantiles(QUERIES, [0.05, 0.95]).T
    expected = {"mean": model.predict(QUERIES), "lower": lower, "upper": upper}
    for found in (served(model, tmp_path), on_a_phone(model, tmp_path)):
        assert set(found) == set(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-5)


def test_names_that_become_alike(weights, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, [0, 2]].astype(float), columns=["size (m)", "size [m]"])
    model = InContextClassifier(members=1, weights=weights).fit(frame, NAMES)
    model.export(tmp_path / "model", verbose=False)
    serve = tf.saved_model.load(str(tmp_path / "model")).signatures["serve"]
    assert set(serve.structured_input_signature[1]) == {"size__m__0", "size__m__1"}


def test_what_cannot_be_exported(weights, tmp_path):
    model = InContextClassifier(members=1, weights=weights)
    with pytest.raises(ValueError, match="not fitted"):
        model.export(tmp_path / "model")
    model.fit(X, NAMES)
    with pytest.raises(ValueError, match="exports to format='tf_saved_model'"):
        model.export(tmp_path / "model", format="onnx")
    with pytest.raises(ValueError, match="exports to format='tf_saved_model'"):
        model.export(tmp_path / "model", query_size=3)
    with pytest.raises(ValueError, match="`query_size` must be an integer"):
        model.export(tmp_path / "model.tflite", format="litert")
    with pytest.raises(ValueError, match="must end in `.tflite`"):
        model.export(tmp_path / "model", format="litert", query_size=3)
