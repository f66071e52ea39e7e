"""Episodes of varied size: their examples are right, and their sizes are those of the paper."""

import numpy as np
import pytest

from keras_meta import episodes

COUNTS = np.array([2, 5, 9, 20, 20, 40, 60, 150])


def sampler(**kwargs):
    y = np.repeat(np.arange(len(COUNTS)), COUNTS)
    x = np.arange(len(y), dtype="float32")[:, None]
    settings = {"min_ways": 3, "max_ways": 6, "max_shots": 20, "max_support": 60, **kwargs}
    return episodes.VariedEpisodeSampler(x, y, **settings), y


def test_an_episode_holds_different_examples_of_as_many_classes_as_it_says():
    source, y = sampler()
    for inputs, query_y in source.as_dataset(16, num_batches=4):
        for task in range(16):
            support, query = (
                inputs[f"{part}_mask"][task].numpy() == 1 for part in ("support", "query")
            )
            rows = [
                inputs[f"{part}_x"][task].numpy()[mask][:, 0].astype(int)
                for part, mask in (("support", support), ("query", query))
            ]
            labels = inputs["support_y"][task].numpy()[support], query_y[task].numpy()[query]
            assert len(np.unique(np.concatenate(rows))) == sum(map(len, rows))
            assert 3 <= len(np.unique(labels[0])) <= 6
            pairs = set(zip(np.concatenate(labels), y[np.concatenate(rows)], strict=True))
            assert len(pairs) == len(np.unique(labels[0]))  # one class a label, and back
            assert len(set(np.bincount(labels[1]))) == 1  # queries are balanced
            assert set(labels[1]) == set(labels[0])


def test_sizes_follow_the_paper():
    """The same draws by a plain loop over tasks and classes."""
    source, _ = sampler()
    tasks = 400
    classes = np.argsort(-source.uniform(0, tasks, (8,), stream=0).numpy(), 1)[:, :6]
    shape = source.draw_shape(0, tasks, classes)
    numbers = source.uniform(0, tasks, (8,), stream=2).numpy()
    for t in range(tasks):
        ways = 3 + int(numbers[t, 0] * 4)
        sizes = COUNTS[classes[t, :ways]]
        queries = min(10, int(sizes.min() // 2))
        fraction = 1 - numbers[t, 1]
        support = min(60, sum(np.ceil(fraction * min(20, c - queries)) for c in sizes))
        weights = np.exp(np.log(2) * (2 * numbers[t, 2 : 2 + ways] - 1)) * sizes
        shares = weights / weights.sum()
        shots = [
            min(int(r * (support - ways)) + 1, c - queries, 20)
            for r, c in zip(shares, sizes, strict=True)
        ]
        assert shape.num_ways[t] == ways and shape.num_queries[t] == queries
        drawn = shape.num_shots[t].numpy()
        assert (np.abs(drawn[:ways] - shots) <= 1).all() and not drawn[ways:].any()
        assert abs(drawn.sum() - sum(shots)) <= 1  # float32 against float64


def test_statistics():
    source, _ = sampler()
    tasks = 4000
    classes = np.argsort(-source.uniform(0, tasks, (8,), stream=0).numpy(), 1)[:, :6]
    shape = source.draw_shape(0, tasks, classes)
    ways = np.bincount(shape.num_ways.numpy(), minlength=7)[3:] / tasks
    np.testing.assert_allclose(ways, 0.25, atol=0.03)  # uniform over 3, 4, 5, 6
    assert shape.num_shots.numpy().sum(1).max() <= 60
    # Larger classes have more shots: imbalance is that of the data, within a factor.
    shots = {c: [] for c in range(8)}
    for row, chosen in zip(shape.num_shots.numpy(), classes, strict=True):
        for k, c in zip(row, chosen, strict=True):
            if k:
                shots[c].append(k)
    means = [np.mean(shots[c]) for c in range(8)]
    assert means[0] == 1 and means[7] > means[5] > means[3] > means[1]


def test_a_task_does_not_depend_on_its_batch():
    source, _ = sampler()
    whole = next(iter(source.as_dataset(4)))[0]
    halves = [inputs for inputs, _ in source.as_dataset(2, num_batches=2)]
    for key in whole:
        np.testing.assert_array_equal(whole[key], np.concatenate([h[key] for h in halves]))


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"min_ways": 7}, "`min_ways` must not exceed `max_ways`"),
        ({"max_ways": 9}, "`num_ways` must not exceed the number of classes"),
        ({"max_support": 5}, "`max_support` must be"),
        ({"max_shots": 0}, "`max_shots` must be"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        sampler(**kwargs)


def test_a_class_of_one_example_is_named():
    with pytest.raises(ValueError, match="'lonely'"):
        episodes.VariedEpisodeSampler(
            np.zeros((7, 1)), ["many"] * 3 + ["more"] * 3 + ["lonely"], 2, 2
        )
