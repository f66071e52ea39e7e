"""What Keras gives any model, learners have: arrays, callbacks, optimizers, precision, replicas."""

import resource

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.outer_loop.episode import Episode
from tests.learners.table import (
    batch,
    check_equal_weights,
    compiled,
    conv_model,
    cross_entropy,
    dense_model,
    first,
    numbers,
    sampler,
    small_model,
)


@first(["maml"])
def test_fit_evaluate_predict_on_arrays(name):
    learner = compiled(name, small_model())
    inputs, y = keras.tree.map_structure(keras.ops.convert_to_numpy, batch(6))
    learner.fit(inputs, y, batch_size=2, epochs=2, verbose=0)
    assert int(learner.optimizer.iterations) == 6
    predictions = learner.predict(inputs, batch_size=4, verbose=0)
    assert predictions.shape == (6, 6, 3)
    logs = learner.evaluate(inputs, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["accuracy"], (predictions.argmax(-1) == y).mean(), atol=1e-6)
    expected = float(cross_entropy()(y, predictions)) + float(sum(learner.losses))
    if (generated := getattr(learner, "generated", None)) is not None:
        support = tf.constant(inputs["support_x"]), tf.constant(inputs["support_y"])
        states = [learner.adapt_task(x, y) for x, y in zip(*map(tf.unstack, support), strict=True)]
        expected += np.mean([generated.regularization(state["weights"]) for state in states])
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)


@first(["maml"])
def test_ways_of_running_a_step_agree(name):
    """Eager, many steps an execution, and the graph give the same weights."""
    results = []
    for kwargs in ({}, {"run_eagerly": True}, {"steps_per_execution": 2}):
        keras.utils.set_random_seed(0)
        learner = compiled(name, small_model())
        learner.compile(keras.optimizers.SGD(0.1), loss=cross_entropy(), **kwargs)
        learner.fit(sampler().as_dataset(2), steps_per_epoch=2, verbose=0)
        results.append(numbers(learner.variables))
    for other in results[1:]:
        check_equal_weights(results[0], other, atol=2e-6)


@first(["ridge"])
def test_gradient_accumulation_clipping_and_moving_averages(name):
    """By hand: half a batch, a step, and a second one of which half is averaged in.

    w1 = w0 - rate clip(mean of 2 gradients), w2 likewise, and at the end (w1 + w2) / 2.
    """
    rate, largest = 0.5, 0.1
    optimizer = keras.optimizers.SGD(
        rate,
        gradient_accumulation_steps=2,
        global_clipnorm=largest,
        use_ema=True,
        ema_momentum=0.5,
    )
    learner = compiled(name, small_model(0.0), optimizer)
    variables = learner.trainable_variables

    def after_a_step(numbers_of_batches):
        """The weights after a step on these batches, from those of now."""
        kept, gradients = numbers(learner.non_trainable_variables), []
        for i in numbers_of_batches:
            of_batch, outcome = learner.meta_gradients(Episode(*batches[i]))
            gradients.append(of_batch)
            # Reptile's inner slots go on from batch to batch, also within one step.
            learner.absorb(outcome.observed)
        for variable, value in zip(learner.non_trainable_variables, kept, strict=True):
            variable.assign(value)
        means = [(a + b) / 2.0 for a, b in zip(*gradients, strict=True)]
        norm = tf.linalg.global_norm(means)
        assert norm > 2 * largest
        return numbers(v - rate * g * largest / norm for v, g in zip(variables, means, strict=True))

    stream = sampler().as_dataset(2)
    batches = list(stream.take(4))
    start, first_step = numbers(variables), after_a_step([0, 1])
    learner.fit(stream, steps_per_epoch=1, verbose=0)
    check_equal_weights(variables, start)
    learner.fit(sampler().as_dataset(2, start=1), steps_per_epoch=1, verbose=0)
    check_equal_weights(variables, first_step, atol=1e-6)
    second_step = after_a_step([2, 3])
    learner.fit(sampler().as_dataset(2, start=2), steps_per_epoch=2, verbose=0)
    expected = [(a + b) / 2.0 for a, b in zip(first_step, second_step, strict=True)]
    check_equal_weights(variables, expected, atol=1e-6)


@first(["ridge"])
def test_stock_callbacks(name, tmp_path):
    learner = compiled(name, small_model(), keras.optimizers.Adam(1e-2, use_ema=True))
    callbacks = keras.callbacks
    history = learner.fit(
        sampler().as_dataset(2),
        steps_per_epoch=2,
        epochs=3,
        validation_data=sampler().as_dataset(2, num_batches=1),
        verbose=0,
        callbacks=[
            callbacks.BackupAndRestore(tmp_path / "backup"),
            callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
            callbacks.CSVLogger(tmp_path / "log.csv"),
            callbacks.EarlyStopping(patience=5, restore_best_weights=True),
            callbacks.ReduceLROnPlateau(patience=1),
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            callbacks.TerminateOnNaN(),
            callbacks.SwapEMAWeights(),
            callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        ],
    ).history
    header, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert len(rows) == len(history["loss"]) == 3 and "val_loss" in header
    np.testing.assert_allclose(history["learning_rate"][0], 0.9e-2, rtol=1e-6)
    loaded = keras.models.load_model(tmp_path / "best.keras")
    assert type(loaded) is type(learner) and loaded.name == learner.name


@first(["maml"])
def test_mixed_float16(name):
    check_mixed_precision(name, "mixed_float16")


@first([])
def test_mixed_bfloat16(name):
    check_mixed_precision(name, "mixed_bfloat16")


def check_mixed_precision(name, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = conv_model()
    finally:
        keras.config.set_dtype_policy("float32")
    learner = compiled(name, model)
    assert learner.dtype_policy.name == policy
    if policy == "mixed_float16":
        assert isinstance(learner.optimizer, keras.optimizers.LossScaleOptimizer)
    history = learner.fit(sampler().as_dataset(2), steps_per_epoch=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert all(v.dtype == "float32" for v in learner.trainable_variables)

    full = compiled(name, conv_model())
    full.set_weights(learner.get_weights())
    inputs, _ = batch()
    predictions = keras.ops.convert_to_numpy(learner(inputs)).astype("float32")
    np.testing.assert_allclose(predictions, full(inputs), atol=0.05)


@first([])
def test_two_replicas_equal_one_device(name):
    check_two_replicas(name, batch_norm="transductive")


@first([])
def test_two_replicas_equal_one_device_in_running_statistics(name):
    check_two_replicas(name, batch_norm="running")


def check_two_replicas(name, batch_norm):
    dataset = tf.data.Dataset.from_tensors(batch(4)).repeat()
    results = []
    for devices in (1, 2):
        # TensorFlow remembers the shapes of collectives from one strategy to the next.
        strategy = tf.distribute.MirroredStrategy(
            [f"CPU:{i}" for i in range(devices)], tf.distribute.ReductionToOneDevice()
        )
        keras.utils.set_random_seed(0)
        with strategy.scope():
            learner = compiled(
                name, small_model(), keras.optimizers.SGD(0.1), batch_norm=batch_norm
            )
        history = learner.fit(dataset, steps_per_epoch=3, verbose=0).history
        logs = learner.evaluate(dataset, steps=2, verbose=0, return_dict=True)
        results.append((numbers(learner.variables), [history["loss"][0], *logs.values()]))
    check_equal_weights(results[0][0], results[1][0], atol=1e-5)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-5)


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF"), reason="resident memory is not known")
@first(["maml"])
def test_memory_is_flat(name):
    """Over 1000 steps, to 8 kB a step."""
    learner = compiled(name, dense_model())
    data = sampler().as_dataset(2)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    learner.fit(data, steps_per_epoch=300, verbose=0)
    before = resident()
    learner.fit(data, steps_per_epoch=1000, verbose=0)
    assert resident() - before < 8 * 2**20
