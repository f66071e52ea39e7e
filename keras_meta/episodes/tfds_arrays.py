"""Loading of data sets from TensorFlow Datasets."""

import importlib
import os

import numpy as np
import tensorflow as tf

from keras_meta.episodes.images import check_color_mode, check_image_size, convert_image

_BATCH_SIZE = 256


def from_tfds(
    name_or_builder, split="train", image_size=None, color_mode=None, label=None, data_dir=None
):
    """Loads a split of a data set of TensorFlow Datasets into memory.

    Args:
        name_or_builder: String, such as `"omniglot"`, or a `tfds.core.DatasetBuilder`. A data set
            that is given by name is downloaded and prepared if necessary; a builder must already be
            prepared.
        split: String. The split, in the notation of TensorFlow Datasets: `"train"`,
            `"train+test"`, `"train[:50%]"`.
        image_size: Integer for a square or a pair `(height, width)`, in pixels, to which images
            are resized. By default they keep their size.
        color_mode: `"grayscale"` or `"rgb"`. By default images keep their channels.
        label: String. The feature that is the class, if there are several candidates, such as
            `"alphabet"` of Omniglot. Defaults to the target of supervised learning that the data
            set declares.
        data_dir: String or path of the folder of prepared data sets, for a data set that is given
            by name.

    Returns:
        A tuple `(x, y)` of arrays to pass to `EpisodeSampler`, in the order of the data set.

    Raises:
        ValueError: If the data set declares no input and target feature, has no feature `label`, or
            has images of different sizes and no `image_size` is given.
        ImportError: If TensorFlow Datasets, which loads a data set by name, is not installed.

    Example:

    ```python
    import tensorflow_datasets as tfds
    from keras_meta import episodes

    with tfds.testing.mock_data(num_examples=5):  # random data; leave out this line for real data
        x, y = episodes.from_tfds("mnist", split="train", image_size=14)
    print(x.shape, y.shape)  # (5, 14, 14, 1) (5,)
    ```
    """
    if image_size is not None:
        image_size = check_image_size(image_size)
    if color_mode is not None:
        check_color_mode(color_mode)
    if isinstance(name_or_builder, str):
        dataset, info = import_tfds().load(
            name_or_builder, split=split, data_dir=data_dir, with_info=True, shuffle_files=False
        )
    else:
        dataset = name_or_builder.as_dataset(split=split, shuffle_files=False)
        info = name_or_builder.info
    x_name, y_name = _feature_names(info, label)

    def convert(example):
        x = example[x_name]
        if x.shape.rank == 3 and x.dtype == tf.uint8:
            x = convert_image(x, image_size, color_mode)
        return x, example[y_name]

    dataset = dataset.map(convert, num_parallel_calls=os.cpu_count())
    x_shape = dataset.element_spec[0].shape
    if not x_shape.is_fully_defined():
        raise ValueError(
            f"The examples of {info.name!r} do not all have the same shape. Received: feature "
            f"{x_name!r} of shape {x_shape}. Pass `image_size` to resize images."
        )
    x, y = zip(*dataset.batch(_BATCH_SIZE).as_numpy_iterator(), strict=True)
    return np.concatenate(x), np.concatenate(y)


def import_tfds():
    """Returns the module `tensorflow_datasets`: an extra, whose import takes seconds.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return importlib.import_module("tensorflow_datasets")
    except ModuleNotFoundError as error:
        if error.name != "tensorflow_datasets":
            raise
        raise ImportError(
            "Published data sets need TensorFlow Datasets: pip install keras-meta[datasets]. "
            f"Received: no module named {error.name!r}."
        ) from error


def _feature_names(info, label):
    """Returns the names of the features that are the example and its class."""
    features = sorted(info.features.keys())
    keys = info.supervised_keys
    if keys is None or not all(isinstance(key, str) for key in keys):
        raise ValueError(
            f"The data set {info.name!r} does not declare one input and one target feature. "
            f"Received: supervised_keys={keys}, features {features}. Load it with `tfds.load` and "
            "pass the arrays to `EpisodeSampler`."
        )
    if label is not None and label not in features:
        raise ValueError(
            f"`label` must be a feature of {info.name!r}. Received: label={label!r}, features "
            f"{features}."
        )
    return keys[0], keys[1] if label is None else label
