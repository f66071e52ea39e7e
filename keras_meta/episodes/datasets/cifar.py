"""CIFAR-FS and FC100, two splits of the classes of CIFAR-100."""

from pathlib import Path

import keras
import numpy as np

from keras_meta.episodes.datasets.cifar_classes import CIFAR_100_CLASSES, CIFAR_FS, FC100
from keras_meta.episodes.datasets.class_selection import absent, classes_of, rows_of
from keras_meta.episodes.datasets.data_files import read_npz, read_pickle
from keras_meta.episodes.directory import image_files, read_all

_SIZE = (32, 32)
_ACCEPTED = (
    "the path of CIFAR-100: a folder of class folders, the folder `cifar-100-python`, or an .npz "
    "file with arrays `images` and `labels`; or `download=True` to let Keras download it"
)


def cifar_fs(path=None, split="train", download=False):
    """Loads a split of CIFAR-FS: 64, 16 and 20 classes of CIFAR-100, chosen at random.

    A class has 600 images of 32x32 pixels, which CIFAR-100 divides into 500 for training and 100
    for test; both are used. The class lists are `datasets.CIFAR_FS`.

    Args:
        path: Path of CIFAR-100: a folder of class folders, which may lie in folders `train` and
            `test`; the folder `cifar-100-python` of its authors; or an .npz file with arrays
            `images` and `labels`, which are names or the numbers of CIFAR-100.
        split: `"train"`, `"validation"`, `"test"`, or several of them joined by `+`.
        download: bool. Whether to let `keras.datasets.cifar100` provide the data, from its cache or
            the network, if there is no `path`.

    Returns:
        A tuple `(x, y)` to pass to `EpisodeSampler`: a `uint8` array `[images, 32, 32, 3]` and an
        array of class names.

    Raises:
        ValueError: If the data are absent, cannot be read or lack a class, or there is no such
            split.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    classes = episodes.datasets.CIFAR_100_CLASSES
    images = np.zeros((200, 32, 32, 3), "uint8")  # stands for the data
    np.savez("cifar100.npz", images=images, labels=np.repeat(classes, 2))
    x, y = episodes.datasets.cifar_fs("cifar100.npz", split="validation")
    print(x.shape, y[0])  # (32, 32, 32, 3) beaver
    ```

    Reference:
        [Bertinetto et al., 2019](https://arxiv.org/abs/1805.08136)
    """
    return _load("CIFAR-FS", path, classes_of(CIFAR_FS, split), download)


def fc100(path=None, split="train", download=False):
    """Loads a split of FC100: 60, 20 and 20 classes of CIFAR-100, by superclass.

    No superclass is in two splits, so that classes for testing resemble those for training less
    than in CIFAR-FS. The class lists are `datasets.FC100`.

    Args:
        path: See `cifar_fs`.
        split: See `cifar_fs`.
        download: See `cifar_fs`.

    Returns:
        A tuple `(x, y)`. See `cifar_fs`.

    Raises:
        ValueError: See `cifar_fs`.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    labels = np.arange(100)  # CIFAR-100 numbers its classes by name
    np.savez("cifar100.npz", images=np.zeros((100, 32, 32, 3), "uint8"), labels=labels)
    x, y = episodes.datasets.fc100("cifar100.npz", split="test")
    print(x.shape, y[0])  # (20, 32, 32, 3) baby
    ```

    Reference:
        [Oreshkin et al., 2018](https://arxiv.org/abs/1805.10123)
    """
    return _load("FC100", path, classes_of(FC100, split), download)


def _load(name, path, classes, download):
    if path is None and download:
        return _selected(name, "keras.datasets.cifar100", *_from_keras(), classes)
    if path is None or not Path(path).exists():
        raise absent(name, path, _ACCEPTED)
    path = Path(path)
    if path.is_file():
        return _selected(name, path, *read_npz(path), classes)
    if (path / "meta").is_file():
        return _selected(name, path, *_from_authors(path), classes)
    files, labels = image_files(path)
    labels = np.array([label.split("/")[-1] for label in labels])
    rows = rows_of(name, path, labels, classes)
    return read_all(files[rows], _SIZE, "rgb"), labels[rows]


def _selected(name, source, x, y, classes):
    if y.dtype.kind in "iu":
        if y.min() < 0 or y.max() >= len(CIFAR_100_CLASSES):
            raise ValueError(
                "Labels that are numbers must be those of CIFAR-100, 0 to 99. Received: "
                f"{source} with labels from {y.min()} to {y.max()}."
            )
        y = np.array(CIFAR_100_CLASSES)[y]
    rows = rows_of(name, source, y, classes)
    return x[rows], y[rows]


def _from_keras():
    parts = keras.datasets.cifar100.load_data(label_mode="fine")
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return x, y.reshape(-1)


def _from_authors(path):
    """Reads the pickles of the authors of CIFAR-100, in which an image is a row, channels first."""
    parts = [read_pickle(path / part) for part in ("train", "test")]
    x = np.concatenate([part["data"] for part in parts]).reshape(-1, 3, *_SIZE)
    return x.transpose(0, 2, 3, 1), np.concatenate([part["fine_labels"] for part in parts])
