"""Episodes of labelled arrays."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes


def encoded(sizes, names=None):
    """Data in which every example says its class and its number within it."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    number = np.concatenate([np.arange(size) for size in sizes])
    x = np.stack([y, number], axis=1).astype("int32")
    order = np.random.default_rng(0).permutation(len(y))
    return x[order], (y if names is None else np.asarray(names)[y])[order]


def batch(sampler, size=50):
    inputs, query_y = next(iter(sampler.as_dataset(size)))
    return {**{key: value.numpy() for key, value in inputs.items()}, "query_y": query_y.numpy()}


def test_shapes_and_dtypes():
    sampler = episodes.EpisodeSampler(*encoded([8] * 6), num_ways=5, num_shots=2, num_queries=3)
    inputs, query_y = sampler.as_dataset(4).element_spec
    assert inputs["support_x"] == tf.TensorSpec([4, 10, 2], tf.int32)
    assert inputs["support_y"] == tf.TensorSpec([4, 10], tf.int32)
    assert inputs["query_x"] == tf.TensorSpec([4, 15, 2], tf.int32)
    assert query_y == tf.TensorSpec([4, 15], tf.int32)


def test_labels_follow_classes_and_agree_between_support_and_query():
    sampler = episodes.EpisodeSampler(*encoded([6] * 9), num_ways=4, num_shots=2, num_queries=3)
    drawn = batch(sampler)
    orders = set()
    for task in range(50):
        class_of = {}
        for part in ("support", "query"):
            classes, labels = drawn[f"{part}_x"][task, :, 0], drawn[f"{part}_y"][task]
            for name, label in zip(classes, labels, strict=True):
                assert class_of.setdefault(label, name) == name
        assert sorted(class_of) == [0, 1, 2, 3]
        assert len(set(class_of.values())) == 4
        orders.add(tuple(class_of[label] for label in range(4)))
    assert any(order != tuple(sorted(order)) for order in orders)
    assert len(orders) > 40


def test_support_and_query_share_no_example_and_none_appears_twice():
    sampler = episodes.EpisodeSampler(*encoded([7] * 5), num_ways=3, num_shots=3, num_queries=4)
    drawn = batch(sampler)
    for support, query in zip(drawn["support_x"], drawn["query_x"], strict=True):
        examples = np.concatenate([support, query])
        assert len(np.unique(examples, axis=0)) == len(examples) == 21


def test_classes_and_examples_are_drawn_uniformly():
    sizes = [3, 4, 6, 12]
    sampler = episodes.EpisodeSampler(*encoded(sizes), num_ways=2, num_shots=1, num_queries=2)
    drawn = batch(sampler, 6000)["support_x"].reshape(-1, 2)
    per_class = np.bincount(drawn[:, 0])
    assert ((per_class - 3000) ** 2 / 3000).sum() < 16.3  # 3 degrees of freedom, p = 0.001
    for index, size in enumerate(sizes):
        counts = np.bincount(drawn[drawn[:, 0] == index, 1], minlength=size)
        assert len(counts) == size
        expected = per_class[index] / size
        assert ((counts - expected) ** 2 / expected).sum() < 2.5 * size + 15


def test_describe_names_the_rows_that_sample_gathers():
    x, y = encoded([5, 9, 7, 6], names=["d", "c", "b", "a"])
    sampler = episodes.EpisodeSampler(x, y, num_ways=3, num_shots=2, num_queries=3, seed=4)
    classes, examples = sampler.describe(10, 5)
    inputs, _ = sampler.sample(10, 5)
    np.testing.assert_array_equal(inputs["support_x"], x[examples[:, :, :2]].reshape(5, 6, 2))
    np.testing.assert_array_equal(inputs["query_x"], x[examples[:, :, 2:]].reshape(5, 9, 2))
    names = np.broadcast_to(sampler.classes[classes][..., None], examples.shape)
    np.testing.assert_array_equal(y[examples], names)


def test_attributes():
    x, y = encoded([3, 3, 3], names=["zeta", "alpha", "mu"])
    sampler = episodes.EpisodeSampler(x, y, 2, 1, 2, seed=9)
    assert list(sampler.classes) == ["alpha", "mu", "zeta"]
    assert sampler.num_classes == 3
    assert (sampler.num_ways, sampler.num_shots, sampler.num_queries, sampler.seed) == (2, 1, 2, 9)
    np.testing.assert_array_equal(sampler.x, x)
    np.testing.assert_array_equal(sampler.y, y)


def test_nested_features_stay_together():
    x, y = encoded([4] * 4)
    text = np.array([f"{a}/{b}" for a, b in x])
    nest = {"image": (x, x.astype("float64") / 2), "text": text}
    sampler = episodes.EpisodeSampler(nest, y, 2, 1, 2)
    inputs, _ = next(iter(sampler.as_dataset(3)))
    image, half = inputs["query_x"]["image"]
    assert half.dtype == tf.float64
    np.testing.assert_array_equal(half, image / 2)
    assert inputs["query_x"]["text"].shape == (3, 4)
    joined = [[f"{a}/{b}".encode() for a, b in task] for task in image.numpy()]
    np.testing.assert_array_equal(inputs["query_x"]["text"], joined)


def test_images_are_kept_as_integers_and_scaled_after_the_gather():
    x = np.arange(12, dtype="uint8").reshape(12, 1) * 20
    y = np.repeat([0, 1, 2], 4)
    sampler = episodes.EpisodeSampler(x, y, 2, 1, 3)
    assert sampler.x.dtype == tf.uint8
    query_x = batch(sampler)["query_x"]
    assert query_x.dtype == np.float32
    assert np.isin(query_x, x.astype("float32") / 255).all() and query_x.max() > 0.8


def test_preprocess_replaces_the_default_and_sees_a_plain_batch():
    shapes = []

    def pad(images):
        shapes.append(images.shape)
        return tf.image.resize_with_crop_or_pad(images, 6, 6)

    x, y = np.ones([12, 4, 4, 1], "uint8"), np.repeat([0, 1, 2], 4)
    sampler = episodes.EpisodeSampler(x, y, 2, 1, 3, preprocess=pad)
    inputs, _ = next(iter(sampler.as_dataset(5)))
    assert inputs["query_x"].shape == (5, 6, 6, 6, 1)
    assert inputs["query_x"].dtype == tf.uint8
    assert shapes == [(10, 4, 4, 1), (30, 4, 4, 1)]


def test_rotations_are_classes():
    image = np.array([[1, 2], [3, 4]], "uint8")
    x, y = np.tile(image, [4, 1, 1]), ["a", "a", "b", "b"]
    sampler = episodes.EpisodeSampler(x, y, 8, 1, 1, rotations=True, preprocess=lambda x: x)
    assert sampler.num_classes == 8
    inputs, query_y = sampler.sample(0, 1)
    classes, _ = sampler.describe(0, 1)
    for picture, label in zip(inputs["query_x"][0], query_y[0], strict=True):
        degrees = int(sampler.classes[classes[0, label]].split("@")[1])
        np.testing.assert_array_equal(picture, np.rot90(image, degrees // 90))


def test_seed_determines_the_stream():
    data = encoded([6] * 9)
    first, again, other = (
        batch(episodes.EpisodeSampler(*data, 4, 1, 2, seed=seed))["query_x"] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_large_data_are_captured_and_not_written_into_the_graph():
    x = np.zeros([400, 100, 100], "uint8")
    sampler = episodes.EpisodeSampler(x, np.repeat(np.arange(4), 100), 2, 1, 1)
    graph = tf.function(lambda task: sampler.sample(task, 2)).get_concrete_function(
        tf.TensorSpec([], tf.int64)
    )
    assert graph.graph.as_graph_def().ByteSize() < 100_000


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"num_ways": 4}, ValueError, "`num_ways` must not exceed.*num_ways=4 with 3 classes."),
        ({"num_ways": 1}, ValueError, "`num_ways` must be at least 2. Received: num_ways=1."),
        ({"num_shots": 0}, ValueError, "`num_shots` must be at least 1. Received: num_shots=0."),
        ({"num_queries": 0}, ValueError, "`num_queries` must be at least 1."),
        ({"num_shots": 1.0}, TypeError, "`num_shots` must be an integer. Received: num_shots=1.0."),
        (
            {"num_queries": 4},
            ValueError,
            r"num_shots \+ num_queries = 1 \+ 4 = 5 examples. Received: 2 of 3 classes with fewer: "
            r"'a' \(3\), 'c' \(4\). Add examples, lower",
        ),
        ({"y": ["a", "b"]}, ValueError, r"x of shape \(12, 2\) and y of shape \(2,\)"),
        ({"x": np.zeros([11, 2])}, ValueError, r"x of shape \(11, 2\) and y of shape \(12,\)"),
        ({"x": [np.zeros(2)] * 12}, TypeError, r"Received: a list. Pass `np.asarray\(x\)`"),
        (
            {"x": {"age": np.zeros(12), "pay": (np.full([12, 1], np.nan),)}},
            ValueError,
            r"`x\['pay'\]\[0\]` contains NaN. Received: NaN in row 0.",
        ),
        (
            {"x": np.array([[0] * size for size in range(12)], dtype=object)},
            ValueError,
            "`x` cannot be converted to a tensor. Received: an array of dtype object. All exam",
        ),
        ({"rotations": True}, ValueError, r"square images.*Received: x of shape \(12, 2\)"),
    ],
)
def test_wrong_arguments(changes, error, message):
    x, y = encoded([3, 5, 4], names=["a", "b", "c"])
    arguments = {"x": x, "y": y, "num_ways": 2, "num_shots": 1, "num_queries": 1, **changes}
    with pytest.raises(error, match=message):
        episodes.EpisodeSampler(**arguments)


def test_omniglot_characters_are_told_apart_by_their_pixels(data_folder):
    with np.load(data_folder / "omniglot" / "omniglot28.npz") as data:
        x, y = data["images"][~data["is_background"]], data["character_id"][~data["is_background"]]
    sampler = episodes.EpisodeSampler(x[..., None], y, num_ways=5, num_shots=1, num_queries=15)
    assert sampler.num_classes == 659
    drawn = batch(sampler, 200)
    support, query = (drawn[key].reshape(200, -1, 784) for key in ("support_x", "query_x"))
    distance = (support**2).sum(-1)[:, None] - 2 * query @ support.transpose(0, 2, 1)
    accuracy = (distance.argmin(-1) == drawn["query_y"]).mean()
    assert 0.38 < accuracy < 0.49  # 43.6 % over 2000 episodes


def test_classes_and_examples_are_drawn_from_different_random_streams(monkeypatch):
    sampler = episodes.EpisodeSampler(*encoded([6] * 9), num_ways=4, num_shots=1, num_queries=2)
    uniform, streams = sampler.uniform, []

    def recorded(first_task, num_tasks, shape, stream=0):
        streams.append(stream)
        return uniform(first_task, num_tasks, shape, stream)

    monkeypatch.setattr(sampler, "uniform", recorded)
    sampler.describe(0, 2)
    assert len(streams) == len(set(streams)) == 2


def test_examples_that_stay_on_disk_are_read_as_they_are_drawn(tmp_path):
    """File names in memory, images decoded in parallel while the stream runs."""
    names = []
    for label in range(3):
        for number in range(4):
            image = np.full((6, 5, 1), 50 * label + number, "uint8")
            names.append(str(tmp_path / f"{label}_{number}.png"))
            tf.io.write_file(names[-1], tf.io.encode_png(image))

    def read(name):
        image = tf.io.decode_png(tf.io.read_file(name), channels=1)
        return tf.ensure_shape(image, (6, 5, 1))

    sampler = episodes.EpisodeSampler(
        np.array(names),
        np.repeat(range(3), 4),
        num_ways=2,
        num_shots=1,
        num_queries=2,
        preprocess=lambda files: tf.map_fn(read, files, fn_output_signature=tf.uint8),
    )
    inputs, query_y = next(iter(sampler.as_dataset(batch_size=4)))
    assert inputs["support_x"].shape == (4, 2, 6, 5, 1)
    of_support, of_query = (inputs[key][..., 0, 0, 0] // 50 for key in ("support_x", "query_x"))
    np.testing.assert_array_equal(np.repeat(of_support, 2, axis=1), of_query)
    assert query_y.shape == (4, 4)


@pytest.mark.parametrize("missing", [None, float("nan"), 3])
def test_texts_among_which_some_are_missing(missing):
    x = np.array(["a", "b", missing, "d"], object)
    with pytest.raises(ValueError, match=f"`x` contains text and other.*{missing!r} in row 2"):
        episodes.EpisodeSampler(x, [0, 0, 1, 1], 2, 1, 1)


@pytest.mark.parametrize("dtype", ["O", "U"])
def test_text_that_cannot_be_encoded(dtype):
    x = np.array(["a", "b\ud800", "c", "d"], dtype)
    with pytest.raises(ValueError, match="text that UTF-8 cannot encode. Received: 'b.*in row 1"):
        episodes.EpisodeSampler(x, [0, 0, 1, 1], 2, 1, 1)
