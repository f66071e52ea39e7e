"""Recurrent layers without a graph loop over short sequences."""

import keras

from keras_meta.exact.private import INNER_LOOP, sublayers
from keras_meta.exact.replacement import replaced

# Each step of a sequence is traced, once for each derivative, which takes about 0.1 s. In a loop,
# a third of the time of small layers goes into the loop itself.
_LONGEST = 32


def recurrences(model):
    """Returns the recurrent layers of `model` that loop."""
    return [x for x in sublayers(model) if isinstance(x, keras.layers.RNN) and not x.unroll]


def replacements(layers):
    """Returns what to replace during a call: triples `(object, attribute name, value)`.

    Args:
        layers: What `recurrences` returned.
    """

    def replacement(layer):
        def inner_loop(sequences, *args, **kwargs):
            short = (sequences.shape[1] or _LONGEST + 1) <= _LONGEST
            with replaced([(layer, "unroll", True)] if short else []):
                return type(layer).inner_loop(layer, sequences, *args, **kwargs)

        return inner_loop

    return [(layer, INNER_LOOP, replacement(layer)) for layer in layers]
