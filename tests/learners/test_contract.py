"""What every learner promises, one table. Adding a learner adds a row of the registry."""

import inspect
import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners, registry
from keras_meta.outer_loop.episode import Episode
from tests.learners.table import (
    LEARNERS,
    ONE_OF_A_KIND,
    batch,
    check_equal_weights,
    compiled,
    conv_model,
    dense_model,
    first,
    numbers,
    sampler,
    small_model,
    uneven_batch,
)

BASES = {"AdaptedModel", "EmbeddingLearner", "MetaLearner"}

# Masks and codes of classes are drawn by the place of a task in its batch; the sharp step depends
# on the whole batch.
NOT_TASK_BY_TASK = ("mt-net", "in-context", "sharp-maml")


def test_every_public_learner_is_in_the_table():
    kinds = {type(make(dense_model())) for make in LEARNERS.values()}
    # Learners whose tasks are environments have a table of their own: test_policy_contract.py.
    others = BASES | {row.class_name for row in registry.of_kind("policy")}
    public = {x for x in vars(learners).values() if inspect.isclass(x) and x.__name__ not in others}
    assert public == {kind for kind in kinds if kind.__module__.startswith("keras_meta.")}


# Tracing takes most of the time: all but one of the learners are traced in the slow tests.
EAGER_AND_GRAPH = [pytest.param(name, True, id=f"{name}-eager") for name in LEARNERS] + [
    pytest.param(name, False, id=f"{name}-graph", marks=[] if name == "maml" else pytest.mark.slow)
    for name in LEARNERS
]


@pytest.mark.parametrize("name, run_eagerly", EAGER_AND_GRAPH)
def test_a_step_an_evaluation_and_a_copy_without_padding(name, run_eagerly, tmp_path):
    """All on one batch of two tasks of different sizes, which do what they do one by one."""
    # Dropout would depend on the place of a task in its batch.
    rate = 0.5
    learner = compiled(name, small_model(0.0), keras.optimizers.SGD(rate), task_map="loop")
    learner.run_eagerly = run_eagerly
    if name == "reptile":
        learner.inner_batch_size = None  # so would the examples that a step learns from
    tasks, (inputs, y) = uneven_batch()
    real = inputs["query_mask"].numpy()
    data = tf.data.Dataset.from_tensors((inputs, y))
    alone = [learner.meta_gradients(Episode(*task)) for task in tasks]
    before = numbers(learner.trainable_variables)
    logs = {k: v[0] for k, v in learner.fit(data, validation_data=data, verbose=0).history.items()}

    after = numbers(learner.trainable_variables)
    if name not in NOT_TASK_BY_TASK:
        check_mean_step(before, after, rate, alone)
        expected = np.mean([outcome.loss[0] for _, outcome in alone])
        np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
        right = [outcome.predictions[0].numpy().argmax(-1) for _, outcome in alone]
        right = np.concatenate([a == b[0] for a, (_, b) in zip(right, tasks, strict=True)])
        np.testing.assert_allclose(logs["accuracy"], right.mean(), rtol=1e-6)
    assert any(np.any(a != b) for a, b in zip(before, after, strict=True))

    # Evaluation is over the same tasks, and changes nothing.
    kept = numbers(learner.variables)
    again = learner.evaluate(data, verbose=0, return_dict=True)
    assert again == {key: logs[f"val_{key}"] for key in again}
    losses = []
    for task in tasks:
        learner.reset_metrics()
        losses.append(learner.test_step(task)["loss"])
    np.testing.assert_allclose(again["loss"], np.mean(losses), rtol=1e-5)
    predictions = learner(inputs).numpy()
    assert predictions.shape == (2, 9, 3) and not predictions[~real].any()
    right = predictions[real].argmax(-1) == y.numpy()[real]
    np.testing.assert_allclose(again["accuracy"], right.mean(), rtol=1e-6)
    for task, mask, values in zip(tasks, real, predictions, strict=True):
        np.testing.assert_allclose(learner(task[0])[0], values[mask], rtol=1e-4, atol=1e-5)
    check_equal_weights(kept, learner.variables)

    # What was saved predicts the same, and goes on from the same step.
    learner.save(tmp_path / "learner.keras")
    learner.save_weights(tmp_path / "learner.weights.h5")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    assert type(loaded) is type(learner)
    assert json.dumps(loaded.get_config()) == json.dumps(learner.get_config())
    assert int(loaded.optimizer.iterations) == 1
    check_equal_weights(learner.optimizer.variables, loaded.optimizer.variables)
    np.testing.assert_array_equal(loaded(inputs), predictions)
    fresh = compiled(name, small_model(0.0))
    fresh.load_weights(tmp_path / "learner.weights.h5")
    check_equal_weights(learner.variables, fresh.variables)


@first(ONE_OF_A_KIND)
def test_fitted_saved_resumed_and_exported(name, tmp_path, check_in_clean_process):
    """The life of a learner with everything in it: its noise, its statistics, its export."""
    learner = compiled(name, conv_model())
    validation = sampler().as_dataset(4, num_batches=2)
    history = learner.fit(
        sampler().as_dataset(4),
        steps_per_epoch=3,
        epochs=2,
        validation_data=validation,
        verbose=0,
    ).history
    assert np.isfinite(history["loss"]).all() and history["loss"][0] != history["loss"][1]
    evaluated = learner.evaluate(validation, return_dict=True, verbose=0)
    assert evaluated == learner.evaluate(validation, return_dict=True, verbose=0)
    assert evaluated == {key: history[f"val_{key}"][-1] for key in evaluated}
    predictions = learner.predict(validation, verbose=0)
    assert predictions.shape == (8, 6, 3)
    y = np.concatenate([y for _, y in validation])
    np.testing.assert_allclose(
        evaluated["accuracy"], (predictions.argmax(-1) == y).mean(), atol=1e-6
    )

    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    np.testing.assert_array_equal(loaded.predict(validation, verbose=0), predictions)

    check_export(learner, tmp_path, check_in_clean_process)
    if name == "maml":
        check_saved_model_cli(tmp_path, predictions[:4])

    # The loaded learner goes on like the one that was never interrupted.
    done = int(loaded.optimizer.iterations)
    assert done == 6
    for model in (learner, loaded):
        model.fit(sampler().as_dataset(4, start=done), steps_per_epoch=2, verbose=0)
    check_equal_weights(learner.variables, loaded.variables)
    check_equal_weights(learner.optimizer.variables, loaded.optimizer.variables)


def check_mean_step(before, after, rate, alone):
    """The outer step follows the mean of the meta-gradients of the tasks, each taken alone."""
    for start, end, *gradients in zip(before, after, *(x[0] for x in alone), strict=True):
        if None in gradients:
            np.testing.assert_array_equal(start, end)
        else:
            mean = sum(numbers(gradients)) / 2
            np.testing.assert_allclose((start - end) / rate, mean, atol=2e-6, rtol=1e-4)


def check_export(learner, folder, check_in_clean_process):
    """What is exported predicts the same where neither Keras nor this library is."""
    learner.export(folder / "serving", verbose=False)
    inputs, _ = batch()
    np.savez(folder / "data.npz", **inputs)
    check_in_clean_process("learner", folder / "serving", folder / "data.npz")
    expected = learner.predict(inputs, verbose=0)
    np.testing.assert_allclose(np.load(folder / "data.npz")["predictions"], expected, atol=1e-5)


def check_saved_model_cli(folder, expected):
    """TensorFlow's own command runs what is exported."""
    inputs, _ = batch()
    np.savez(folder / "data.npz", **inputs)
    pairs = [f"{key}={folder / 'data.npz'}[{key}]" for key in inputs]
    subprocess.run(
        [
            pathlib.Path(sys.executable).parent / "saved_model_cli",
            *("run", "--dir", folder / "serving", "--tag_set", "serve"),
            *("--signature_def", "serve", "--inputs", ";".join(pairs), "--outdir", folder),
        ],
        check=True,
        capture_output=True,
    )
    np.testing.assert_allclose(np.load(folder / "predictions.npy"), expected, atol=1e-5)


@first(ONE_OF_A_KIND)
def test_it_learns_in_a_loop_and_vectorised(name):
    """Both agree; the loss on one fixed batch falls by half; other sizes are traced once more."""
    task_maps = ["loop"] if name == "full-context-matching" else ["loop", "vectorize"]
    stream = sampler(2, 2).as_dataset(4)
    results = []
    for task_map in task_maps:
        keras.utils.set_random_seed(0)
        # Adam would make steps of rounding noise, in weights whose gradient is zero, such as what a
        # generator adds to all classes alike.
        optimizer = keras.optimizers.Adam(1e-2, epsilon=1e-3)
        learner = compiled(name, dense_model(), optimizer, task_map=task_map)
        traces = counted_traces(learner)
        learner.fit(stream, steps_per_epoch=3, verbose=0)
        results.append(numbers(learner.variables))
    check_equal_weights(results[0], results[-1], atol=1e-5)

    inputs, y = batch(4, 2, 2)
    if name == "reptile":  # its outer step follows the support sets alone
        inputs = {**inputs, "support_x": inputs["query_x"], "support_y": y}
    fixed = tf.data.Dataset.from_tensors((inputs, y)).repeat()
    losses = learner.fit(fixed, steps_per_epoch=20, epochs=4, verbose=0).history["loss"]
    if name != "in-context":  # classes get other codes in each step: see its own test
        assert losses[-1] < 0.5 * losses[0], losses

    assert len(traces) == 1
    for shots, queries in ((1, 3), (3, 1), (4, 5)):
        learner.fit(sampler(shots, queries).as_dataset(4), steps_per_epoch=1, verbose=0)
    assert len(traces) == 2


def counted_traces(learner):
    """A list that gets longer with every trace of a step."""
    traces, step = [], learner.train_step
    learner.train_step = lambda data: (traces.append(1), step(data))[1]
    learner.make_train_function(force=True)
    return traces
