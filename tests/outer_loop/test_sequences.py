"""Sequence outputs `[tasks, query, time, ...]`: labels, weights and masks over time, everywhere."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import baselines, learners, metrics
from keras_meta.networks import with_context
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences
from tests.quick import quick_first, slow

SYMBOLS, TIME, PADDING = 5, 6, 0
LOSS = keras.losses.SparseCategoricalCrossentropy


def sequences(tasks=2, support=3, query=4, seed=0, lengths=True):
    """Episodes of sequences whose ends are padding, 0, and which predict their next symbol."""
    random = np.random.default_rng(seed)
    x = random.integers(1, SYMBOLS, (tasks, support + query, TIME + 1))
    if lengths:
        length = random.integers(2, TIME + 1, x.shape[:2])
        x = np.where(np.arange(TIME + 1) < length[..., None] + 1, x, PADDING)
    x, y = x[..., :-1].astype("int32"), x[..., 1:].astype("int32")
    inputs = {"support_x": x[:, :support], "support_y": y[:, :support], "query_x": x[:, support:]}
    return {k: tf.constant(v) for k, v in inputs.items()}, tf.constant(y[:, support:])


def model(mask_zero=False, symbols=SYMBOLS):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(symbols, 4, mask_zero=mask_zero),
            layers.Dense(6, "tanh"),
            layers.Dense(symbols),
        ]
    )


def compiled(learner, loss=None, **kwargs):
    learner.compile(keras.optimizers.SGD(0.1), loss or LOSS(from_logits=True), **kwargs)
    return learner


def cross_entropy(y, logits):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits).numpy()


def adapted_by_hand(model, x, y, weight, rate):
    """A step of SGD on the weighted mean over support examples and time."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, copy(x))
        loss = tf.reduce_sum(weight * losses) / tf.reduce_sum(weight)
    gradients = tape.gradient(loss, copy.trainable_variables)
    for variable, gradient in zip(copy.trainable_variables, gradients, strict=True):
        variable.assign_sub(rate * tf.convert_to_tensor(gradient))
    return copy


@pytest.mark.parametrize(
    "padding, task_map",
    [
        ("mask", "vectorize"),
        ("ignored class", "loop"),
        slow("mask", "loop"),
        slow("ignored class", "vectorize"),
        slow("none", "loop"),
        slow("none", "vectorize"),
    ],
)
def test_inner_loss_loss_and_metrics_leave_padding_out(padding, task_map):
    """By the mask of the model, or by a label that the loss ignores, as in Keras's own `fit`."""
    inputs, y = sequences(lengths=padding != "none")
    network = model(mask_zero=padding == "mask")
    loss, ignored = LOSS(from_logits=True), None
    real = {key: np.ones(x.shape, "float32") for key, x in {**inputs, "y": y}.items()}
    if padding == "mask":  # of the inputs
        real = {key: (x.numpy() != PADDING).astype("float32") for key, x in inputs.items()}
        real = {"support_y": real["support_x"], "y": real["query_x"]}
    if padding == "ignored class":
        loss, ignored = LOSS(from_logits=True, ignore_class=-1), -1
        real = {"support_y": inputs["support_y"] != PADDING, "y": y != PADDING}
        real = {key: x.numpy().astype("float32") for key, x in real.items()}
        inputs["support_y"] = tf.where(inputs["support_y"] == PADDING, -1, inputs["support_y"])
        y = tf.where(y == PADDING, -1, y)
    learner = learners.MAML(network, 0.5, task_map=task_map)
    watched = [metrics.Perplexity(ignore_class=ignored), metrics.BitsPerCharacter(False)]
    if padding == "ignored class":
        watched = watched[:1]
    compiled(learner, loss, metrics=[*watched, *(["accuracy"] if padding == "mask" else [])])
    found = learner.evaluate(tf.data.Dataset.from_tensors((inputs, y)), verbose=0, return_dict=True)

    losses, values, weights, right = [], [], [], []
    for task in range(2):
        support_y = np.maximum(inputs["support_y"][task], 0)
        adapted = adapted_by_hand(
            network, inputs["support_x"][task], support_y, real["support_y"][task], 0.5
        )
        logits = adapted(inputs["query_x"][task])
        value, weight = cross_entropy(np.maximum(y[task], 0), logits), real["y"][task]
        losses.append((weight * value).sum() / weight.sum())
        values.append(value)
        weights.append(weight)
        right.append(np.argmax(logits, -1) == y[task])
    mean = np.average(values, weights=weights)
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(mean), rel=1e-5)
    if "bits_per_character" in found:
        assert found["bits_per_character"] == pytest.approx(mean / np.log(2), rel=1e-5)
    if "accuracy" in found:
        assert found["accuracy"] == pytest.approx(np.average(right, weights=weights), rel=1e-5)


def test_masks_and_weights_are_those_of_keras_fit():
    """A learner without inner steps reports what its model reports by itself, task by task."""
    inputs, y = sequences(tasks=1)
    weight = np.random.default_rng(1).random((1, 4, TIME)).astype("float32")
    network = model(mask_zero=True)
    watched = [metrics.Perplexity(name="p"), "accuracy"]
    settings = {"metrics": watched, "weighted_metrics": [metrics.BitsPerCharacter(), "accuracy"]}
    learner = compiled(learners.MAML(network, inner_steps=0), **settings, run_eagerly=True)
    data = tf.data.Dataset.from_tensors((inputs, y, weight))
    found = learner.evaluate(data, verbose=0, return_dict=True)
    alone = model(mask_zero=True)
    alone.set_weights(network.get_weights())
    alone.compile("sgd", LOSS(from_logits=True), **settings)
    expected = alone.evaluate(
        inputs["query_x"][0], y[0], sample_weight=weight[0], verbose=0, return_dict=True
    )
    assert found.keys() == expected.keys() and len(found) == 5
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("shape", [(2,), (2, 4), (2, 4, TIME)])
@pytest.mark.parametrize("task_map", ["loop", "vectorize"])
def test_weights_of_tasks_of_queries_and_of_positions(shape, task_map):
    inputs, y = sequences(lengths=False)
    weight = np.random.default_rng(1).random(shape).astype("float32")
    network = model()
    learner = compiled(
        learners.MAML(network, inner_steps=0, task_map=task_map),
        weighted_metrics=[metrics.BitsPerCharacter()],
    )
    found = learner.evaluate(
        tf.data.Dataset.from_tensors((inputs, y, weight)), verbose=0, return_dict=True
    )
    values = cross_entropy(
        y, network(tf.reshape(inputs["query_x"], (8, TIME))).numpy().reshape(2, 4, TIME, SYMBOLS)
    )
    full = weight.reshape(shape + (1,) * (3 - len(shape))) * np.ones_like(values)
    # Keras divides the weighted sum by the number of losses.
    assert found["loss"] == pytest.approx((full * values).mean(), rel=1e-5)
    bits = np.average(values, weights=full) / np.log(2)
    assert found["bits_per_character"] == pytest.approx(bits, rel=1e-5)


def test_weights_of_every_form_in_one_trace():
    inputs, y = sequences(lengths=False)
    learner = compiled(learners.MAML(model(), inner_steps=0))
    found = []
    for shape in ((2,), (2, 4), (2, 4, TIME)):
        data = tf.data.Dataset.from_tensors((inputs, y, np.full(shape, 0.5, "float32")))
        found.append(learner.evaluate(data, verbose=0))
    plain = learner.evaluate(tf.data.Dataset.from_tensors((inputs, y)), verbose=0)
    np.testing.assert_allclose(found, 0.5 * plain, rtol=1e-5)


def test_weights_that_do_not_fit():
    inputs, y = sequences()
    learner = compiled(learners.MAML(model(), inner_steps=0))
    with pytest.raises(ValueError, match=r"or \[tasks, queries, time\]. Received: shape"):
        learner.unpack((inputs, y, tf.ones((2, 4, TIME, 1))))


@pytest.mark.parametrize("mask_zero", quick_first([False, True], [True]))
def test_tasks_of_unequal_size_are_those_alone(mask_zero):
    inputs, y = sequences()
    weight = tf.constant(np.random.default_rng(1).random(y.shape), tf.float32)
    masked = {
        **inputs,
        "support_mask": tf.constant([[1, 1, 1], [1, 1, 0]]),
        "query_mask": tf.constant([[1, 0, 1, 1], [1, 1, 0, 0]]),
    }
    learner = compiled(
        learners.MAML(model(mask_zero), 0.5),
        weighted_metrics=[metrics.Perplexity()],
        run_eagerly=True,  # each of these sizes would be traced
    )
    found = learner.evaluate(
        tf.data.Dataset.from_tensors((masked, y, weight)), verbose=0, return_dict=True
    )
    alone = []
    for task in range(2):
        support, query = (masked[f"{k}_mask"][task] == 1 for k in ("support", "query"))
        single = {
            "support_x": inputs["support_x"][task][support][None],
            "support_y": inputs["support_y"][task][support][None],
            "query_x": inputs["query_x"][task][query][None],
        }
        alone.append((single, y[task][query][None], weight[task][query][None]))
    losses = [learner.evaluate(tf.data.Dataset.from_tensors(x), verbose=0)[0] for x in alone]
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    expected = metrics.Perplexity()
    for single, single_y, single_weight in alone:
        expected.update_state(single_y, learner(single), single_weight)
    assert found["perplexity"] == pytest.approx(float(expected.result()), rel=1e-5)


def test_variables_of_metrics_are_made_before_the_first_step():
    """Callbacks that restore a run need them, also if the model leaves the time open."""
    learner = compiled(learners.MAML(model()), metrics=[metrics.BitsPerCharacter()])
    learner.build_metrics(tf.data.Dataset.from_tensors(sequences()).element_spec)
    assert all(metric.built for metric in learner.metrics if hasattr(metric, "built"))
    assert len(learner.metrics_variables) == 4  # totals and counts of loss and bits


def test_labels_out_of_range_are_reported():
    inputs, y = sequences()
    learner = compiled(learners.MAML(model(), inner_steps=0))
    with pytest.raises(tf.errors.InvalidArgumentError, match="`support_y` has a label outside"):
        learner.evaluate(
            tf.data.Dataset.from_tensors(({**inputs, "support_y": inputs["support_y"] + 1}, y)),
            verbose=0,
        )
    with pytest.raises(tf.errors.InvalidArgumentError, match="`query_y` has a label outside"):
        learner.evaluate(tf.data.Dataset.from_tensors((inputs, y - 1)), verbose=0)


@pytest.mark.parametrize(
    "metric", quick_first(["perplexity", "bits_per_character", "accuracy"], ["perplexity"])
)
def test_the_adaptation_curve_leaves_out_what_is_masked(metric):
    inputs, y = sequences()
    weight = tf.constant(np.random.default_rng(1).random(y.shape), tf.float32)
    learner = compiled(learners.MAML(model(mask_zero=True), 0.5, inner_steps=2))
    data = tf.data.Dataset.from_tensors((inputs, y, weight))
    curve = metrics.adaptation_curve(learner, data, metric)
    assert curve.values.shape == (2, 3)
    by_step = learner.predict_by_step(inputs)
    full = np.where(inputs["query_x"] == PADDING, 0, weight)
    for step, logits in enumerate(by_step):
        if metric == "accuracy":
            values = np.argmax(logits, -1) == y.numpy()
        else:
            values = cross_entropy(y, logits)
        expected = np.sum(full * values, (1, 2)) / np.sum(full, (1, 2))
        if metric == "perplexity":
            expected = np.exp(expected)
        if metric == "bits_per_character":
            expected = expected / np.log(2)
        np.testing.assert_allclose(curve.values[:, step], expected, rtol=1e-5)
    np.testing.assert_allclose(metrics.task_values(learner, data, metric), curve.values[:, -1])


@pytest.mark.slow
def test_baselines_leave_out_what_is_masked():
    inputs, y = sequences()
    weight = tf.constant(np.random.default_rng(1).random(y.shape), tf.float32)
    network = model(mask_zero=True)
    data = tf.data.Dataset.from_tensors((inputs, y, weight))
    tuned = baselines.FineTuning(network, 0.5, steps=(0, 1), optimizer="sgd")
    found = tuned.task_values(data, "bits_per_character", LOSS(from_logits=True))
    learner = compiled(learners.MAML(network, 0.5, inner_steps=1))
    curve = metrics.adaptation_curve(learner, data, "bits_per_character")
    np.testing.assert_allclose(found, curve.values, rtol=1e-5)
    assert tuned.settings == ["SGD, rate 0.5, 0 steps", "SGD, rate 0.5, 1 steps"]


@pytest.mark.slow
def test_the_learner_of_sequences_is_saved_and_exported(tmp_path):
    inputs, y = sequences(lengths=False)
    learner = compiled(learners.MAML(model(), 0.5))
    learner.fit(tf.data.Dataset.from_tensors((inputs, y)), verbose=0)
    expected = learner.predict(inputs, verbose=0)
    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0), expected, rtol=1e-5)
    learner.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served").signatures["adapt_and_predict"]
    support = {key: inputs[key][1] for key in ("support_x", "support_y")}
    found = served(**support, query_x=inputs["query_x"][1])["predictions"]
    np.testing.assert_allclose(found, expected[1], rtol=1e-4, atol=1e-6)
    task = learner.adapt(*support.values())
    np.testing.assert_allclose(
        task.predict(inputs["query_x"][1], verbose=0), expected[1], atol=1e-5
    )


SOLVED = {
    "unrolled": lambda network: learners.MAML(network, 0.5, inner_steps=2),
    "checkpointed": lambda network: learners.MAML(
        network, 0.5, inner_steps=2, checkpoint_steps=True
    ),
    "CAVIA": lambda network: learners.CAVIA(with_context(network, 3), 0.5),
}


@pytest.mark.parametrize("name", quick_first(SOLVED, ["unrolled"]))
def test_meta_gradients_through_masks_and_embeddings(name, float64):
    inputs, y = sequences()
    weight = tf.constant(np.random.default_rng(1).random(y.shape))
    learner = compiled(SOLVED[name](model(mask_zero=True)))
    batch = Episode(inputs, y, weight)
    gradients, _ = tf.function(learner.meta_gradients, autograph=False)(batch)
    variables = learner.trainable_variables
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(learner.learn_tasks(batch).loss), variables, direction
    )
    np.testing.assert_allclose(finite_differences.dot(gradients, direction), expected, rtol=1e-6)


@pytest.mark.slow
def test_implicit_gradients_of_an_embedding():
    inputs, y = sequences()
    learner = compiled(learners.ImplicitMAML(model(mask_zero=True), 0.5))
    data = tf.data.Dataset.from_tensors((inputs, y)).repeat()
    losses = learner.fit(data, steps_per_epoch=5, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_heads_of_vectors_refuse_sequences():
    with pytest.raises(ValueError, match=r"must embed an example as a vector.*\(None, None, 5\)"):
        learners.RidgeLearner(model())
