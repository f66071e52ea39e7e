"""The world of ratings: what its equations promise, and tasks from it."""

import numpy as np
import pytest

from keras_meta import episodes


def test_a_table_of_the_stated_size():
    table = episodes.synthetic_ratings(num_users=30, num_items=50, ratings_per_user=(10, 20))
    assert {len(column) for column in table.values()} == {len(table["user"])}
    _, counts = np.unique(table["user"], return_counts=True)
    assert len(counts) == 30 and counts.min() >= 10 and counts.max() <= 20
    pairs = set(zip(table["user"].tolist(), table["item"].tolist(), strict=True))
    assert len(pairs) == len(table["user"])
    assert set(np.unique(table["rating"])) == {1.0, 2.0, 3.0, 4.0, 5.0}
    genre_of_item = set(zip(table["item"].tolist(), table["genre"].tolist(), strict=True))
    assert len(genre_of_item) == len(np.unique(table["item"]))


def test_a_function_of_the_seed():
    first, again, other = (episodes.synthetic_ratings(20, 70, seed=seed) for seed in (1, 1, 2))
    for name, column in first.items():
        np.testing.assert_array_equal(column, again[name])
    assert not np.array_equal(first["item"], other["item"])


def test_ratings_have_the_stated_factors():
    """Of ratings less biases, as many singular values stand out as there are factors."""
    table = episodes.synthetic_ratings(300, 60, (60, 60), num_factors=3, noise=0.1)
    user, item = (np.unique(table[key], return_inverse=True)[1] for key in ("user", "item"))
    dense = np.zeros((300, 60))
    dense[user, item] = table["rating"]
    dense -= dense.mean(1, keepdims=True)
    dense -= dense.mean(0)
    values = np.linalg.svd(dense, compute_uv=False)
    assert values[2] > 2 * values[3]


def test_users_see_what_they_like_and_what_is_popular():
    table = episodes.synthetic_ratings(400, 200)
    assert table["rating"].mean() > 3.75  # 3.6 if they were shown anything
    _, counts = np.unique(table["item"], return_counts=True)
    assert np.sort(counts)[-20:].sum() > 0.2 * counts.sum()  # a tenth of the items


def test_tasks_are_users():
    table = episodes.synthetic_ratings(50)
    tasks = episodes.from_groups(table, task="user", y="rating", num_support=5, num_queries=20)
    ((inputs, query_y),) = tasks.as_dataset(8, num_batches=1)
    assert set(inputs["support_x"]) == {"item", "genre"}
    assert inputs["support_x"]["item"].shape == (8, 5) and query_y.shape == (8, 20, 1)


@pytest.mark.parametrize(
    "arguments", [{"ratings_per_user": (0, 5)}, {"num_items": 20}, {"num_users": 0}]
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="Received: "):
        episodes.synthetic_ratings(**arguments)
