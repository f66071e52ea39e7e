"""Turns the data that the user names into distributions of tasks."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from keras_meta import episodes
from keras_meta.commands import (
    archives,
    class_tasks,
    data_kinds,
    language_data,
    memory,
    networks,
    splits,
    table_data,
    text_data,
)
from keras_meta.episodes import tfds_arrays


def load(config):
    """Makes the task distributions of a run.

    Args:
        config: dict, the options of `keras-meta train`.

    Returns:
        A function `(split, num_queries=None)` that returns the `TaskDistribution` of a split, with
        the sizes of the run unless others are given. Of classes, it also takes `num_shots` and
        `num_ways`; of sinusoids, tables and languages, `num_shots`.

    Raises:
        ValueError: If the data cannot be read, do not fit into memory or cannot fill episodes.
    """
    if config["data"] == "sinusoid":
        return _sinusoid(config)
    if config["data"] == "glyphs":
        return _glyphs(config)
    if data_kinds.is_table(config):
        return table_data.load(config)
    if data_kinds.is_languages(config):
        return language_data.load(config)
    if data_kinds.is_text(config):
        x, y, parts = text_data.read(config)
    else:
        x, y, parts = _arrays(config)
        splits.check_unchanged(config, [str(label) for label in y.tolist()], "labels")
    if config["network"] in networks.OF_IMAGES and x.ndim == 3:
        x = x[..., None]
    # uint8 images are scaled to 0..1 on their way to the model; other values stay as they are.
    config.setdefault("feature_dtype", str(x.dtype))
    if parts is None:
        parts = splits.by_class(y, config["seed"], class_tasks.ways(config, "validation"))
    return class_tasks.distribution(config, x, y, parts)


def check_images(count, image_size, channels):
    """Raises if the images of a folder or data set do not fit into memory.

    Args:
        count: int. Number of images.
        image_size: int or pair `(height, width)`, in pixels.
        channels: int.

    Raises:
        ValueError: If they do not fit.
    """
    height, width = (image_size,) * 2 if isinstance(image_size, int) else image_size
    memory.check_fits(
        memory.COPIES_OF_DATA * count * height * width * channels,
        f"{count:,} images of {height} x {width} pixels and {channels} channels",
        "Use a smaller --image-size or fewer images.",
    )


def _sinusoid(config):
    def distribution(split, num_queries=None, num_shots=None):
        shots, queries = num_shots or config["shots"], num_queries or config["queries"]
        memory.check_fits(
            8 * config["batch_size"] * (shots + queries),  # x and y, in float32
            f"{config['batch_size']:,} sine waves of {shots:,} + {queries:,} points",
            "Choose smaller values of --shots, --queries or --batch-size.",
        )
        return episodes.Sinusoid(shots, queries, seed=splits.split_seed(config, split))

    return distribution


def _glyphs(config):
    def distribution(split, num_queries=None, num_shots=None, num_ways=None):
        return episodes.StrokeGlyphs(
            num_ways or class_tasks.ways(config, split),
            num_shots or config["shots"],
            num_queries or config["queries"],
            num_classes=300 if split == "train" else 100,
            split=split,
            seed=config["seed"],
        )

    return distribution


def _arrays(config):
    """Returns `(x, y, rows of each split or None)`."""
    data = config["data"]
    if data.startswith("tfds:"):
        return *_from_tfds(data.removeprefix("tfds:"), config), None
    if Path(data).is_dir():
        return *_from_folder(data, config), None
    if Path(data).is_file() and data.endswith(".npz"):
        return _from_npz(data, config)
    kind = "a file other than .npz and .csv" if Path(data).is_file() else "nothing there"
    raise ValueError(
        "--data must be `sinusoid`, `glyphs`, `languages`, a folder of class folders or of .txt "
        "files, an .npz file, a .csv file or `tfds:NAME`. "
        f"Received: {data} ({kind})."
    )


def _channels(config):
    return 1 if config["color_mode"] == "grayscale" else 3


def _from_folder(path, config):
    files, _ = episodes.image_files(path)
    check_images(len(files), config["image_size"], _channels(config))
    return episodes.from_directory(path, config["image_size"], config["color_mode"])


def _from_npz(path, config):
    try:
        archives.check_arrays(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        reason = str(error).rstrip(".")
        raise ValueError(
            f"The file cannot be read as .npz. Received: {path}: {reason}. Write it with "
            "`numpy.savez(path, x=x, y=y)`, from arrays without Python objects."
        ) from error
    for option in ("x_key", "y_key"):
        if config[option] not in arrays:
            raise ValueError(
                f"The file lacks an array. Received: {path} with arrays {sorted(arrays)}, without "
                f"{config[option]!r}. Name it with --{option.replace('_', '-')}."
            )
    x, y = arrays[config["x_key"]], arrays[config["y_key"]]
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ValueError(
            f"Each example needs one label. Received: {path} with {config['x_key']!r} of "
            f"shape {x.shape} and {config['y_key']!r} of shape {y.shape}."
        )
    return x, y, splits.by_name(path, y, arrays.get("split"))


def _from_tfds(name, config):
    tfds = tfds_arrays.import_tfds()
    try:
        builder = tfds.builder(name, data_dir=config["tfds_folder"])
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(
            f"TensorFlow Datasets has no data set of this name. Received: tfds:{name}. The names "
            "are listed at https://www.tensorflow.org/datasets/catalog."
        ) from error
    if not builder.is_prepared():
        _prepare(builder, name)
    if builder.info.splits:
        count = builder.info.splits[config["tfds_split"]].num_examples
        check_images(count, config["image_size"], _channels(config))
    return episodes.from_tfds(
        builder, config["tfds_split"], config["image_size"], config["color_mode"]
    )


def _prepare(builder, name):
    try:
        builder.download_and_prepare()
    # Each data set downloads and reads in its own way, and fails in its own way.
    except Exception as error:
        reason = str(error).strip().splitlines() or [""]
        raise ValueError(
            "The data set is not prepared on this machine, and preparing it failed. Received: "
            f"tfds:{name}: {type(error).__name__}: {reason[0]} Prepare it on a machine with "
            f"network access with `tfds build {name}`, and name its folder with --tfds-folder."
        ) from error
