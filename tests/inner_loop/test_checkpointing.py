"""Steps that are computed again give the same gradients, at the price of one step."""

import resource
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta.inner_loop import checkpointing
from keras_meta.outer_loop import task_map
from keras_meta.outer_loop.episode import Episode
from tests.exact.layer_cases import build, episodes
from tests.quick import slow


def loss():
    # Made where it is used: a loss computes in the float type that held when it was made.
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def meta_gradients(model, inputs, y, eager=False, **options):
    learner = keras_meta.learners.MAML(
        model, **{"inner_learning_rate": 0.1, "inner_steps": 2, **options}
    )
    learner.compile(loss=loss())
    compute = learner.meta_gradients
    if not eager:
        compute = tf.function(compute, autograph=False)
    gradients, (losses, _, _) = compute(Episode(inputs, y))
    return [*(g for g in gradients if g is not None), losses]


PATHS = {
    "eager": {"eager": True, "task_map": "loop"},
    "vectorised": {"task_map": "vectorize"},
    "loop, checkpointed": {"task_map": "loop", "checkpoint_steps": True},
    "vectorised, checkpointed": {"task_map": "vectorize", "checkpoint_steps": True},
    "eager, checkpointed": {"eager": True, "task_map": "loop", "checkpoint_steps": True},
    "chunks": {"task_map": "vectorize"},
}


@pytest.mark.parametrize(
    "name, batch_norm, paths",
    [
        pytest.param(
            "BatchNormalization after Dense",
            "transductive",
            ["vectorised", "loop, checkpointed"],
            id="two paths",
        ),
        slow("BatchNormalization after Dense", "transductive", PATHS, id="all paths"),
        slow("BatchNormalization after Dense", "support", PATHS, id="support statistics"),
        slow("BatchNormalization after Dense", "running", PATHS, id="running statistics"),
        slow("MultiHeadAttention", "transductive", PATHS, id="attention"),
    ],
)
def test_paths_give_the_same_meta_gradient(name, batch_norm, paths, float64, monkeypatch):
    model, shape = build(name)
    inputs, y = episodes(shape, tasks=3)
    options = {"batch_norm": batch_norm}
    expected = meta_gradients(model, inputs, y, task_map="loop", **options)
    for path in paths:
        monkeypatch.setattr(task_map, "CHUNK", 2 if path == "chunks" else 64)
        results = meta_gradients(model, inputs, y, **options, **PATHS[path])
        for ours, theirs in zip(results, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12, err_msg=path)


def test_dropout_and_other_state_are_the_same(float64):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(6, "tanh"), keras.layers.Dropout(0.5, seed=1)]
    )
    inputs, y = episodes((4,), tasks=3)
    expected = meta_gradients(model, inputs, y)
    results = meta_gradients(model, inputs, y, checkpoint_steps=True)
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_what_is_used_from_outside_gets_its_gradient():
    outside, weight, count = tf.constant(0.3), tf.constant(2.0), tf.constant(0)

    def step(state, number):
        weight, count = state
        rate = outside / tf.cast(number + 1, tf.float32)
        return weight - rate * tf.sin(weight), count + 1

    def unrolled():
        state = (weight, count)
        for number in range(4):
            state = step(state, number)
        return state

    results = []
    for run in (unrolled, lambda: checkpointing.descend(step, (weight, count), 4)):
        with tf.GradientTape() as tape:
            tape.watch([outside, weight])
            last, steps = run()
        assert int(steps) == 4
        results.append([last, *tape.gradient(last, [outside, weight])])
    np.testing.assert_allclose(*results, rtol=1e-6)


@pytest.mark.slow
def test_a_checkpointed_learner_is_saved_and_exported(tmp_path):
    learner = keras_meta.learners.MAML(
        keras_meta.networks.SinusoidMLP(), inner_steps=3, checkpoint_steps=True
    )
    learner.compile("sgd", "mse")
    tasks = keras_meta.episodes.Sinusoid(num_shots=5, num_queries=5).as_dataset(4)
    learner.fit(tasks, steps_per_epoch=2, verbose=0)
    (inputs, _) = next(iter(tasks))
    expected = learner.predict(inputs, verbose=0)
    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    assert loaded.checkpoint_steps
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0), expected, atol=1e-6)
    learner.export(tmp_path / "serving", verbose=False)
    serve = tf.saved_model.load(str(tmp_path / "serving")).signatures["serve"]
    np.testing.assert_allclose(serve(**inputs)["predictions"], expected, atol=1e-6)
    wave = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
    np.testing.assert_allclose(
        wave.predict(inputs["query_x"][0], verbose=0), expected[0], atol=1e-6
    )


def graph_size(steps, checkpoint):
    """Number of operations in the graph of a meta-gradient."""
    model, shape = build("BatchNormalization")
    learner = keras_meta.learners.MAML(model, inner_steps=steps, checkpoint_steps=checkpoint)
    learner.compile(loss=loss())
    function = tf.function(learner.meta_gradients, autograph=False)
    graph = function.get_concrete_function(Episode(*episodes(shape))).graph.as_graph_def()
    return len(graph.node) + sum(len(f.node_def) for f in graph.library.function)


def test_the_graph_does_not_grow_with_the_number_of_steps(float64):
    assert graph_size(50, checkpoint=True) == graph_size(10, checkpoint=True)
    assert graph_size(3, checkpoint=False) > graph_size(2, checkpoint=False)


# A process of its own for each, because the peak of a process never goes down.
PEAK = """
    import sys, resource, numpy as np, keras, keras_meta
    keras_meta.config.one_task_per_core()
    steps, checkpoint = int(sys.argv[1]), sys.argv[2] == "True"
    model = keras_meta.networks.Conv4(5, (84, 84, 3), filters=16, pooling="max")
    learner = keras_meta.learners.MAML(model, inner_steps=steps, checkpoint_steps=checkpoint)
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    y = np.repeat(np.arange(5), 5)[None].astype("int32")
    x = np.zeros((1, 25, 84, 84, 3), "float32")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    learner.fit({"support_x": x, "support_y": y, "query_x": x}, y, epochs=2, verbose=0)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF"), reason="the peak is not known here")
@pytest.mark.slow
def test_twenty_checkpointed_steps_need_at_most_half_more_memory_than_five_without():
    def peak(steps, checkpoint):
        command = [sys.executable, "-c", textwrap.dedent(PEAK), str(steps), str(checkpoint)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return int(output.split()[-1])

    assert peak(20, True) <= 1.5 * peak(5, False)
