"""The two experiments of the demonstration: sine waves and drawn characters."""

import dataclasses

import keras
import numpy as np

from keras_meta import baselines, episodes, learners, metrics, networks
from keras_meta.baselines import FineTuning
from keras_meta.commands import progress

SCRATCH = "no meta-learning"
PRETRAINED = "pre-trained"


@dataclasses.dataclass
class Study:
    """The results of one experiment.

    Attributes:
        name: str, for the names of files.
        title: str, for readers.
        learner: The meta-trained learner.
        test: `TaskDistribution` of unseen tasks.
        metric: `"accuracy"` or `"mse"`.
        curve: `AdaptationCurve` of the learner on unseen tasks.
        steps: The numbers of steps after which the baselines were evaluated.
        baselines: dict, name to array `[tasks, len(steps)]`, on the same tasks.
        best: dict, name to the position in `steps` that did best on validation tasks.
        settings: dict, name to the settings that did best there, as text.
    """

    name: str
    title: str
    learner: keras.Model
    test: episodes.TaskDistribution
    metric: str
    curve: metrics.AdaptationCurve
    steps: tuple
    baselines: dict
    best: dict
    settings: dict


def sinusoids(seed, quick):
    """Regression on sine waves, 10 shots.

    Args:
        seed: int.
        quick: bool. Whether to train only for as long as it takes to check that it all runs.

    Returns:
        A `Study`.
    """
    train, validation, test = (episodes.Sinusoid(10, 10, seed=3 * seed + k) for k in range(3))
    learner = learners.MAML(networks.SinusoidMLP(seed=seed), inner_learning_rate=0.01, seed=seed)
    learner.compile(keras.optimizers.Adam(1e-3), loss="mse", steps_per_execution=50)
    learner.fit(
        train.as_dataset(25),
        steps_per_epoch=50 if quick else 4000,
        epochs=1 if quick else 5,
        shuffle=False,
        verbose=progress.verbosity(),
    )
    print("Pre-training on the points of all waves:")
    pretrained = networks.SinusoidMLP(seed=seed)
    inputs, query_y = train.sample(0, 500 if quick else 20_000)
    x = np.concatenate([inputs["support_x"], inputs["query_x"]], axis=1).reshape(-1, 1)
    y = np.concatenate([inputs["support_y"], query_y], axis=1).reshape(-1, 1)
    pretrained.compile(keras.optimizers.Adam(1e-3), loss="mse", steps_per_execution=50)
    pretrained.fit(x, y, batch_size=250, epochs=1 if quick else 3, verbose=progress.verbosity())

    rates = [0.01] if quick else [0.001, 0.01, 0.03]
    steps = (0, 1, 2) if quick else (0, 1, 2, 3, 5, 10, 30, 100, 300)
    # The network of the paper starts from weights so small that it trains slowly without
    # meta-learning. To be fair, the default initial weights of Keras are tried as well.
    hidden = [keras.layers.Dense(40, "relu") for _ in range(2)]
    usual = keras.Sequential([keras.Input((1,)), *hidden, keras.layers.Dense(1)])
    untrained = [networks.SinusoidMLP(seed=seed), usual][: 1 if quick else 2]
    return _study(
        "sinusoids",
        "Sine waves, 10 shots: mean squared error",
        learner,
        (validation, test),
        "mse",
        inner_steps=2 if quick else 10,
        steps=steps,
        candidates={
            SCRATCH: [FineTuning(model, rate, steps) for model in untrained for rate in rates],
            PRETRAINED: [FineTuning(pretrained, rate, steps) for rate in rates],
        },
        quick=quick,
    )


def glyphs(seed, quick):
    """Recognition of drawn characters, 5-way 1-shot.

    Args:
        seed: int.
        quick: bool. Whether to train only for as long as it takes to check that it all runs.

    Returns:
        A `Study`.
    """
    filters, num_classes = (8, 20) if quick else (32, 300)
    train, validation, test = (
        episodes.StrokeGlyphs(
            num_ways=5, num_shots=1, num_queries=3, num_classes=count, split=split, seed=seed
        )
        for split, count in (
            ("train", num_classes),
            ("validation", num_classes // 3),
            ("test", num_classes // 3),
        )
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    untrained = networks.Conv4(num_ways=5, filters=filters, seed=seed)
    learner = learners.MAML(
        networks.Conv4(num_ways=5, filters=filters, seed=seed), inner_learning_rate=0.4, seed=seed
    )
    learner.compile(keras.optimizers.Adam(2e-3), loss=loss, metrics=["accuracy"])
    learner.fit(
        train.as_dataset(4 if quick else 16),
        steps_per_epoch=5 if quick else 250,
        epochs=1 if quick else 4,
        shuffle=False,
        verbose=progress.verbosity(),
    )
    print("Pre-training a classifier of all training characters:")
    pretrained = baselines.pretrain_classifier(
        untrained,
        train.preprocess(train.x),
        train.y,
        keras.optimizers.Adam(2e-3),
        batch_size=64,
        epochs=1 if quick else 10,
        verbose=progress.verbosity(),
    )

    rates = [0.01] if quick else [0.003, 0.03]
    steps = (0, 1, 2) if quick else (0, 1, 2, 3, 5, 10, 30)
    options = [(h, s) for h in (False, True) for s in (False, True)][: 1 if quick else 4]
    return _study(
        "glyphs",
        "Drawn characters, 5-way 1-shot: accuracy",
        learner,
        (validation, test),
        "accuracy",
        inner_steps=2 if quick else 5,
        steps=steps,
        candidates={
            SCRATCH: [FineTuning(untrained, rate, steps) for rate in rates],
            PRETRAINED: [
                FineTuning(pretrained, rate, steps, *option) for rate in rates for option in options
            ],
        },
        quick=quick,
    )


def _study(name, title, learner, tasks, metric, inner_steps, steps, candidates, quick):
    """Evaluates the learner, and each baseline with its best settings on validation tasks."""
    num_validation, num_test, batch_size = (1, 2, 10) if quick else (1, 12, 50)
    validation = tasks[0].as_dataset(batch_size, num_batches=num_validation)
    test = tasks[1].as_dataset(batch_size, num_batches=num_test)
    curve = metrics.adaptation_curve(learner, test, metric, steps=inner_steps)
    values, best, settings = {}, {}, {}
    for baseline, choices in candidates.items():
        print(f"Fine-tuning the baseline: {baseline}", flush=True)
        chosen, position = baselines.choose(choices, validation, metric, learner.loss)
        values[baseline] = chosen.task_values(test, metric, learner.loss)
        best[baseline], settings[baseline] = position, chosen.settings[position]
    return Study(name, title, learner, tasks[1], metric, curve, steps, values, best, settings)
