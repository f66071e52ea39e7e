"""mini-ImageNet and tiered-ImageNet, from images or from the archives in circulation."""

import re
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_meta.episodes.datasets.class_selection import absent, classes_of, rows_of
from keras_meta.episodes.datasets.data_files import read_npz, read_pickle
from keras_meta.episodes.datasets.mini_imagenet_classes import MINI_IMAGENET
from keras_meta.episodes.datasets.tiered_imagenet_classes import TIERED_IMAGENET
from keras_meta.episodes.directory import read_all, sorted_images
from keras_meta.episodes.images import check_image_size, convert_image

_WORDNET = re.compile(r"n\d{8}")
# What the archives call the splits.
_SHORT = {"train": "train", "validation": "val", "test": "test"}


def mini_imagenet(path, split="train", image_size=84, in_memory=True):
    """Loads a split of mini-ImageNet: 64, 16 and 20 classes with 600 images each.

    The split is that of Ravi and Larochelle, as is usual; its class lists are
    `datasets.MINI_IMAGENET`. Data are not downloaded: the licence of ImageNet forbids passing them
    on.

    Args:
        path: Path of the data, one of
            *   a folder of images, in any subfolders, where the WordNet number of the class, such
                as `n01532829`, is the name of its folder or begins the name of the file;
            *   a folder with `mini-imagenet-cache-train.pkl`, `...-val.pkl` and `...-test.pkl`;
            *   a folder with `miniImageNet_category_split_train_phase_train.pickle`,
                `miniImageNet_category_split_val.pickle` and `..._test.pickle`;
            *   an .npz file with arrays `images` and `labels`, the WordNet numbers.
        split: `"train"`, `"validation"`, `"test"`, or several of them joined by `+`.
        image_size: Integer for a square or a pair `(height, width)`, in pixels, to which images of
            another size are resized.
        in_memory: bool. If `False`, a folder of images is not read: `x` are the names of files, to
            be given to `EpisodeSampler` with `preprocess=read_images(...)`.

    Returns:
        A tuple `(x, y)` to pass to `EpisodeSampler`: a `uint8` array `[images, height, width, 3]`
        (0.8 gigabytes for training) or file names, and an array of class names.

    Raises:
        ValueError: If the data are absent, cannot be read or lack a class, or there is no such
            split.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    classes = episodes.datasets.MINI_IMAGENET["test"]
    images = np.zeros((20, 84, 84, 3), "uint8")  # stands for the data
    np.savez("mini.npz", images=images, labels=classes)
    x, y = episodes.datasets.mini_imagenet("mini.npz", split="test", image_size=32)
    print(x.shape, y[0])  # (20, 32, 32, 3) n01930112
    ```

    Reference:
        [Vinyals et al., 2016](https://arxiv.org/abs/1606.04080);
        [Ravi, Larochelle, 2017](https://openreview.net/forum?id=rJY0-Kcll) (the split)
    """
    return _load("mini-ImageNet", path, MINI_IMAGENET, split, image_size, in_memory, _read_mini)


def tiered_imagenet(path, split="train", image_size=84, in_memory=True):
    """Loads a split of tiered-ImageNet: 351, 97 and 160 classes, by superclass.

    No superclass is in two splits. The class lists are `datasets.TIERED_IMAGENET`.

    Args:
        path: Path of the data, one of
            *   a folder of images, as of `mini_imagenet`, for example of ImageNet's training set;
            *   a folder with `train_images_png.pkl` or `train_images.npz`, with `train_labels.pkl`,
                and the same for `val` and `test`;
            *   an .npz file with arrays `images` and `labels`, the WordNet numbers.
        split: See `mini_imagenet`.
        image_size: See `mini_imagenet`.
        in_memory: See `mini_imagenet`. The images for training are 9.5 gigabytes.

    Returns:
        A tuple `(x, y)`. See `mini_imagenet`.

    Raises:
        ValueError: See `mini_imagenet`.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    classes = episodes.datasets.TIERED_IMAGENET["validation"]
    images = np.zeros((97, 84, 84, 3), "uint8")  # stands for the data
    np.savez("tiered.npz", images=images, labels=classes)
    x, y = episodes.datasets.tiered_imagenet("tiered.npz", split="validation", image_size=32)
    print(x.shape)  # (97, 32, 32, 3)
    ```

    Reference:
        [Ren et al., 2018](https://arxiv.org/abs/1803.00676)
    """
    return _load(
        "tiered-ImageNet", path, TIERED_IMAGENET, split, image_size, in_memory, _read_tiered
    )


def _load(name, path, splits, split, image_size, in_memory, read_archives):
    """Loads a split from images, from an .npz file, or else by `read_archives(folder, part)`."""
    classes, path = classes_of(splits, split), Path(path)
    size = check_image_size(image_size)
    if not path.exists():
        raise absent(name, path, "the path of a folder or of an .npz file that holds them")
    if path.is_dir():
        parts = [(part, read_archives(path, _SHORT[part])) for part in split.split("+")]
        if all(archive is None for _, archive in parts):
            return _from_images(name, path, classes, size, in_memory)
    if not in_memory:
        raise ValueError(
            "Only images that are files of their own can stay on disk. Use in_memory=True. "
            f"Received: in_memory=False and {path}."
        )
    if path.is_file():
        x, y = read_npz(path)
        rows = rows_of(name, path, y, classes)
        return _resized(x[rows], size), y[rows]
    for part, archive in parts:
        number = 0 if archive is None else len(np.unique(archive[1]))
        if number != len(splits[part]):
            raise ValueError(
                f"The {part} split of {name} has {len(splits[part])} classes. Received: {path} "
                f"with {number} classes in its archive{'' if number else ', which is missing'}."
            )
    x = np.concatenate([_resized(archive[0], size) for _, archive in parts])
    # Archives may number the classes of each split from 0.
    return x, np.concatenate([_named(part, archive[1]) for part, archive in parts])


def _named(part, labels):
    return labels if labels.dtype.kind == "U" else np.array([f"{part}-{k:03d}" for k in labels])


def _from_images(name, path, classes, size, in_memory):
    names = sorted_images(path)
    labels = np.array([_wordnet_number(Path(file)) for file in names], "U9")
    rows = rows_of(name, path, labels, classes)
    files = np.array([str(path / names[row]) for row in rows])
    return read_all(files, size, "rgb") if in_memory else files, labels[rows]


def _wordnet_number(file):
    for part in (file.parent.name, file.name):
        match = _WORDNET.match(part)
        if match:
            return match[0]
    return ""


def _read_mini(folder, part):
    """Reads a split from the archives of mini-ImageNet, or returns `None` if there is none."""
    phase = "train_phase_train" if part == "train" else part
    for name in (f"mini-imagenet-cache-{part}.pkl", f"miniImageNet_category_split_{phase}.pickle"):
        if not (folder / name).is_file():
            continue
        content = read_pickle(folder / name)
        if "class_dict" in content:
            rows = content["class_dict"]
            x = content["image_data"][np.concatenate([rows[c] for c in sorted(rows)])]
            return x, np.repeat(sorted(rows), [len(rows[c]) for c in sorted(rows)])
        return np.asarray(content["data"]), np.asarray(content["labels"])
    return None


def _read_tiered(folder, part):
    """Reads a split from the archives of tiered-ImageNet, or returns `None` if there is none."""
    encoded, plain = folder / f"{part}_images_png.pkl", folder / f"{part}_images.npz"
    if not (encoded.is_file() or plain.is_file()):
        return None
    labels = read_pickle(folder / f"{part}_labels.pkl")
    if encoded.is_file():
        x = np.stack([_decoded(image) for image in read_pickle(encoded)])
    else:
        with np.load(plain, allow_pickle=False) as file:
            x = file["images"]
    y = np.asarray(labels["label_specific"] if "label_specific" in labels else labels["labels"])
    return x, np.asarray(labels["label_specific_str"])[y] if "label_specific_str" in labels else y


def _decoded(image):
    return tf.io.decode_png(np.asarray(image, "uint8").tobytes(), channels=3).numpy()


def _resized(x, size):
    if x.shape[1:3] == size:
        return x
    return np.stack([convert_image(tf.constant(image), size, "rgb").numpy() for image in x])
