"""What other callbacks remember, as far as their attributes show it."""

import json

import numpy as np

from keras_meta.exact.private import callback_attributes

# The sign of `min_delta` is set when a callback first looks at its metric, and again after a
# restart: it follows from the arguments.
_FOLLOWS_FROM_ARGUMENTS = ("min_delta",)


def read(callback):
    """Returns the attributes of a callback that are plain values, and those that are arrays.

    Args:
        callback: `keras.callbacks.Callback`.

    Returns:
        Tuple of dicts `(values, arrays)`: name to JSON text, and name to list of arrays.
    """
    values, arrays = {}, {}
    for name, value in callback_attributes(callback).items():
        if name in _FOLLOWS_FROM_ARGUMENTS:
            continue
        if isinstance(value, list) and value and all(isinstance(x, np.ndarray) for x in value):
            arrays[name] = [x.copy() for x in value]
            continue
        try:
            values[name] = json.dumps(value, default=_number)
        except (TypeError, ValueError):
            pass  # The model, a function, an open file.
    return values, arrays


def write(callback, values, arrays):
    """Gives a callback the attributes that `read` returned."""
    for name, text in values.items():
        setattr(callback, name, json.loads(text))
    for name, value in arrays.items():
        setattr(callback, name, value)


def _number(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError
