"""One model for the rows of all tasks."""

import keras
import numpy as np

from keras_meta import baselines, episodes, networks


def test_it_learns_what_tasks_share_and_leaves_the_model():
    random = np.random.default_rng(0)
    x = random.normal(size=240)
    rows = {"g": np.repeat(np.arange(40), 6), "x": x, "y": 5.0 + 3.0 * x}
    tasks = episodes.from_groups(rows, "g", y="y", num_support=2)
    train, validation, _ = tasks.split()
    model = networks.table_network(train, units=())
    before = model.get_weights()
    optimizer = keras.optimizers.Adam(0.1)
    pooled = baselines.train_pooled_model(
        model, train, validation, "mse", optimizer, 32, steps_per_epoch=20, epochs=3
    )
    np.testing.assert_allclose(pooled({"x": np.array([1.0, 2.0])})[:, 0], [8.0, 11.0], atol=0.3)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
