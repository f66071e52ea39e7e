"""Properties that hold for all sizes, dtypes and orders; the cases are the same in every run."""

import gc
import json
import pathlib
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import keras_meta

few = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking takes too long
    suppress_health_check=list(HealthCheck),
)
fewer = settings(few, max_examples=4)

sizes = st.integers(1, 4)
ways = st.integers(2, 5)
shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 2**31 - 1)
# Built once: the properties are of its inputs.
FEATURES = 3
NETWORK = keras.Sequential(
    [keras.Input((FEATURES,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(4)]
)
PROTOTYPES = keras_meta.learners.PrototypicalNetwork(NETWORK)


def random(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def episode(seed, num_ways, shots, queries, tasks=1):
    """A batch of tasks in which each class has its examples, in some order."""
    labels = np.tile(np.repeat(np.arange(num_ways, dtype="int32"), shots), (tasks, 1))
    labels = np.random.default_rng(seed).permuted(labels, axis=1)
    return {
        "support_x": random(seed, tasks, num_ways * shots, FEATURES),
        "support_y": labels,
        "query_x": random(seed + 1, tasks, queries, FEATURES),
    }


@pytest.fixture(autouse=True, scope="module")
def nothing_frozen():
    """Hypothesis warns if it finds nothing that refers to its generator of random numbers.

    It does not find what is frozen, as conftest does with what stays.
    """
    gc.unfreeze()


@few
@given(ways, sizes, sizes, sizes, shapes, seeds, st.sampled_from(["uint8", "float32", "float64"]))
def test_episodes_are_valid(num_ways, shots, queries, tasks, shape, seed, dtype):
    """Each class has its shots and queries, no example is in both sets, and labels are right."""
    num_classes, of_class = num_ways + 1, shots + queries
    classes = np.repeat(np.arange(num_classes) * 7, of_class)
    x = np.zeros((len(classes), *shape), dtype)
    # The first feature of each example is its number.
    x.reshape(len(x), -1)[:, 0] = np.arange(len(x))
    sampler = keras_meta.episodes.EpisodeSampler(x, classes, num_ways, shots, queries, seed=seed)
    (batch,) = sampler.as_dataset(tasks, num_batches=1)
    inputs, query_y = keras.tree.map_structure(np.asarray, batch)
    support = num_ways * shots
    assert inputs["support_x"].shape == (tasks, support, *shape)
    assert inputs["query_x"].shape[:2] == query_y.shape[:2] == (tasks, num_ways * queries)
    scale = 255.0 if dtype == "uint8" else 1.0
    for task in range(tasks):
        y = np.concatenate([inputs["support_y"][task], query_y[task]])
        both = np.concatenate([inputs["support_x"][task], inputs["query_x"][task]])
        numbers = np.round(both.reshape(len(both), -1)[:, 0] * scale).astype(int)
        assert len(set(numbers)) == len(numbers)
        assert np.bincount(y[:support]).tolist() == [shots] * num_ways
        assert np.bincount(y[support:]).tolist() == [queries] * num_ways
        # Labels and classes of the data correspond one to one.
        assert len(set(zip(y, classes[numbers], strict=True))) == num_ways
        assert len(set(classes[numbers])) == num_ways


@few
@given(ways, sizes, st.integers(1, 6), sizes, seeds)
def test_predictions_are_distances_to_class_means(num_ways, shots, queries, tasks, seed):
    """Up to a number for each query, which changes no probability: `2 c f - |c|^2`."""
    inputs = episode(seed, num_ways, shots, queries, tasks)
    predictions = PROTOTYPES(inputs)
    assert predictions.shape == (tasks, queries, num_ways)
    for task in range(tasks):
        support, query = (NETWORK(inputs[key][task]).numpy() for key in ("support_x", "query_x"))
        labels = inputs["support_y"][task]
        means = np.stack([support[labels == k].mean(0) for k in range(num_ways)])
        expected = 2.0 * query @ means.T - (means**2).sum(1)
        np.testing.assert_allclose(predictions[task], expected, atol=1e-4)


@few
@given(ways, sizes, sizes, seeds)
def test_the_order_of_support_examples_says_nothing(num_ways, shots, queries, seed):
    inputs = episode(seed, num_ways, shots, queries)
    order = np.random.default_rng(seed).permutation(num_ways * shots)
    other = {**inputs, **{key: inputs[key][:, order] for key in ("support_x", "support_y")}}
    np.testing.assert_allclose(PROTOTYPES(inputs), PROTOTYPES(other), atol=1e-5)


@few
@given(st.permutations(range(4)), sizes, seeds)
def test_other_numbers_for_the_classes_permute_the_outputs(numbers, shots, seed):
    inputs = episode(seed, 4, shots, 3)
    other = {**inputs, "support_y": np.array(numbers, "int32")[inputs["support_y"]]}
    np.testing.assert_allclose(
        np.asarray(PROTOTYPES(inputs)), np.asarray(PROTOTYPES(other))[..., numbers], atol=1e-5
    )


@few
@given(sizes, seeds)
def test_each_query_is_predicted_on_its_own(queries, seed):
    inputs = episode(seed, 3, 2, queries)
    alone = [
        PROTOTYPES({**inputs, "query_x": inputs["query_x"][:, i : i + 1]}) for i in range(queries)
    ]
    np.testing.assert_allclose(PROTOTYPES(inputs), tf.concat(alone, 1), atol=1e-5)


@fewer
@given(
    st.integers(1, 4),
    st.lists(st.integers(1, 5), max_size=2),
    st.integers(0, 2),
    st.floats(0.0, 1.0, width=32),
    st.sampled_from(["transductive", "support", "running"]),
)
def test_a_saved_learner_is_the_same(features, units, inner_steps, rate, batch_norm):
    layers = [keras.layers.Dense(n, "tanh") for n in units]
    layers += [keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    learner = keras_meta.learners.MAML(
        keras.Sequential([keras.Input((features,)), *layers]),
        rate,
        inner_steps,
        inner_loss="mse",
        batch_norm=batch_norm,
    )
    x = random(0, 2, 3, features)
    inputs = {"support_x": x, "support_y": x[..., :1], "query_x": x}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "learner.keras")
        learner.save(path)
        loaded = keras.models.load_model(path)
    assert json.dumps(loaded.get_config()) == json.dumps(learner.get_config())
    np.testing.assert_array_equal(loaded(inputs), learner(inputs))
    assert np.isfinite(learner(inputs)).all()
