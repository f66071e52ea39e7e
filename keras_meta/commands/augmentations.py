"""Random changes of training images, by their names on the command line."""

NAMES = ("crop", "jitter", "flip", "erasing")
STANDARD = "crop,jitter,flip"
# As in the literature: 4 pixels of 32.
_PADDING = 1 / 8


def changes(names, shape):
    """Returns the list of changes for `EpisodeSampler(augment=...)`, or `None`.

    Args:
        names: List of some of `NAMES`, or `None`.
        shape: Tuple, the shape of an image.
    """
    if names is None:
        return None
    # Imported here because it imports TensorFlow, which the help need not wait for.
    from keras_meta.episodes import augmentation

    made = {
        "crop": lambda: augmentation.RandomCrop(max(1, round(_PADDING * shape[0]))),
        "jitter": augmentation.ColorJitter,
        "flip": augmentation.RandomFlip,
        "erasing": augmentation.RandomErasing,
    }
    return [made[name]() for name in names]
