"""The published class lists."""

import pytest

from keras_meta.episodes import datasets

SIZES = {
    "CIFAR_FS": (64, 16, 20),
    "FC100": (60, 20, 20),
    "MINI_IMAGENET": (64, 16, 20),
    "TIERED_IMAGENET": (351, 97, 160),
    "OMNIGLOT": (1028, 172, 423),
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_of_disjoint_splits(name):
    splits = getattr(datasets, name)
    assert list(splits) == ["train", "validation", "test"]
    assert tuple(len(classes) for classes in splits.values()) == SIZES[name]
    assert len(set().union(*splits.values())) == sum(SIZES[name])


def test_cifar_100_has_twenty_superclasses_of_five():
    assert len(datasets.CIFAR_100) == 20
    assert {len(classes) for classes in datasets.CIFAR_100.values()} == {5}
    assert len(set(datasets.CIFAR_100_CLASSES)) == 100
    # The numbers of CIFAR-100 follow the alphabet.
    assert datasets.CIFAR_100_CLASSES[0] == "apple" and datasets.CIFAR_100_CLASSES[99] == "worm"
    for splits in (datasets.CIFAR_FS, datasets.FC100):
        assert set().union(*splits.values()) == set(datasets.CIFAR_100_CLASSES)


def test_fc100_divides_no_superclass():
    parts = {name: split for split, names in datasets.FC100.items() for name in names}
    of_superclass = {
        superclass: {parts[name] for name in names}
        for superclass, names in datasets.CIFAR_100.items()
    }
    assert all(len(splits) == 1 for splits in of_superclass.values())
    assert of_superclass["people"] == of_superclass["insects"] == {"test"}
    assert of_superclass["small_mammals"] == {"validation"}


def test_cifar_fs_as_published():
    assert {"whale", "rocket", "worm"} <= set(datasets.CIFAR_FS["test"])
    assert {"tractor", "sea", "lamp"} <= set(datasets.CIFAR_FS["validation"])
    assert {"apple", "dolphin", "lawn_mower"} <= set(datasets.CIFAR_FS["train"])


def test_tiered_imagenet_divides_no_superclass():
    superclasses = datasets.TIERED_IMAGENET_SUPERCLASSES
    assert [len(part) for part in superclasses.values()] == [20, 6, 8]
    assert len(set().union(*superclasses.values())) == 34


def test_omniglot_is_that_of_the_data(data_folder):
    import numpy as np

    with np.load(data_folder / "omniglot" / "omniglot28.npz") as file:
        of_character = file["vinyals_split_by_character"]
        names, first = file["alphabet_names"][file["alphabet"]], slice(None, None, 20)
        characters = zip(names[first], file["character_in_alphabet"][first], strict=True)
    split_of = {name: split for split, names in datasets.OMNIGLOT.items() for name in names}
    splits = [split_of[f"{alphabet}/character{number:02d}"] for alphabet, number in characters]
    assert splits == [("train", "validation", "test")[code] for code in of_character]
