"""The transformer that learns in its forward pass, against the textbook."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes, learners
from tests.learners import embedding_cases as cases


def learner_of(model, **kwargs):
    kwargs = {"width": 8, "num_blocks": 2, "num_heads": 2, "max_ways": 5, **kwargs}
    return learners.InContextLearner(model, **kwargs)


def normalized(layer, x):
    return x / np.sqrt(np.mean(x**2, -1, keepdims=True) + 1e-6) * np.asarray(layer.scale)


def dense(layer, x):
    y = x @ np.asarray(layer.kernel)
    return y + np.asarray(layer.bias) if layer.use_bias else y


def attended(layer, x, context):
    """Multi-head attention of `x` to `context`."""
    queries, (keys, values) = dense(layer.query, x), np.split(dense(layer.key_value, context), 2, 1)
    heads = []
    for head, part in enumerate(np.split(np.arange(x.shape[1]), layer.num_heads)):
        scale = np.asarray(layer.scale)[head, 0, 0] * np.log(len(context)) / np.sqrt(len(part))
        scores = scale * queries[:, part] @ keys[:, part].T
        weights = np.exp(scores - scores.max(1, keepdims=True))
        heads.append(weights / weights.sum(1, keepdims=True) @ values[:, part])
    return dense(layer.merge, np.concatenate(heads, 1))


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / np.sqrt(2)))


def textbook(learner, inputs, task):
    """Scores of the queries of a task, in NumPy, by a model without batch normalisation."""
    layer, embed = learner.scorer, learner.model.predict
    support, queries = (embed(inputs[key][task], verbose=0) for key in ("support_x", "query_x"))
    targets = np.eye(5)[np.asarray(inputs["support_y"][task])]
    s = dense(layer.embed, support) + dense(layer.embed_target, targets)
    q = dense(layer.embed, queries) + np.asarray(layer.unknown)
    for block in layer.blocks:
        context = normalized(block.row_norm, s)

        def through(x, block=block, context=context):
            x = x + attended(block.rows, normalized(block.row_norm, x), context)
            hidden = gelu(dense(block.expand, normalized(block.mlp_norm, x)))
            return x + dense(block.contract, hidden)

        s, q = through(s), through(q)
    return dense(layer.outputs, normalized(layer.norm, q))[:, :3]


def test_it_is_the_textbook(float64):
    learner = cases.compiled(learner_of(cases.dense_body()))
    inputs, _ = cases.episodes()
    scores = learner.predict(inputs, verbose=0)
    for task in range(3):
        np.testing.assert_allclose(
            scores[task], textbook(learner, inputs, task), rtol=1e-6, atol=1e-7
        )


def test_gradient_equals_central_differences(float64):
    learner = learner_of(cases.body(), max_ways=3, batch_norm="running")
    cases.check_gradient(cases.compiled(learner))


@pytest.mark.slow
def test_other_ways_and_shots_at_test(tmp_path):
    cases.check_open_ways(learner_of(cases.body()), tmp_path)


@pytest.mark.parametrize("batch_norm", ["transductive", "support"])
def test_the_adapted_model_predicts_the_same(batch_norm, tmp_path):
    cases.check_adapted_model(learner_of(cases.body(), batch_norm=batch_norm), tmp_path)


def test_a_class_without_support_examples_is_never_predicted():
    cases.check_absent_class(learner_of(cases.body(), num_ways=4))


def test_a_query_is_predicted_on_its_own():
    learner = cases.compiled(learner_of(cases.dense_body()))
    inputs, y = cases.episodes()
    assert not learner.check((inputs, y)).transductive
    alone = {**inputs, "query_x": inputs["query_x"][:, :1]}
    np.testing.assert_allclose(learner(alone)[:, 0], learner(inputs)[:, 0], atol=1e-6)


def test_codes_of_classes_are_permuted_in_training_only():
    """The labels of a batch get other codes in the next step, and none is left out."""
    learner = cases.compiled(learner_of(cases.dense_body()))
    inputs, _ = cases.episodes(tasks=1)
    task = {key: x[0] for key, x in inputs.items()}
    seen, read = [], learner.scorer.read
    learner.scorer.read = lambda features, targets: (
        seen.append(tuple(np.argmax(targets[:3], 1))),
        read(features, targets),
    )[1]
    scores = [learner.learn_episode(task, True, tf.constant([0, n])).predictions for n in range(20)]
    assert len(set(seen)) > 10 and {code for codes in seen for code in codes} == set(range(5))
    assert all(x.shape == (6, 3) and np.all(x > -1e3) for x in scores)
    seen.clear()
    learner.learn_episode(task, False, None)
    assert seen == [(0, 1, 2)]


def test_it_learns_classes_soon():
    """It begins as nearest neighbours, and not with hundreds of steps without any progress."""
    keras.utils.set_random_seed(0)
    learner = learner_of(cases.dense_body(), width=32)
    learner.compile(keras.optimizers.Adam(3e-3), cases.compiled(learner).loss)
    fixed = tf.data.Dataset.from_tensors(cases.episodes()).repeat()
    losses = learner.fit(fixed, steps_per_epoch=30, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0], losses


def test_it_learns_waves():
    """Few waves, so that it learns them by heart; a task is told by its support set."""
    keras.utils.set_random_seed(0)
    body = keras.Sequential([keras.Input((1,)), keras.layers.Dense(16, "tanh")])
    learner = learner_of(body, num_values=1, width=16)
    learner.compile(keras.optimizers.Adam(5e-3), "mse")
    waves = episodes.Sinusoid(num_shots=8, num_queries=8)
    losses = learner.fit(
        waves.as_dataset(8, num_batches=1).repeat(), steps_per_epoch=30, epochs=4, verbose=0
    ).history["loss"]
    assert losses[-1] < 0.5 * losses[0], losses


def test_bad_arguments():
    with pytest.raises(ValueError, match="`num_heads` must divide `width`"):
        learner_of(cases.body(), width=10, num_heads=4)
    with pytest.raises(ValueError, match="`max_ways` must be at least `num_ways`"):
        learner_of(cases.body(), num_ways=6)
    with pytest.raises(ValueError, match="not both"):
        learner_of(cases.body(), num_ways=2, num_values=1)
    learner = cases.compiled(learner_of(cases.dense_body()))
    inputs, y = cases.episodes(ways=6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="more classes than `max_ways`"):
        learner(inputs)
