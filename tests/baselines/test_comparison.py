"""The verdict, and where it comes from."""

import keras
import numpy as np
import pytest

from keras_meta import baselines, episodes, learners, metrics, networks

LEARNER = [0.5, 0.6, 0.7]


def result(metric="accuracy", **others):
    values = {name: np.array(value) for name, value in others.items()}
    settings = {name: f"setting of {name}" for name in others}
    return baselines.BaselineComparison("MAML", np.array(LEARNER), values, settings, metric)


# The half widths are 1.96 s / sqrt(3) of the paired differences.
VERDICTS = {
    "better than all": (
        {"a": [0.1, 0.2, 0.3], "b": [0.2, 0.3, 0.4]},
        "MAML beats every baseline; the best, b, by 0.3000 +- 0.0000.",
    ),
    "worse than the best": (
        {"a": [0.1, 0.2, 0.3], "b": [0.9, 0.9, 0.9]},
        "b beats MAML by 0.3000 +- 0.1132.",
    ),
    "undecided": (
        {"a": [0.1, 0.2, 0.3], "b": [0.9, 0.3, 0.7]},
        "These tasks cannot tell MAML from b: they differ by 0.0333 +- 0.3974.",
    ),
    # The best mean is not always that of the baseline that the tasks tell from the learner.
    "undecided against the second best": (
        {"a": [0.4, 0.5, 0.6], "b": [0.9, 0.3, 0.0]},
        "These tasks cannot tell MAML from b: they differ by 0.2000 +- 0.6301.",
    ),
    "worse than the second best": (
        {"a": [0.6, 0.7, 0.8], "b": [2.0, 0.6, 0.1]},
        "a beats MAML by 0.1000 +- 0.0000.",
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict(name):
    values, verdict = VERDICTS[name]
    assert result(**values).verdict == verdict


def test_of_an_error_less_is_better():
    found = result("mse", a=[0.1, 0.2, 0.3], b=[0.9, 0.9, 0.9])
    assert found.best_baseline == "a" and found.verdict == "a beats MAML by 0.4000 +- 0.0000."
    found = result("mse", a=[0.8, 0.9, 1.0], b=[0.9, 1.0, 1.1])
    assert found.verdict == "MAML beats every baseline; the best, a, by 0.3000 +- 0.0000."


def test_the_table():
    assert str(result(a=[0.1, 0.2, 0.3])).splitlines() == [
        "accuracy over 3 tasks, 95 % intervals over tasks; MAML minus the baseline, task by task; "
        "settings chosen on validation tasks",
        "  MAML  0.6000 +- 0.1132",
        "  a     0.2000 +- 0.1132   0.4000 +- 0.0000   setting of a",
        "MAML beats every baseline; the best, a, by 0.4000 +- 0.0000.",
    ]


def test_settings_are_chosen_on_validation_tasks_and_tasks_are_paired():
    learner = learners.MAML(networks.SinusoidMLP(units=(8,)), 0.01, name="maml")
    learner.compile("adam", "mse")
    test, validation = (
        episodes.Sinusoid(5, 5, seed=s).as_dataset(10, num_batches=2) for s in (0, 1)
    )
    tuning = [baselines.FineTuning(learner.model, rate, (0, 10, 40)) for rate in (1e-4, 0.02)]
    found = baselines.compare(learner, test, validation, {"tuned": tuning}, "mse")
    on_validation = [x.task_values(validation, "mse", "mse").mean(0) for x in tuning]
    best = np.unravel_index(np.argmin(on_validation), (2, 3))
    assert found.settings["tuned"] == tuning[best[0]].settings[best[1]]
    expected = tuning[best[0]].task_values(test, "mse", "mse")[:, best[1]]
    np.testing.assert_allclose(found.baselines["tuned"], expected)
    np.testing.assert_allclose(found.values, metrics.task_values(learner, test, "mse"))
    difference = found.values - expected
    assert found.comparisons["tuned"].difference == pytest.approx(difference.mean(), rel=1e-5)
    assert f"{difference.mean():.4f}" in str(found)


def test_classification_on_features_of_a_pretrained_network():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(60, 2)).astype("float32"), np.repeat(np.arange(6), 10)
    x += 3.0 * generator.normal(size=(6, 2))[y]
    tasks = episodes.EpisodeSampler(x.astype("float32"), y, num_ways=3, num_shots=2, num_queries=4)
    layers = keras.layers
    model = keras.Sequential([keras.Input((2,)), layers.Dense(5), layers.ReLU(), layers.Dense(3)])
    pretrained = baselines.pretrain_classifier(model, tasks.x, tasks.y, verbose=0)
    features = networks.embedding(pretrained)
    learner = learners.PrototypicalNetwork(features, name="prototypes")
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    test, validation = (tasks.as_dataset(5, num_batches=2, start=s) for s in (0, 2))
    methods = {
        "nearest centroid": baselines.NearestCentroid(features),
        "logistic regression": [
            baselines.FrozenLogisticRegression(features, penalties=(penalty,), iterations=50)
            for penalty in (0.01, 0.1)
        ],
    }
    found = baselines.compare(learner, test, validation, methods)
    assert found.baselines.keys() == methods.keys()
    for name, method in methods.items():
        chosen, position = baselines.choose(method, validation, "accuracy", learner.loss)
        assert found.settings[name] == chosen.settings[position]
        expected = chosen.task_values(test, "accuracy", learner.loss)[:, position]
        np.testing.assert_array_equal(found.baselines[name], expected)
    # The learner is the first of these on the same features, which nothing has trained further.
    np.testing.assert_array_equal(
        found.values, methods["nearest centroid"].task_values(test, "accuracy")[:, 0]
    )
