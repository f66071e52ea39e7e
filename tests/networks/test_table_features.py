"""Columns of a table as vectors."""

import numpy as np

from keras_meta import networks
from tests.networks.test_table_network import tasks


def test_numbers_are_standardised_and_few_categories_one_hot():
    model = networks.table_features(tasks())
    x = {"day": np.array([1.0, 1.0], "float32"), "soil": np.array(["sand", "new"])}
    found = model(x).numpy()
    assert found.shape == (2, 5) and not model.trainable_weights
    assert found[0, 0] == found[1, 0] and found[1, 1:].tolist() == [1, 0, 0, 0]
    assert found[0, 1:].sum() == 1 and found[0, 1] == 0
    assert networks.table_features(tasks(), most_categories=2).output_shape == (None, 1)
    assert networks.table_features(tasks(x=["soil"]), most_categories=2) is None
