"""Columns of a table as tensors from which rows are gathered."""

import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_meta.episodes.table_columns import Numbers

_NOT_IN_NAMES = re.compile("[^A-Za-z0-9_]")


class NumberTensor(NamedTuple):
    """A column of numbers.

    Attributes:
        values: float32 tensor `[rows]`.
    """

    values: tf.Tensor

    def gather(self, rows):
        """Returns the numbers of rows, a tensor of the shape of `rows`."""
        return tf.gather(self.values, rows)


class StringTensor(NamedTuple):
    """A column of strings, each distinct one of which is stored once.

    Attributes:
        names: String tensor `[names]`.
        numbers: int32 tensor `[rows]`.
    """

    names: tf.Tensor
    numbers: tf.Tensor

    def gather(self, rows):
        """Returns the strings of rows, a tensor of the shape of `rows`."""
        return tf.gather(self.names, tf.gather(self.numbers, rows))


def feature_name(column):
    """Returns the name of a column as a feature, without what Keras and TensorFlow forbid in names.

    Signs become `_`, and letters that are not of ASCII their code points.

    Example:

    ```python
    from keras_meta.episodes.table_tensors import feature_name

    assert feature_name("age (years)") == "age__years_" and feature_name("größe") == "gruf6udfe"
    ```
    """

    def permitted(match):
        character = match[0]
        return f"u{ord(character):x}" if character.isalnum() else "_"

    return _NOT_IN_NAMES.sub(permitted, column)


def present_name(column):
    """Returns the name of the feature of 0 and 1 that says where a column has values."""
    return f"{feature_name(column)}_present"


def table_tensors(columns, masked=False):
    """Returns the features of a table as tensors.

    Args:
        columns: dict, name to `Numbers` or `Categories`.
        masked: bool. Whether each column of numbers `c` is accompanied by `c_present`, which is 0
            where it lacks a value; it is 0 there itself.

    Returns:
        dict, `feature_name` to `NumberTensor` or `StringTensor`.
    """
    found = {}
    for name, column in columns.items():
        if not isinstance(column, Numbers):
            found[feature_name(name)] = StringTensor(
                tf.constant(column.names), tf.constant(column.numbers)
            )
            continue
        missing = np.isnan(column.values)
        values = tf.constant(np.where(missing, 0, column.values), tf.float32)
        found[feature_name(name)] = NumberTensor(values)
        if masked:
            found[present_name(name)] = NumberTensor(tf.constant(~missing, tf.float32))
    return found
