"""The verdict, and where it comes from."""

import keras
import numpy as np
import pytest

from keras_meta import baselines, episodes, learners, metrics, networks


def result(learner, **others):
    return baselines.BaselineComparison(
        "MAML", np.array(learner), {k: np.array(v) for k, v in others.items()}, {}, "accuracy"
    )


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"a": [0.1, 0.2, 0.3], "b": [0.2, 0.3, 0.4]}, "was worth it"),
        ({"a": [0.1, 0.2, 0.3], "b": [0.9, 0.9, 0.9]}, "was not worth it: b is better"),
        ({"a": [0.1, 0.2, 0.3], "b": [0.9, 0.3, 0.7]}, "do not tell whether"),
    ],
)
def test_verdict(values, verdict):
    found = result([0.5, 0.6, 0.7], **values)
    assert verdict in found.verdict and found.best_baseline == "b"


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


def test_classification_has_all_four():
    glyphs = {"num_ways": 3, "num_shots": 1, "num_queries": 2, "num_classes": 8}
    train, validation, test = (
        episodes.StrokeGlyphs(**glyphs, split=split) for split in ("train", "validation", "test")
    )
    model = networks.Conv4(3, filters=4)
    learner = learners.ANIL(model, 0.1)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    pretrained = baselines.pretrain_classifier(model, train.preprocess(train.x), train.y, verbose=0)
    features = networks.embedding(pretrained)
    found = baselines.compare(
        learner,
        *(data.as_dataset(4, num_batches=2) for data in (test, validation)),
        {
            "scratch": baselines.FineTuning(model, 0.01, (1,)),
            "pre-trained": baselines.FineTuning(pretrained, 0.01, (1,)),
            "nearest centroid": baselines.NearestCentroid(features),
            "logistic regression": [
                baselines.FrozenLogisticRegression(features, stored) for stored in (True, False)
            ],
        },
    )
    assert len(found.comparisons) == 4 and len(str(found).splitlines()) == 7
