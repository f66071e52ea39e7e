"""Tables from random structural causal models: of their number alone, and worth learning from."""

import numpy as np
import pytest

from keras_meta.episodes import synthetic_tables as module
from keras_meta.episodes.synthetic_tables import SyntheticTables, synthetic_table
from keras_meta.episodes.table_prior import causal_model, columns, functions, signal, targets
from keras_meta.episodes.table_prior.functions import generator


def test_a_table_is_a_function_of_seed_and_number():
    tables = [synthetic_table(3, task, 40, 30, 5, 4) for task in (7, 7, 8)]
    for same in zip(*tables[:2], strict=True):
        np.testing.assert_array_equal(*same)
    assert not np.array_equal(tables[0][0], tables[2][0])
    assert not np.array_equal(tables[0][0], synthetic_table(4, 7, 40, 30, 5, 4)[0])


def test_generators_of_large_numbers_differ():
    """In a list of them, NumPy would round such keys to the same."""
    draws = [
        generator(2**40, 2**63 + task, stream).random() for task in range(3) for stream in (0, 1)
    ]
    assert len(set(draws)) == 6


def test_every_class_is_in_the_support_set():
    for task in range(30):
        x, y, categories = synthetic_table(0, task, 40, 12, 3, 10)
        assert x.shape == (40, 3) and x.dtype == np.float32 and categories.shape == (3,)
        assert not np.isinf(x).any() and set(y) == set(y[:12]) and len(set(y)) > 1
        assert 0 <= y.min() and y.max() < 10


def test_numbers_are_finite_and_vary():
    for task in range(30):
        _, y, _ = synthetic_table(0, task, 40, 12, 3)
        assert np.isfinite(y).all() and y[:12].std() > 0


def test_tables_have_all_that_real_ones_have():
    """Missing values, categories, whole numbers, unequal classes, among a few tables."""
    tables = [synthetic_table(1, task, 60, 40, 8, 3) for task in range(40)]
    missing = [np.isnan(x).any() for x, _, _ in tables]
    assert 0.02 < np.mean(missing) < 0.5
    assert any(kinds.any() for *_, kinds in tables) and any(not kinds.any() for *_, kinds in tables)
    codes = np.concatenate([x[:, kinds].ravel() for x, _, kinds in tables])
    codes = codes[~np.isnan(codes)]
    np.testing.assert_array_equal(codes, codes.round())
    shares = [np.bincount(y).max() / len(y) for _, y, _ in tables]
    assert min(shares) < 0.45 and max(shares) > 0.7


def test_most_tables_say_something_about_their_target():
    found = []
    for task in range(40):
        x, y, _ = synthetic_table(2, task, 100, 60, 6)
        y = functions.standardize(y[:, None].astype(float))
        found.append(signal.signal(generator(9, task), x, y))
    assert np.mean(np.array(found) > 0.02) > 0.75


def test_signal_is_found_where_it_is():
    random = generator(0, 0)
    x = random.normal(size=(150, 4))
    noise = random.normal(size=(150, 1))
    assert signal.signal(random, x, noise) < 0.1
    assert signal.signal(random, x, x[:, :1] + 0.1 * noise) > 0.8
    assert signal.signal(random, x, np.sign(x[:, 1:2])) > 0.5
    x[3, 2] = np.nan
    assert np.isfinite(signal.signal(random, x, noise))


@pytest.mark.parametrize("name", list(functions.MECHANISMS))
def test_mechanisms_are_functions_of_the_causes(name):
    """Two rows with the same causes have the same effects, and effects vary."""
    x = generator(0, 0).normal(size=(50, 3))
    x[1] = x[0]
    effects = functions.MECHANISMS[name](generator(5, 1), x, 4)
    assert effects.shape == (50, 4) and np.isfinite(effects).all() and effects.std() > 0
    np.testing.assert_allclose(effects[0], effects[1], atol=1e-12)


def test_trees_depend_on_the_order_of_values_alone():
    x = generator(0, 0).normal(size=(50, 3))
    effects = [functions.trees(generator(2, 2), values, 2) for values in (x, np.exp(x))]
    np.testing.assert_array_equal(*effects)


def test_a_model_of_linear_mechanisms_is_linear():
    layers, _ = causal_model.causal_model(generator(4, 0), 60, 4, {"linear": 1.0})
    residuals = [np.linalg.lstsq(layers[0], later, rcond=None)[1] for later in layers[1:2]]
    assert len(layers) >= 2 and all((r < 60).all() for r in residuals)


def test_warping_keeps_the_order_or_reverses_it():
    x = generator(0, 0).normal(size=200)
    for number in range(30):
        warped = columns.warp(generator(1, number), x)[np.argsort(x)]
        steps = np.diff(warped)
        assert (steps >= 0).all() or (steps <= 0).all()


def test_classes_are_intervals_largest_values_or_groups():
    random = generator(0, 3)
    value = random.normal(size=300)
    for number in range(10):
        labels = targets.thresholded(generator(2, number), value, 3)
        assert 1 < len(np.unique(labels)) <= 3 and np.diff(labels[np.argsort(value)]).any()
    values = random.normal(size=(300, 5))
    assert len(np.unique(targets.largest(random, values, 4))) == 4
    clusters = np.arange(300) % 6
    labels = targets.grouped(random, clusters, 2)
    assert all(len(np.unique(labels[clusters == k])) == 1 for k in range(6))


def test_episodes():
    tables = SyntheticTables(20, 6, 4, num_classes=3, seed=1)
    ((inputs, query_y),) = tables.as_dataset(batch_size=2, num_batches=1)
    assert inputs["support_x"].shape == (2, 20, 4) and inputs["categories"].shape == (2, 4)
    x, y, _ = synthetic_table(1, 1, 26, 20, 4, 3)
    np.testing.assert_array_equal(inputs["query_x"][1], x[20:])
    np.testing.assert_array_equal(query_y[1], y[20:])
    ((inputs, query_y),) = SyntheticTables(20, 6, 4, None).as_dataset(1, num_batches=1)
    assert inputs["support_y"].dtype == query_y.dtype == "float32"
    with pytest.raises(ValueError, match="`num_support` must be at least 10"):
        SyntheticTables(num_support=3)


def test_shares_of_mechanisms_are_a_setting():
    one, other = (
        synthetic_table(0, 0, 30, 20, 3, 2, shares=shares)[0] for shares in ({"waves": 1.0}, None)
    )
    assert not np.array_equal(one, other)
    assert module.synthetic_tables(0, 0, 2, 30, 20, 3)[0].shape == (2, 30, 3)
