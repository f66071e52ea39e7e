"""Rotated images as new classes."""

import numpy as np


def with_rotations(x, y):
    """Adds every image rotated by 90, 180 and 270 degrees, as examples of new classes.

    This is the usual augmentation of Omniglot. There are four times as many classes, because the
    four orientations of a character are different classes. Split the classes first and rotate
    within each split, so that no character is in two of them.

    Args:
        x: Array of square images `[examples, size, size]` or `[examples, size, size, channels]`.
        y: Array of labels `[examples]`.

    Returns:
        A tuple `(x, y)` with four times as many examples. The labels are strings: class `"a"`
        becomes `"a@0"`, `"a@90"`, `"a@180"` and `"a@270"`, in degrees counter-clockwise.

    Raises:
        ValueError: If `x` is not an array of square images.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    x, y = episodes.with_rotations(np.zeros([2, 28, 28, 1], "uint8"), ["alpha", "beta"])
    print(len(x), y[2])  # 8 alpha@90
    ```

    Reference:
        Santoro, Bartunov, Botvinick, Wierstra, Lillicrap: "Meta-Learning with Memory-Augmented
        Neural Networks", ICML 2016.
    """
    shape = np.shape(x) if not isinstance(x, (dict, tuple)) else type(x).__name__
    if isinstance(shape, str) or len(shape) not in (3, 4) or shape[1] != shape[2]:
        raise ValueError(
            "`x` must be one array of square images, [examples, size, size] or "
            f"[examples, size, size, channels]. Received: x of shape {shape}."
        )
    turns = range(4)
    x = np.concatenate([np.rot90(x, turn, axes=(1, 2)) for turn in turns])
    # The unrotated class also gets a suffix, so that no new label can equal an old one.
    y = np.concatenate([np.char.add(np.asarray(y).astype(str), f"@{90 * turn}") for turn in turns])
    return x, y
