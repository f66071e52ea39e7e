"""Episodes of groups: their rows are those of one group, different, and as many as they say."""

import numpy as np
import pytest

from keras_meta import episodes
from tests.episodes.tables import plants


def source(rows=None, **arguments):
    settings = {"x": ["day", "soil"], "num_support": (1, 3), "num_queries": 2, **arguments}
    return episodes.from_groups(plants() if rows is None else rows, "plant", y="height", **settings)


def tasks_of(tasks, number):
    """Yields the real support and query heights and days of each task."""
    inputs, query_y = tasks.sample(0, number)
    masks = [inputs[f"{part}_mask"].numpy() > 0 for part in ("support", "query")]
    for t in range(number):
        parts = (inputs["support_x"], inputs["support_y"]), (inputs["query_x"], query_y)
        yield [
            (
                y[t].numpy()[mask[t]][:, 0],
                x["day"][t].numpy()[mask[t]],
                x["soil"][t].numpy()[mask[t]],
            )
            for (x, y), mask in zip(parts, masks, strict=True)
        ]


def test_an_episode_holds_different_rows_of_one_group():
    rows, tasks = plants(), source()
    soil = dict(zip(rows["height"].tolist(), rows["soil"].tolist(), strict=True))
    sizes, seen = [], []
    for support, query in tasks_of(tasks, 240):
        heights = np.concatenate([support[0], query[0]])
        group = heights[0] // 100
        assert (heights // 100 == group).all() and len(set(heights)) == len(heights)
        assert np.concatenate([support[1], query[1]]).tolist() == (heights % 100).tolist()
        names = np.concatenate([support[2], query[2]]).tolist()
        assert [name.decode() for name in names] == [soil[height] for height in heights.tolist()]
        size = 3 + int(group) % 5
        assert len(query[0]) == min(2, size - len(support[0]))
        sizes.append((size, len(support[0])))
        seen.append(int(group))
    # Every group once in each round, in changing orders; all sizes of support sets.
    rounds = np.reshape(seen, [20, 12])
    assert (np.sort(rounds, 1) == np.arange(12)).all() and len(np.unique(rounds, axis=0)) > 5
    assert {k for size, k in sizes if size == 3} == {1, 2}
    assert {k for size, k in sizes if size > 3} == {1, 2, 3}


def test_rows_are_drawn_uniformly_and_from_large_groups_as_well():
    rows = {"plant": ["a"] * 2000, "day": np.arange(2000), "soil": ["x"] * 2000}
    rows["height"] = np.arange(2000.0)
    inputs, query_y = source(rows, num_support=3).sample(0, 2000)
    drawn = np.concatenate([inputs["support_y"], query_y], 1)[..., 0]
    assert (np.diff(np.sort(drawn, 1), axis=1) > 0).all() and "support_mask" not in inputs
    # Means of uniform numbers, with 4 standard errors.
    np.testing.assert_allclose(drawn.mean(0), 999.5, atol=4 * 2000 / np.sqrt(12 * 2000))
    assert len(np.unique(drawn)) > 1900


def test_ordered_windows():
    starts = set()
    for support, query in tasks_of(source(order="day"), 240):
        days = np.concatenate([support[1], query[1]])
        assert (np.diff(days) == 1).all()
        starts.add(days[0])
    assert len(starts) > 3
    for support, _ in tasks_of(source(order="day", from_start=True), 24):
        assert support[1][0] == 0


def test_a_task_depends_on_seed_and_number_alone():
    tasks, again, other = source(seed=5), source(seed=5), source(seed=6)
    whole = tasks.sample(0, 8)
    for inputs, y in again.as_dataset(2, num_batches=1, start=3):
        np.testing.assert_array_equal(y, whole[1][6:])
        np.testing.assert_array_equal(
            inputs["support_x"]["soil"], whole[0]["support_x"]["soil"][6:]
        )
    assert (other.sample(0, 8)[1].numpy() != whole[1].numpy()).any()


def test_parts_and_small_groups():
    with pytest.warns(UserWarning, match="3 groups have too few rows.*'plant 0' .3.*left out"):
        tasks = source(num_support=3)
    assert tasks.num_groups == 9 and set(tasks.dropped.values()) == {3}
    parts = source().split(seed=1)
    assert [part.num_groups for part in parts] == [8, 2, 2]
    assert len({part.seed for part in parts}) == 3
    assert len(source().split(0.5, 0.5, 0.0)) == 2


def test_missing_numbers_are_marked():
    rows = plants()
    rows["day"] = np.where(rows["day"] == 1, np.nan, rows["day"])
    ((inputs, _),) = source(rows, missing="mask").as_dataset(12, num_batches=1)
    day, present = (inputs["support_x"][name].numpy() for name in ("day", "day_present"))
    assert set(present.ravel()) == {0.0, 1.0} and not day[present == 0].any()


def test_arguments_that_cannot_be_used():
    for arguments, message in [
        ({"num_support": (3, 2)}, "low <= high. Received: num_support=.3, 2."),
        ({"num_support": 0}, "`num_support` must be at least 1"),
        ({"num_queries": 0}, "`num_queries` must be at least 1"),
        ({"from_start": True}, "is for tables with `order`"),
        ({"num_support": 20}, "No group has the 21 rows"),
    ]:
        with pytest.raises(ValueError, match=message):
            source(**arguments)
    with pytest.raises(ValueError, match="`y` must name the column"):
        episodes.from_groups(plants(), "plant")
