"""Omniglot, drawings of 1,623 characters of 50 alphabets."""

from pathlib import Path

import numpy as np

from keras_meta.episodes.datasets.class_selection import absent, classes_of, rows_of
from keras_meta.episodes.datasets.omniglot_classes import OMNIGLOT
from keras_meta.episodes.directory import image_files, read_all
from keras_meta.episodes.images import check_image_size

_ACCEPTED = (
    "the path of the folder that holds `images_background` and `images_evaluation`, or of an .npz "
    "file with arrays `images`, `alphabet`, `alphabet_names` and `character_in_alphabet`"
)


def omniglot(path, split="train", image_size=28):
    """Loads a split of Omniglot: 1,028, 172 and 423 characters, with 20 drawings each.

    The split is that of Vinyals et al., as is usual; its class lists are `datasets.OMNIGLOT`.
    Papers that select nothing on validation tasks train on `"train+validation"`, 1,200 characters,
    with `EpisodeSampler(..., rotations=True)`.

    Args:
        path: Path of the data: a folder with `images_background` and `images_evaluation` as its
            authors publish them, or an .npz file with arrays `images` `[drawings, 28, 28]`,
            `alphabet` and `character_in_alphabet` `[drawings]` and `alphabet_names`.
        split: `"train"`, `"validation"`, `"test"`, or several of them joined by `+`.
        image_size: Integer for a square or a pair `(height, width)`, in pixels, to which drawings
            in a folder are resized.

    Returns:
        A tuple `(x, y)` to pass to `EpisodeSampler`: a `uint8` array `[drawings, height, width, 1]`
        with ink 255 on 0, and an array of names such as `"Greek/character07"`.

    Raises:
        ValueError: If the data are absent, cannot be read or lack a character, or there is no such
            split.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    alphabets, numbers = zip(*(name.split("/character") for split in ("train", "validation", "test")
                               for name in episodes.datasets.OMNIGLOT[split]))
    names, alphabet = np.unique(alphabets, return_inverse=True)
    np.savez("omniglot.npz", images=np.zeros((1623, 28, 28), "uint8"), alphabet=alphabet,
             alphabet_names=names, character_in_alphabet=np.array(numbers, int))
    x, y = episodes.datasets.omniglot("omniglot.npz", split="validation")
    print(x.shape)  # (172, 28, 28, 1)
    ```

    Reference:
        [Lake et al., 2015](https://doi.org/10.1126/science.aab3050);
        [Vinyals et al., 2016](https://arxiv.org/abs/1606.04080) (the split)
    """
    classes, path = classes_of(OMNIGLOT, split), Path(path)
    size = check_image_size(image_size)
    if not path.exists():
        raise absent("Omniglot", path, _ACCEPTED)
    if path.is_file():
        return _from_npz(path, classes, size)
    files, labels = image_files(path)
    labels = np.array(["/".join(label.split("/")[-2:]) for label in labels])
    rows = rows_of("Omniglot", path, labels, classes)
    x = read_all(files[rows], size, "grayscale")
    # Published as black ink on white paper.
    return 255 - x if x.mean() > 127 else x, labels[rows]


def _from_npz(path, classes, size):
    with np.load(path, allow_pickle=False) as file:
        missing = {"images", "alphabet", "alphabet_names", "character_in_alphabet"} - set(file)
        if missing:
            raise ValueError(
                f"{path} lacks arrays of Omniglot. Received: {sorted(file)}, without "
                f"{sorted(missing)}. Pass {_ACCEPTED}."
            )
        x, alphabets = file["images"], file["alphabet_names"][file["alphabet"]]
        labels = np.array(
            [
                f"{alphabet}/character{number:02d}"
                for alphabet, number in zip(alphabets, file["character_in_alphabet"], strict=True)
            ]
        )
    if x.shape[1:3] != size:
        raise ValueError(
            f"Drawings in an .npz file keep their size. Received: image_size={size} and {path} "
            f"with drawings of {x.shape[1:3]}."
        )
    rows = rows_of("Omniglot", path, labels, classes)
    x = x[rows]
    return x if x.ndim == 4 else x[..., None], labels[rows]
