"""Each mistake gets an error that says what was wrong, what was received and what to do."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import learners

INPUTS = {
    "support_x": np.zeros((2, 3, 4), "float32"),
    "support_y": np.tile(np.arange(3, dtype="int32"), (2, 1)),
    "query_x": np.ones((2, 5, 4), "float32"),
}
QUERY_Y = np.zeros((2, 5), "int32")


def dense(units=3, activation=None):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation)])


def compiled(model=None, **kwargs):
    learner = learners.MAML(model or dense(), 0.1, **kwargs)
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return learner


def fit(inputs=INPUTS, y=QUERY_Y, **kwargs):
    return compiled().fit(inputs, y, verbose=0, **kwargs)


def changed(**kwargs):
    return {**INPUTS, **kwargs}


def with_value(key, index, value):
    array = INPUTS[key].copy()
    array[index] = value
    return changed(**{key: array})


def frozen():
    model = dense()
    model.trainable = False
    return model


def softsign():
    layers = [keras.layers.Dense(3, "softsign", name="signs"), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((4,)), *layers])


def bilinear():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(2, 3),
            layers.UpSampling2D(interpolation="bilinear", name="larger"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def images(size):
    x = tf.zeros([2, 3, size, size, 1])
    return {"support_x": x, "support_y": tf.zeros([2, 3], tf.int32), "query_x": x}


def renorm():
    layers = [keras.layers.Dense(3), keras.layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((4,)), *layers])
    layers[1].renorm = True  # Keras 3.12 has no such argument
    return model


CASES = {
    "not a model": (lambda: learners.MAML("model"), "must be a `keras.Model`. Received: 'model'"),
    "unbuilt model": (
        lambda: learners.MAML(keras.Sequential([keras.layers.Dense(3)])),
        "must be built: start it with `keras.Input(shape)`",
    ),
    "frozen model": (lambda: learners.MAML(frozen()), "no trainable weights"),
    "unknown batch_norm": (
        lambda: learners.MAML(dense(), batch_norm="frozen"),
        "`batch_norm` must be one of",
    ),
    "unknown task_map": (lambda: learners.MAML(dense(), task_map="pmap"), "`task_map` must be one"),
    "negative steps": (
        lambda: learners.MAML(dense(), inner_steps=-1),
        "`inner_steps` must be an integer >= 0. Received: inner_steps=-1",
    ),
    "fractional steps": (lambda: learners.MAML(dense(), inner_steps=1.5), "inner_steps=1.5"),
    "negative rate": (
        lambda: learners.MAML(dense(), inner_learning_rate=-0.1),
        "must be a finite number >= 0, a `Learned` one or a schedule. "
        "Received: inner_learning_rate=-0.1",
    ),
    "rate not a number": (
        lambda: learners.MAML(dense(), inner_learning_rate="fast"),
        "Received: inner_learning_rate='fast'",
    ),
    "NaN rate": (
        lambda: learners.MAML(dense(), inner_learning_rate=float("nan")),
        "Received: inner_learning_rate=nan",
    ),
    "unknown layer to adapt": (
        lambda: learners.MAML(dense(), adapted_weights=["nowhere"]),
        "names layers that the model does not have: ['nowhere']",
    ),
    "unknown part to adapt": (
        lambda: learners.MAML(dense(), adapted_weights="tail"),
        "Received: adapted_weights='tail'",
    ),
    "nothing to adapt": (
        lambda: learners.MAML(dense(), adapted_weights=lambda variable: False),
        "selects no trainable weight",
    ),
    "body of one layer": (lambda: learners.BOIL(dense()), "selects no trainable weight"),
    "another dtype policy": (
        lambda: learners.MAML(dense(), dtype="mixed_float16"),
        "computes in the dtype policy of its model",
    ),
    "softsign": (lambda: learners.MAML(softsign())(INPUTS), "Softsign in layer 'signs'"),
    "bilinear resize": (
        lambda: learners.MAML(bilinear())(images(4)),
        "ResizeBilinear in layer 'larger'",
    ),
    "renorm": (lambda: learners.MAML(renorm()), "Use `renorm=False`"),
    "no loss": (
        lambda: learners.MAML(dense()).adapt(INPUTS["support_x"][0], INPUTS["support_y"][0]),
        "There is no inner loss to adapt with",
    ),
    "several losses": (
        lambda: learners.MAML(dense(), inner_loss=["mse", "mae"]).adapt(
            INPUTS["support_x"][0], INPUTS["support_y"][0]
        ),
        "must be one loss",
    ),
    "pairs": (
        lambda: compiled()(((np.zeros((2, 3, 4)), np.zeros((2, 3))), np.zeros((2, 5, 4)))),
        "`keras_meta.episodes.from_task_pairs`",
    ),
    "missing key": (
        lambda: compiled()({k: v for k, v in INPUTS.items() if k != "support_y"}),
        "Missing: ['support_y']",
    ),
    "unknown key": (lambda: compiled()(changed(query_y=QUERY_Y)), "unknown: ['query_y']"),
    "no task axis": (
        lambda: compiled()(changed(support_y=np.arange(3))),
        "needs two leading axes, tasks and examples",
    ),
    "wrong rank of features": (
        lambda: compiled()(changed(support_x=np.zeros((2, 3, 4, 1), "float32"))),
        "Support and query examples must have the same shape",
    ),
    "wrong features for the model": (
        lambda: compiled()(
            changed(support_x=np.zeros((2, 3, 7), "f4"), query_x=np.zeros((2, 5, 7), "f4"))
        ),
        "Episodes do not fit the model",
    ),
    "different structures": (
        lambda: compiled()(changed(support_x={"a": INPUTS["support_x"]})),
        "must have the same structure",
    ),
    "empty support": (
        lambda: compiled()(
            changed(support_x=np.zeros((2, 0, 4), "f4"), support_y=np.zeros((2, 0), "i4"))
        ),
        "`support_x` is empty",
    ),
    "empty support in adapt": (
        lambda: compiled().adapt(np.zeros((0, 4), "f4"), np.zeros((0,), "i4")),
        "`support_x` is empty",
    ),
    "no queries": (
        lambda: compiled()(changed(query_x=np.zeros((2, 0, 4), "f4"))),
        "`query_x` is empty",
    ),
    "different numbers of tasks": (
        lambda: compiled()(changed(query_x=np.zeros((3, 5, 4), "f4"))),
        "differ in number of tasks (axis 0)",
    ),
    "different numbers of support examples": (
        lambda: compiled()(changed(support_y=np.zeros((2, 4), "i4"))),
        "differ in number of support examples",
    ),
    "labels of one task only": (lambda: fit(y=np.zeros((2,), "i4")), "two leading axes"),
    "too few query labels": (lambda: fit(y=np.zeros((2, 4), "i4")), "differ in their number of"),
    "no query labels": (lambda: fit(y=None), "no query labels to learn from"),
    "support label out of range": (
        lambda: fit(with_value("support_y", (1, 2), 3)),
        "`support_y` has a label outside 0..2",
    ),
    "negative label": (lambda: fit(with_value("support_y", (0, 0), -1)), "label outside 0..2"),
    "query label out of range": (
        lambda: fit(y=np.full((2, 5), 7, "int32")),
        "`query_y` has a label outside 0..2",
    ),
    "label out of range in adapt": (
        lambda: compiled().adapt(INPUTS["support_x"][0], np.array([0, 1, 9], "int32")),
        "`support_y` has a label outside 0..2",
    ),
    "NaN": (lambda: fit(with_value("query_x", (0, 0, 0), np.nan)), "`query_x` contains NaN or Inf"),
    "Inf in adapt": (
        lambda: compiled().adapt(np.full((3, 4), np.inf, "f4"), np.arange(3)),
        "`support_x` contains NaN or Inf",
    ),
    "class_weight": (lambda: fit(class_weight={0: 1.0, 1: 2.0}), "`class_weight` is not supported"),
    "sample weights of rank 3": (
        lambda: compiled().evaluate(
            tf.data.Dataset.from_tensors((INPUTS, QUERY_Y, np.ones((2, 5, 1)))), verbose=0
        ),
        "`sample_weight` must be [tasks] or [tasks, queries]",
    ),
    "export before any episode": (
        lambda: compiled().export("somewhere"),
        "does not know the types of its inputs yet",
    ),
    "export to another format": (
        lambda: compiled().export("somewhere", format="onnx"),
        "Received: format='onnx'",
    ),
    "one inner step is not a curve of an infinite dataset": (
        lambda: keras_meta.metrics.adaptation_curve(
            compiled(), keras_meta.episodes.Sinusoid().as_dataset(2)
        ),
        "needs a finite dataset",
    ),
    "unknown metric": (
        lambda: keras_meta.metrics.adaptation_curve(
            compiled(), keras_meta.episodes.Sinusoid().as_dataset(2, 1), metric="f1"
        ),
        "`metric` must be one of",
    ),
    "interval of one task": (
        lambda: keras_meta.metrics.task_interval(np.zeros(1)),
        "at least two tasks",
    ),
    "threads after the start": (
        lambda: (tf.zeros(1), keras_meta.config.one_task_per_core(7)),
        "must be called before TensorFlow starts",
    ),
    "unknown pooling": (
        lambda: keras_meta.networks.Conv4(5, pooling="mean"),
        "`pooling` must be 'stride' or 'max'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_error_says_what_to_do(name):
    action, message = CASES[name]
    errors = (ValueError, TypeError, RuntimeError, tf.errors.InvalidArgumentError)
    with pytest.raises(errors, match=re.escape(message)) as caught:
        action()
    if isinstance(caught.value, (ValueError, TypeError)):
        assert "Received:" in str(caught.value)


def test_first_order_accepts_what_has_no_second_derivative():
    assert learners.MAML(softsign(), first_order=True).first_order


def test_resizing_before_the_first_weight_is_harmless():
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((9, 9, 1)), layers.Resizing(4, 4), layers.Flatten(), layers.Dense(3)]
    )
    learners.MAML(model, inner_loss="sparse_categorical_crossentropy")(images(9))


def test_a_subclass_is_checked_at_its_first_episode():
    @keras.saving.register_keras_serializable("tests")
    class Subclass(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.layer = keras.layers.Dense(3)
            self.soft = keras.layers.Activation("softsign", name="soft")

        def call(self, x):
            return self.soft(self.layer(x))

    model = Subclass()
    model(INPUTS["query_x"][0])
    with pytest.raises(ValueError, match="Softsign"):
        compiled(model)(INPUTS)


def test_a_failed_step_changes_nothing():
    learner = compiled()
    before = [keras.ops.convert_to_numpy(v) for v in learner.variables]
    with pytest.raises(tf.errors.InvalidArgumentError):
        learner.fit(with_value("support_y", (1, 2), 3), QUERY_Y, verbose=0)
    for a, b in zip(before, learner.variables, strict=True):
        np.testing.assert_array_equal(a, keras.ops.convert_to_numpy(b))
