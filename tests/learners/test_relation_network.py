"""A learned comparison with class means, against the textbook."""

import keras
import numpy as np
import pytest

from keras_meta import learners, losses
from tests.learners import embedding_cases as cases
from tests.quick import slow


def relation_of_maps():
    """For pairs of feature maps, with everything in it."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((2, 2, 6)),
            layers.Conv2D(4, 2, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Flatten(),
            layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.01)),
        ]
    )


LEARNERS = {
    "vectors": lambda **kwargs: learners.RelationNetwork(cases.body(), **kwargs),
    "maps": lambda **kwargs: learners.RelationNetwork(
        cases.map_body(), relation_of_maps(), **kwargs
    ),
    "maps, default": lambda **kwargs: learners.RelationNetwork(cases.map_body(), **kwargs),
}


def test_it_is_the_textbook(float64):
    learner = cases.compiled(learners.RelationNetwork(cases.dense_body()))
    inputs, _ = cases.episodes()
    predictions = learner.predict(inputs, verbose=0)
    w1, b1, w2, b2 = learner.relation.get_weights()
    for task in range(3):
        support, queries = (
            learner.model.predict(inputs[key][task], verbose=0) for key in ("support_x", "query_x")
        )
        labels = np.asarray(inputs["support_y"][task])
        for q, query in enumerate(queries):
            for n in range(3):
                pair = np.concatenate([support[labels == n].mean(0), query])
                expected = np.maximum(pair @ w1 + b1, 0.0) @ w2 + b2
                np.testing.assert_allclose(predictions[task, q, n], expected[0], rtol=1e-9)


@pytest.mark.parametrize(
    "name, batch_norm",
    [("vectors", "support"), ("maps", "transductive"), slow("maps", "running")],
)
def test_gradient_equals_central_differences(name, batch_norm, float64):
    cases.check_gradient(cases.compiled(LEARNERS[name](batch_norm=batch_norm)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vectors", "maps"])
def test_other_ways_and_shots_at_test(name, tmp_path):
    cases.check_open_ways(LEARNERS[name](), tmp_path)


@pytest.mark.parametrize(
    "name, batch_norm",
    [
        ("maps", "transductive"),
        slow("vectors", "support"),
        slow("maps", "running"),
        slow("maps, default", "running"),
    ],
)
def test_the_adapted_model_predicts_the_same(name, batch_norm, tmp_path):
    cases.check_adapted_model(LEARNERS[name](batch_norm=batch_norm), tmp_path)


def test_a_class_without_support_examples_is_never_predicted():
    cases.check_absent_class(learners.RelationNetwork(cases.body(), num_ways=4))


@pytest.mark.slow
def test_the_loss_of_the_paper_trains_it():
    learner = learners.RelationNetwork(cases.dense_body(), num_ways=3)
    learner.compile(keras.optimizers.Adam(0.01), losses.SparseSigmoidSquaredError())
    inputs, y = cases.episodes()
    history = learner.fit(inputs, y, batch_size=3, epochs=40, verbose=0).history["loss"]
    assert history[-1] < 0.8 * history[0]


def test_dropout_of_the_relation_module_is_active_while_fitting_alone():
    relation = keras.Sequential(
        [keras.Input((10,)), keras.layers.Dropout(0.5, seed=0), keras.layers.Dense(1)]
    )
    learner = cases.compiled(learners.RelationNetwork(cases.dense_body(), relation, num_ways=3))
    inputs, _ = cases.episodes()
    still, moving = learner(inputs), learner(inputs, training=True)
    np.testing.assert_array_equal(learner(inputs), still)
    assert np.abs(moving - still).max() > 1e-3


def test_convolutions_in_the_relation_module_are_looped():
    body = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Dense(3)])
    assert learners.RelationNetwork(body, num_ways=3).chosen_task_map() == "vectorize"
    conv = keras.Sequential(
        [keras.Input((4, 4, 6)), keras.layers.Conv2D(1, 4), keras.layers.Flatten()]
    )
    assert learners.RelationNetwork(body, conv, num_ways=3).chosen_task_map() == "loop"


def test_bad_arguments():
    wrong = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match=r"must map pairs of shape \(None, 10\) to \(None, 1\)"):
        learners.RelationNetwork(cases.body(), wrong)
    with pytest.raises(ValueError, match="has no statistics of the support set"):
        LEARNERS["maps"](batch_norm="support")
    with pytest.raises(ValueError, match="in a known shape"):
        learners.RelationNetwork(
            keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(2, 3)])
        )
