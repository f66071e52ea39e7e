"""A network of table columns standardises numbers and numbers categories as in training."""

import keras
import numpy as np

from keras_meta import episodes, networks
from keras_meta.networks.table_network import standardization, vocabulary
from tests.episodes.tables import plants


def tasks(rows=None, **arguments):
    rows = plants() if rows is None else rows
    arguments = {"x": ["day", "soil"], "num_support": 2, **arguments}
    return episodes.from_groups(rows, "plant", y="height", **arguments)


def test_it_takes_columns_in_their_units_and_predicts_in_that_of_the_target(tmp_path):
    rows = plants()
    model = networks.table_network(tasks(rows), units=(), seed=1)
    x = {"day": np.array([2.0, 2.0, 4.0], "float32"), "soil": np.array(["sand", "new", "sand"])}
    found = model(x).numpy()[:, 0]
    kernel, bias = model.layers[-2].get_weights()
    embedding = model.get_layer("embedding_1").get_weights()[0]
    assert not embedding[0].any() and len(embedding) == 4
    number = 1 + vocabulary(tasks(rows).table.x["soil"]).index("sand")
    for k, (day, vector) in enumerate([(2, embedding[number]), (2, embedding[0])]):
        h = np.array([(day - rows["day"].mean()) / rows["day"].std(), *vector])
        expected = rows["height"].mean() + rows["height"].std() * (h @ kernel[:, 0] + bias[0])
        np.testing.assert_allclose(found[k], expected, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(x)[:, 0], found, rtol=1e-6)


def test_missing_numbers_count_as_the_mean_and_are_marked():
    rows = plants()
    rows["day"] = np.where(rows["day"] == 2, np.nan, rows["day"])
    masked = tasks(rows, missing="mask", x=["day"])
    model = networks.table_network(masked, units=(), num_outputs=None)
    day = np.array([1.0, 0.0], "float32")
    found = model({"day": day, "day_present": np.array([1.0, 0.0], "float32")}).numpy()
    mean, scale = standardization(rows["day"])
    np.testing.assert_allclose(found, [[(1 - mean) / scale, 1], [0, 0]], rtol=1e-5)


def test_constants_rare_categories_and_shapes():
    assert standardization(np.array([0.1] * 7)) == (np.mean([0.1] * 7), 1.0)
    assert standardization(np.array([np.nan])) == (0.0, 1.0)
    rows = plants()
    rows["soil"] = np.array([*rows["soil"][:-1], "once"])
    soil = tasks(rows).table.x["soil"]
    assert "once" in vocabulary(soil) and "once" not in vocabulary(soil, 2)
    assert networks.table_network(tasks(rows), units=(5,), num_outputs=None).output_shape[1] == 5
    # Every category is rare: the network still takes the column.
    model = networks.table_network(tasks(), least_count=1000, own_statistics=True)
    x = {"day": np.zeros(2, "float32"), "soil": np.array(["sand", "new"])}
    assert np.ptp(model(x)) == 0
