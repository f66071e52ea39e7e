"""The mean of several learners."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import callbacks, learners, networks
from tests.learners import embedding_cases as cases
from tests.learners.table import cross_entropy, dense_model, numbers, sampler


def members(number=2):
    return [learners.PrototypicalNetwork(cases.dense_body()) for _ in range(number)]


def test_the_mean_of_probabilities_and_of_outputs():
    parts = members(3)
    inputs, _ = cases.episodes()
    logits = [cases.compiled(part)(inputs) for part in parts]
    ensemble = cases.compiled(learners.Ensemble(parts))
    found = tf.nn.softmax(ensemble(inputs))
    np.testing.assert_allclose(found, np.mean(tf.nn.softmax(logits), 0), atol=1e-5)
    ensemble = cases.compiled(learners.Ensemble(parts, average="outputs"))
    np.testing.assert_allclose(ensemble(inputs), np.mean(logits, 0), atol=1e-5)


def test_the_adapted_model_predicts_the_same(tmp_path):
    cases.check_adapted_model(learners.Ensemble(members()), tmp_path)


def test_members_that_take_inner_steps():
    parts = [learners.MAML(dense_model(), 0.1, inner_steps=2) for _ in range(2)]
    ensemble = learners.Ensemble(parts, batch_norm="support")
    assert all(part.batch_norm == "support" for part in parts)
    ensemble.compile(keras.optimizers.SGD(0.1), loss=cross_entropy(), metrics=["accuracy"])
    before = numbers(ensemble.trainable_variables)
    assert len(before) == 2 * len(parts[0].trainable_variables)
    ensemble.fit(sampler().as_dataset(2), steps_per_epoch=1, verbose=0)
    after = numbers(ensemble.trainable_variables)
    assert all(np.any(v != x) for v, x in zip(after, before, strict=True))


def test_of_the_best_epochs(tmp_path):
    learner = learners.PrototypicalNetwork(
        networks.Conv4(input_shape=(8, 8, 1), filters=2), batch_norm="running"
    )
    learner.compile(keras.optimizers.Adam(0.1), cross_entropy(), metrics=["accuracy"])
    best = callbacks.BestWeights(tmp_path / "best", "val_loss", keep=2, mode="min")
    validation = sampler().as_dataset(4, num_batches=1)
    kept = []
    losses = learner.fit(
        sampler().as_dataset(2),
        steps_per_epoch=1,
        epochs=4,
        validation_data=validation,
        callbacks=[
            best,
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda *_: kept.append(learner.get_weights())
            ),
        ],
        verbose=0,
    ).history["val_loss"]
    order = np.argsort(losses)[:2]
    assert [file.name for file in best.files] == [f"epoch-{k + 1:06d}.weights.h5" for k in order]
    ensemble = learners.Ensemble.of_weights(learner, best.files)
    for member, epoch in zip(ensemble.members, order, strict=True):
        for found, expected in zip(member.get_weights(), kept[epoch], strict=True):
            np.testing.assert_array_equal(found, expected)
    ensemble.compile(loss=cross_entropy(), metrics=["accuracy"])
    assert np.isfinite(ensemble.evaluate(validation, verbose=0)).all()


def test_no_members():
    with pytest.raises(ValueError, match="at least one member"):
        learners.Ensemble([])
