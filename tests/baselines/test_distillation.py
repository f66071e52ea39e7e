"""A classifier that learns from another one."""

import keras
import numpy as np
import pytest

from keras_meta.baselines import Distillation


def classifier(seed):
    initializer = keras.initializers.GlorotUniform(seed)
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, kernel_initializer=initializer)]
    )


X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
Y = np.arange(64) % 4


def compiled(**arguments):
    model = Distillation(classifier(1), classifier(0), **arguments)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss, metrics=["accuracy"])
    return model


def softmax(logits, temperature):
    p = np.exp(logits / temperature)
    return p / p.sum(1, keepdims=True)


def test_the_loss_is_its_definition():
    model = compiled(temperature=2.0, weight=0.25)
    s, t = model.student.predict(X, verbose=0), model.teacher.predict(X, verbose=0)
    own = -np.log(softmax(s, 1.0)[np.arange(64), Y]).mean()
    p, q = softmax(t, 2.0), softmax(s, 2.0)
    divergence = (p * np.log(p / q)).sum(1).mean()
    found = model.compute_loss(X, Y, s, training=True)
    np.testing.assert_allclose(found, 0.75 * own + 0.25 * 4.0 * divergence, rtol=1e-4)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0)[0], own, rtol=1e-4)


def test_with_all_of_the_weight_the_student_becomes_the_teacher():
    model = compiled(weight=1.0)
    before = model.teacher.get_weights()
    model.fit(X, Y, epochs=60, verbose=0)
    for value, expected in zip(model.teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, expected)
    p, q = (softmax(m.predict(X, verbose=0), 1.0) for m in (model.student, model.teacher))
    np.testing.assert_allclose(p, q, atol=0.05)


def test_bad_settings():
    with pytest.raises(ValueError, match="Received: temperature=0.0, weight=0.5"):
        Distillation(classifier(1), classifier(0), temperature=0.0)
