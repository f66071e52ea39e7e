"""A rate of `DropBlock` that grows during training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes, learners
from keras_meta.callbacks import DropBlockSchedule, ExactResume
from keras_meta.layers import DropBlock


def fitted(callbacks, epochs=1, layer=None, model=None):
    if model is None:
        layers = [layer or DropBlock(0.4, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((4, 4, 1)), keras.Sequential(layers)])
        model.compile("sgd", "mse")
    x, y = np.ones((6, 4, 4, 1)), np.ones((6, 1))
    model.fit(x, y, batch_size=2, epochs=epochs, callbacks=callbacks, verbose=0)
    return model


def test_the_rate_grows_by_steps_of_the_optimizer():
    rates = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(float(layer.current_rate))
    )
    layer = DropBlock(0.4, 2)
    model = fitted([DropBlockSchedule(steps=4), watch], layer=layer)
    # A second run goes on where the first one ended.
    fitted([DropBlockSchedule(steps=4), watch], model=model)
    np.testing.assert_allclose(rates, [0.0, 0.1, 0.2, 0.3, 0.4, 0.4], rtol=1e-6)


def test_replicas_drop_as_much_as_one_device():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice("CPU:0")
    )
    with strategy.scope():
        layer = DropBlock(0.4, 2)
        layers = [keras.Input((4, 4, 1)), layer, keras.layers.Flatten(), keras.layers.Dense(1)]
        model = keras.Sequential(layers)
        model.compile("sgd", "mse")
    fitted([DropBlockSchedule(steps=4)], model=model)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer.current_rate), 0.2, rtol=1e-6)


def trained(folder, steps):
    """Weights and loss after some steps of a learner that resumes where the folder ends."""
    x = np.random.default_rng(0).integers(0, 256, (30, 6, 6, 3), "uint8")
    changes = [episodes.augmentation.RandomCrop(1), keras.layers.RandomFlip()]
    tasks = episodes.EpisodeSampler(x, np.repeat(range(5), 6), 3, 2, 2, augment=changes)
    layers = [keras.layers.Conv2D(2, 3), DropBlock(0.3, 2, seed=0), keras.layers.Flatten()]
    body = keras.Sequential([keras.Input((6, 6, 3)), *layers])
    for variable, value in zip(body.trainable_variables, (0.1, 0.0), strict=True):
        variable.assign(
            np.linspace(-value, value, variable.value.shape.num_elements()).reshape(variable.shape)
        )
    learner = learners.PrototypicalNetwork(body, num_ways=3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    learner.compile(keras.optimizers.SGD(0.1), loss)
    resume = ExactResume(folder, save_every=1)
    history = learner.fit(
        tasks.as_dataset(2, start=resume.step),
        steps_per_epoch=2,
        epochs=steps // 2,
        initial_epoch=resume.epoch,
        shuffle=False,
        verbose=0,
        callbacks=[resume, DropBlockSchedule(steps=5)],
    )
    return [*learner.get_weights(), history.history["loss"][-1]]


@pytest.mark.slow
def test_an_interrupted_run_with_augmentation_ends_at_the_same_bits(tmp_path):
    whole = trained(tmp_path / "whole", 4)
    trained(tmp_path / "parts", 2)
    parts = trained(tmp_path / "parts", 4)
    assert any(np.isclose(w, 0.3 * 3 / 5) for w in whole if np.shape(w) == ())
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_arguments():
    with pytest.raises(ValueError, match="`steps` must be at least 1. Received: steps=0"):
        DropBlockSchedule(0)
    with pytest.raises(ValueError, match="no `DropBlock` layer.*model 'sequential"):
        fitted([DropBlockSchedule(4)], layer=keras.layers.Dropout(0.5))
