"""A small network of tables, untrained, and its weights in a file."""

import numpy as np
import pytest

from keras_meta.in_context.weights import write_network
from keras_meta.networks.table_transformer import TableTransformer


@pytest.fixture(scope="session")
def network():
    return TableTransformer(width=8, num_blocks=1, num_heads=2, num_buckets=20)


@pytest.fixture(scope="session")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.npz"
    write_network(path, network, [np.asarray(v) for v in network.variables], {"step": 0})
    return path
