"""What every learner promises, one table. Adding a learner adds a row."""

import json
import os
import resource
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import generators, learners
from keras_meta.outer_loop.episode import Episode
from keras_meta.serving import adapted_model
from tests.quick import quick_first


def generator(model, writes, **kwargs):
    return learners.LearnerGenerator(model, writes, task_embedding_size=8, **kwargs)


def of_network(model, kind, **kwargs):
    return generator(model, kind(adapted_model.clone(model), units=8), **kwargs)


LEARNERS = {
    "MAML": lambda model, **kwargs: learners.MAML(model, 0.1, 2, **kwargs),
    "FOMAML": lambda model, **kwargs: learners.MAML(model, 0.1, 2, first_order=True, **kwargs),
    "ANIL": lambda model, **kwargs: learners.ANIL(model, 0.1, 2, **kwargs),
    "BOIL": lambda model, **kwargs: learners.BOIL(model, 0.1, 2, **kwargs),
    "MetaSGD": lambda model, **kwargs: learners.MetaSGD(model, 0.1, 2, **kwargs),
    "MetaCurvature": lambda model, **kwargs: learners.MetaCurvature(model, 0.1, 2, **kwargs),
    "Reptile": lambda model, **kwargs: learners.Reptile(
        model, 0.1, 3, inner_batch_size=2, inner_optimizer="momentum", **kwargs
    ),
    "ImplicitMAML": lambda model, **kwargs: learners.ImplicitMAML(
        # Firmly held, so that conjugate gradient does not enlarge rounding.
        model,
        0.05,
        3,
        regularization=10.0,
        **kwargs,
    ),
    "CAVIA": lambda model, **kwargs: learners.CAVIA(with_context(model), 1.0, 2, **kwargs),
    "MAMLPlusPlus": lambda model, **kwargs: learners.MAMLPlusPlus(
        model, 0.1, 2, multi_step_loss_steps=4, first_order_steps=2, **kwargs
    ),
    "ProtoMAML": lambda model, **kwargs: learners.ProtoMAML(model, 0.1, 2, num_ways=3, **kwargs),
    "PrototypicalNetwork": lambda model, **kwargs: learners.PrototypicalNetwork(
        model, num_ways=3, **kwargs
    ),
    "cosine prototypes": lambda model, **kwargs: learners.PrototypicalNetwork(
        model, distance="cosine", num_ways=3, **kwargs
    ),
    "MatchingNetwork": lambda model, **kwargs: learners.MatchingNetwork(
        model, num_ways=3, **kwargs
    ),
    "matching in full context": lambda model, **kwargs: learners.MatchingNetwork(
        model, processing_steps=1, num_ways=3, **kwargs
    ),
    "RelationNetwork": lambda model, **kwargs: learners.RelationNetwork(
        model, num_ways=3, **kwargs
    ),
    "Baseline": lambda model, **kwargs: learners.Baseline(
        model, inner_steps=5, inner_learning_rate=0.5, num_ways=3, **kwargs
    ),
    "BaselinePlusPlus": lambda model, **kwargs: learners.BaselinePlusPlus(
        model, scale=5.0, inner_steps=5, num_ways=3, **kwargs
    ),
    "RidgeLearner": lambda model, **kwargs: learners.RidgeLearner(model, num_ways=3, **kwargs),
    "LogisticLearner": lambda model, **kwargs: learners.LogisticLearner(
        model, num_ways=3, **kwargs
    ),
    "SVMLearner": lambda model, **kwargs: learners.SVMLearner(model, num_ways=3, **kwargs),
    "generated logistic regression": lambda model, **kwargs: generator(
        model, generators.LogisticRegression(num_ways=3, units=8), **kwargs
    ),
    "generated SVM": lambda model, **kwargs: generator(
        model, generators.LinearSVM(num_ways=3, units=8), inner_steps=1, **kwargs
    ),
    "generated network": lambda model, **kwargs: of_network(
        model, generators.NeuralNetwork, inner_steps=2, inner_learning_rate=0.03, **kwargs
    ),
    "generated FiLM": lambda model, **kwargs: of_network(model, generators.FiLM, **kwargs),
}
# What takes long, or is done by code that several learners share: over some learners at once, over
# the others with the slow tests.
ONE_OF_A_KIND = (
    "MAML",
    "Reptile",
    "PrototypicalNetwork",
    "RidgeLearner",
    "generated network",
)
A_FEW = ("MAML", "RidgeLearner")


def first(names):
    return pytest.mark.parametrize("name", quick_first(LEARNERS, names))


one_of_a_kind_first, a_few_first = first(ONE_OF_A_KIND), first(A_FEW)


def with_context(model):
    """The same model with a context before its last layer."""
    context = keras_meta.layers.Context(4, dtype=model.layers[-1].dtype_policy)
    last = type(model.layers[-1]).from_config(model.layers[-1].get_config())
    extended = keras.Sequential([model.inputs[0], *model.layers[:-1], context, last])
    extended.dtype_policy = model.dtype_policy
    return extended


def conv_model(dropout=0.2):
    """Everything at once: convolution, normalisation, dropout, a regularizer."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            # No bias: behind it, normalisation makes its gradient rounding noise.
            layers.Conv2D(4, 3, 2, use_bias=False, kernel_regularizer=keras.regularizers.L2(1e-3)),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(dropout, seed=1),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )


def dense_model():
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(6, "tanh"), layers.Dense(3)]
    )


def compiled(name, model=None, optimizer=None, **kwargs):
    learner = LEARNERS[name](conv_model() if model is None else model, **kwargs)
    learner.compile(
        keras.optimizers.Adam(1e-2) if optimizer is None else optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return learner


def sampler(shots=1, queries=2):
    x = np.random.default_rng(0).integers(0, 255, (60, 8, 8, 1), "uint8")
    return keras_meta.episodes.EpisodeSampler(
        x, np.repeat(np.arange(6), 10), num_ways=3, num_shots=shots, num_queries=queries, seed=0
    )


def batch(tasks=4, **kwargs):
    return next(iter(sampler(**kwargs).as_dataset(tasks)))


def weights_of(learner):
    return [keras.ops.convert_to_numpy(v) for v in learner.variables]


@first((*ONE_OF_A_KIND, "ImplicitMAML", "CAVIA", "MAMLPlusPlus", "MatchingNetwork"))
def test_fit_evaluate_predict_on_datasets(name):
    learner = compiled(name)
    validation = sampler().as_dataset(4, num_batches=2)
    history = learner.fit(
        sampler().as_dataset(4),
        steps_per_epoch=3,
        epochs=2,
        validation_data=validation,
        verbose=0,
    ).history
    assert np.isfinite([history[key] for key in ("loss", "accuracy", "val_loss")]).all()
    first = learner.evaluate(validation, return_dict=True, verbose=0)
    assert first == learner.evaluate(validation, return_dict=True, verbose=0)
    assert learner.predict(validation, verbose=0).shape == (8, 6, 3)


@a_few_first
def test_fit_evaluate_predict_on_arrays(name):
    learner = compiled(name)
    inputs, y = keras.tree.map_structure(keras.ops.convert_to_numpy, batch(6))
    learner.fit(inputs, y, batch_size=2, epochs=2, verbose=0)
    assert int(learner.optimizer.iterations) == 6
    assert learner.predict(inputs, batch_size=4, verbose=0).shape == (6, 6, 3)
    predictions = learner.predict(inputs, verbose=0)
    accuracy = learner.evaluate(inputs, y, verbose=0, return_dict=True)["accuracy"]
    np.testing.assert_allclose(accuracy, (predictions.argmax(-1) == y).mean(), atol=1e-6)


@one_of_a_kind_first
def test_it_learns(name):
    """The loss on one fixed batch falls by half."""
    learner = compiled(name, dense_model())
    inputs, y = batch(4)
    if name == "Reptile":  # its outer step follows the support sets alone
        inputs = {**inputs, "support_x": inputs["query_x"], "support_y": y}
    dataset = tf.data.Dataset.from_tensors((inputs, y)).repeat()
    losses = learner.fit(dataset, steps_per_epoch=20, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0], losses


@a_few_first
def test_ways_of_running_a_step_agree(name):
    """Eager, many steps an execution, and the graph give the same weights."""
    results = []
    for kwargs in ({}, {"run_eagerly": True}, {"steps_per_execution": 2}):
        keras.utils.set_random_seed(0)
        learner = LEARNERS[name](conv_model())
        learner.compile(
            keras.optimizers.SGD(0.1),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            **kwargs,
        )
        learner.fit(sampler().as_dataset(2), steps_per_epoch=2, verbose=0)
        results.append(weights_of(learner))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-6)


@one_of_a_kind_first
def test_loop_and_vectorised_tasks_agree(name):
    if name == "matching in full context":
        pytest.skip("a recurrence over the support set is not vectorised")
    results = []
    for task_map in ("loop", "vectorize"):
        keras.utils.set_random_seed(0)
        # Adam makes steps of rounding noise, in weights whose gradient is zero: what a generator
        # adds to all classes alike.
        optimizer = keras.optimizers.SGD(0.1)
        learner = compiled(name, dense_model(), optimizer, task_map=task_map)
        learner.fit(sampler().as_dataset(4), steps_per_epoch=3, verbose=0)
        results.append(weights_of(learner))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@a_few_first
def test_gradient_accumulation_clipping_and_ema(name):
    learner = LEARNERS[name](conv_model())
    optimizer = keras.optimizers.Adam(
        1e-2, gradient_accumulation_steps=2, global_clipnorm=1.0, use_ema=True
    )
    learner.compile(optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    kernel = learner.trainable_variables[0]
    before = keras.ops.convert_to_numpy(kernel)
    data = sampler().as_dataset(2)
    learner.fit(data, steps_per_epoch=1, verbose=0)
    np.testing.assert_array_equal(before, keras.ops.convert_to_numpy(kernel))  # half a batch
    learner.fit(data, steps_per_epoch=1, verbose=0)
    assert not np.array_equal(before, keras.ops.convert_to_numpy(kernel))


@a_few_first
def test_stock_callbacks(name, tmp_path):
    learner = compiled(name, optimizer=keras.optimizers.Adam(1e-2, use_ema=True))
    callbacks = keras.callbacks
    learner.fit(
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
    )
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4
    assert keras.models.load_model(tmp_path / "best.keras").name == learner.name


@one_of_a_kind_first
def test_save_load_and_resume(name, tmp_path):
    learner = compiled(name)
    learner.fit(sampler().as_dataset(2), steps_per_epoch=2, verbose=0)
    inputs, _ = batch()
    learner.save(tmp_path / "learner.keras")
    learner.save_weights(tmp_path / "learner.weights.h5")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    assert type(loaded) is type(learner)
    assert json.dumps(loaded.get_config()) == json.dumps(learner.get_config())
    expected = learner.predict(inputs, verbose=0)
    np.testing.assert_array_equal(loaded.predict(inputs, verbose=0), expected)
    for a, b in zip(learner.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    fresh = compiled(name)
    fresh.load_weights(tmp_path / "learner.weights.h5")
    np.testing.assert_array_equal(fresh.predict(inputs, verbose=0), expected)
    # The loaded learner goes on like the one that was never interrupted.
    done = int(loaded.optimizer.iterations)
    assert done == 2
    for model in (learner, loaded):
        model.fit(sampler().as_dataset(2, start=done), steps_per_epoch=2, verbose=0)
    for a, b in zip(weights_of(learner), weights_of(loaded), strict=True):
        np.testing.assert_array_equal(a, b)


CLEAN_PROCESS = """
import sys, json, traceback, numpy as np
for banned in ("keras", "keras_meta", "tf_keras"):
    sys.modules[banned] = None
import tensorflow as tf

def check(folder, data):
    episode = dict(np.load(data))
    model = tf.saved_model.load(folder)
    s, y, q = (tf.constant(episode[k]) for k in ("support_x", "support_y", "query_x"))
    ends = model.signatures
    serve = ends["serve"](support_x=s, support_y=y, query_x=q)["predictions"]
    both = ends["adapt_and_predict"](support_x=s[0], support_y=y[0], query_x=q[0])["predictions"]
    state = ends["adapt"](support_x=s[0], support_y=y[0])
    two_steps = ends["predict"](query_x=q[0], **state)["predictions"]
    few = ends["adapt_and_predict"](support_x=s[0, :2], support_y=y[0, :2], query_x=q[0, :1])
    assert few["predictions"].shape == (1, 3)
    assert y.dtype == tf.int32
    np.testing.assert_allclose(both, serve[0], atol=1e-5)
    np.testing.assert_allclose(two_steps, serve[0], atol=1e-5)
    np.savez(data, predictions=serve)

for line in sys.stdin:
    try:
        check(*json.loads(line))
        error = None
    except Exception:
        error = traceback.format_exc()
    print(json.dumps(error), flush=True)
"""


@pytest.fixture(scope="module")
def clean_process():
    """A process that knows neither Keras nor this library, and checks SavedModels one by one."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", CLEAN_PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    with process:
        yield process
        process.stdin.close()


@one_of_a_kind_first
def test_export_runs_where_keras_is_not(name, tmp_path, clean_process):
    learner = compiled(name)
    learner.fit(sampler().as_dataset(2), steps_per_epoch=1, verbose=0)
    learner.export(tmp_path / "serving", verbose=False)
    inputs, _ = batch(shots=2)
    expected = learner.predict(inputs, verbose=0)
    np.savez(tmp_path / "data.npz", **inputs)
    print(
        json.dumps([str(tmp_path / "serving"), str(tmp_path / "data.npz")]),
        file=clean_process.stdin,
        flush=True,
    )
    error = json.loads(clean_process.stdout.readline())
    assert error is None, error
    np.testing.assert_allclose(np.load(tmp_path / "data.npz")["predictions"], expected, atol=1e-5)


def test_export_through_saved_model_cli(tmp_path):
    learner = compiled("MAML")
    inputs, _ = batch()
    expected = learner.predict(inputs, verbose=0)
    learner.export(tmp_path / "serving", verbose=False)
    np.savez(tmp_path / "data.npz", **inputs)
    pairs = [f"{key}={tmp_path / 'data.npz'}[{key}]" for key in inputs]
    subprocess.run(
        [
            os.path.join(os.path.dirname(sys.executable), "saved_model_cli"),
            *("run", "--dir", tmp_path / "serving", "--tag_set", "serve"),
            *("--signature_def", "serve", "--inputs", ";".join(pairs), "--outdir", tmp_path),
        ],
        check=True,
        capture_output=True,
    )
    np.testing.assert_allclose(np.load(tmp_path / "predictions.npy"), expected, atol=1e-5)


@a_few_first
def test_mixed_float16(name):
    check_mixed_precision(name, "mixed_float16")


@first(["MAML"])
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
    np.testing.assert_allclose(
        learner.predict(inputs, verbose=0).astype("float32"),
        full.predict(inputs, verbose=0),
        atol=0.05,
    )


@a_few_first
def test_two_replicas_equal_one_device(name):
    check_two_replicas(name, batch_norm="transductive")


@first(["MAML"])
def test_two_replicas_equal_one_device_in_running_statistics(name):
    check_two_replicas(name, batch_norm="running")


def check_two_replicas(name, batch_norm):
    inputs, y = batch(4)
    dataset = tf.data.Dataset.from_tensors((inputs, y)).repeat()
    results = []
    for devices in (1, 2):
        # TensorFlow remembers the shapes of collectives from one strategy to the next.
        strategy = tf.distribute.MirroredStrategy(
            [f"CPU:{i}" for i in range(devices)], tf.distribute.ReductionToOneDevice()
        )
        keras.utils.set_random_seed(0)
        with strategy.scope():
            learner = compiled(name, None, keras.optimizers.SGD(0.1), batch_norm=batch_norm)
        history = learner.fit(dataset, steps_per_epoch=3, verbose=0).history
        logs = learner.evaluate(dataset, steps=2, verbose=0, return_dict=True)
        results.append((weights_of(learner), history["loss"][0], logs["loss"], logs["accuracy"]))
    for a, b in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(results[0][1:], results[1][1:], rtol=1e-5)


@one_of_a_kind_first
def test_a_step_is_traced_once_and_once_more_for_other_sizes(name):
    learner = compiled(name, dense_model())
    traces = []
    original = learner.train_step
    learner.train_step = lambda data: (traces.append(1), original(data))[1]
    learner.make_train_function(force=True)
    learner.fit(sampler().as_dataset(2), steps_per_epoch=1, verbose=0)
    learner.fit(sampler().as_dataset(2), steps_per_epoch=5, verbose=0)
    assert len(traces) == 1
    for shots, queries in ((2, 3), (3, 1), (4, 5)):
        learner.fit(sampler(shots, queries).as_dataset(2), steps_per_epoch=2, verbose=0)
    assert len(traces) <= 2


@one_of_a_kind_first
def test_padding_counts_nowhere(name):
    """Two tasks of different sizes in one batch do what they do one by one."""
    # Dropout would depend on the place of a task in its batch.
    learner = compiled(name, conv_model(dropout=0.0), keras.optimizers.SGD(0.1))
    if name == "Reptile":
        learner.inner_batch_size = None  # so would the examples that a step learns from
    tasks = [batch(1, shots=shots, queries=queries) for shots, queries in ((1, 3), (2, 2))]
    inputs = {key: padded([task[key] for task, _ in tasks]) for key in tasks[0][0]}
    y = padded([y for _, y in tasks])
    for key, part in (("support_mask", "support_y"), ("query_mask", None)):
        real = [tf.ones_like(task[part] if part else y, tf.bool) for task, y in tasks]
        inputs[key] = padded(real)

    def numbers(x):
        return keras.ops.convert_to_numpy(x)

    gradients, (losses, predictions, _) = learner.meta_gradients(Episode(inputs, y))
    alone = [learner.meta_gradients(Episode(task, y)) for task, y in tasks]
    np.testing.assert_allclose(losses, [float(x[1][0][0]) for x in alone], rtol=1e-5)
    for together, *apart in zip(gradients, *(x[0] for x in alone), strict=True):
        np.testing.assert_allclose(
            numbers(together), sum(map(numbers, apart)) / 2, atol=2e-6, rtol=1e-4
        )
    for task, real, (_, labels) in zip(predictions, inputs["query_mask"], tasks, strict=True):
        assert not numbers(task)[~numbers(real)].any()
        assert numbers(real).sum() == labels.shape[1]
    together = learner.evaluate(inputs, y, verbose=0, return_dict=True)
    apart = [learner.evaluate(*task, verbose=0, return_dict=True) for task in tasks]
    np.testing.assert_allclose(together["loss"], np.mean([x["loss"] for x in apart]), rtol=1e-5)
    right = sum(x["accuracy"] * y.shape[1] for x, (_, y) in zip(apart, tasks, strict=True))
    np.testing.assert_allclose(together["accuracy"], right / 15, rtol=1e-5)
    assert learner.predict(inputs, verbose=0).shape == (2, 9, 3)


def padded(tensors):
    """Tensors `[1, n, ...]` of different `n`, on top of each other."""
    length = max(x.shape[1] for x in tensors)
    return tf.concat(
        [
            tf.pad(x, [[0, 0], [0, length - x.shape[1]], *[[0, 0]] * (x.shape.rank - 2)])
            for x in tensors
        ],
        0,
    )


@first(["MAML"])
def test_memory_is_flat_over_2000_steps(name):
    learner = compiled(name, dense_model())
    data = sampler().as_dataset(2)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    learner.fit(data, steps_per_epoch=500, verbose=0)
    before = resident()
    learner.fit(data, steps_per_epoch=2000, verbose=0)
    assert resident() - before < 16 * 2**20
