"""Models of text are causal, small, learn, and can be differentiated twice."""

import keras
import numpy as np
import pytest

import keras_meta
from keras_meta import episodes, exact, networks
from tests.quick import quick_first

MODELS = {
    "convolution": networks.CausalConvNet,
    "recurrent": networks.CharacterGRU,
    "unrolled": lambda *args, **kwargs: networks.CharacterGRU(*args, unroll=12, **kwargs),
    "transformer": networks.CausalTransformer,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_prediction_depends_on_what_was_before(name):
    model = MODELS[name](20, width=16)
    x = np.random.default_rng(0).integers(0, 20, (2, 12))
    logits = model(x).numpy()
    assert logits.shape == (2, 12, 20)
    later = x.copy()
    later[:, 7] = (later[:, 7] + 1) % 20
    changed = np.abs(model(later).numpy() - logits).max((0, 2)) > 1e-6
    assert not changed[:7].any() and changed[7:].all()


@pytest.mark.parametrize("name", quick_first(MODELS, [x for x in MODELS if x != "unrolled"]))
def test_they_are_small_and_have_second_derivatives(name):
    model = MODELS[name](256)
    assert 50_000 < model.count_params() < 300_000
    with exact.second_derivatives():  # as learners normalise
        assert not exact.second_order_problems(model)


def test_the_convolution_sees_63_symbols():
    model = networks.CausalConvNet(20, width=8)
    x = np.random.default_rng(0).integers(0, 20, (1, 80))
    logits = model(x).numpy()[0, -1]
    for position, sees in ((79, True), (79 - 62, True), (79 - 63, False)):
        other = x.copy()
        other[0, position] = (other[0, position] + 1) % 20
        assert (np.abs(model(other).numpy()[0, -1] - logits).max() > 0) == sees


@pytest.mark.parametrize("name", quick_first(MODELS, ["recurrent"]))
def test_they_adapt_to_a_language(name):
    tasks = episodes.SyntheticLanguages(2, 2, 12)
    blocks = {"convolution": {"num_blocks": 2}, "transformer": {"num_blocks": 1}}.get(name, {})
    model = MODELS[name](tasks.codec.size, width=16, **blocks)
    learner = keras_meta.learners.MAML(model, 0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    learner.compile(keras.optimizers.Adam(0.01), loss)
    data = tasks.as_dataset(2, num_batches=1).repeat()
    losses = learner.fit(data, steps_per_epoch=4, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
