"""Keras masks of predictions, which every operation on a tensor loses."""

import tensorflow as tf

from keras_meta.exact import private


def masks(nest):
    """Returns the Keras mask of each tensor of a nest, or `None` for a tensor without one."""
    return tf.nest.map_structure(private.keras_mask, nest)


def with_masks(nest, masks):
    """Attaches a Keras mask to each tensor of a nest, and returns the nest.

    Args:
        nest: Nest of tensors.
        masks: The same nest of bool tensors, or `None` for a tensor without a mask.
    """
    for x, mask in zip(tf.nest.flatten(nest), tf.nest.flatten(masks), strict=True):
        if mask is not None:
            private.set_keras_mask(x, mask)
    return nest


def carried(function, nest, of_mask=None):
    """Applies a function to each tensor of a nest, and to its Keras mask.

    Args:
        function: Callable, tensor to tensor, which is not called for `None`.
        nest: Nest of tensors or `None`.
        of_mask: Callable for the masks. Defaults to `function`.

    Returns:
        Nest of tensors with masks where `nest` has them.
    """
    of_mask = function if of_mask is None else of_mask

    def apply(x):
        if x is None:
            return None
        mask = private.keras_mask(x)
        return with_masks(function(x), None if mask is None else of_mask(mask))

    return tf.nest.map_structure(apply, nest)
