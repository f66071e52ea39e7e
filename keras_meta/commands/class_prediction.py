"""Predictions of the classes of queries that a user has."""

import keras
import numpy as np

from keras_meta.commands import learner_parts
from keras_meta.episodes.images import scale_images


def logits(learner, support, labels, query):
    """Learns classes and predicts queries.

    Args:
        learner: The learner of a run.
        support: Array of examples, as the data of the run have them.
        labels: Array of ints, their classes.
        query: Array of examples.

    Returns:
        Array `[query, classes]`.

    Raises:
        ValueError: If a prediction is undefined.
    """
    features = keras.tree.map_structure(
        lambda x: scale_images(keras.ops.convert_to_tensor(x))[None], (support, query)
    )
    labels = keras.ops.convert_to_tensor(labels.astype("int32"))[None]
    outputs = learner(
        {"support_x": features[0], "support_y": labels, "query_x": features[1]}, training=False
    )[0]
    found = as_logits(learner, outputs)
    # Of a probability of zero, the logarithm is not finite, but defined.
    undefined = np.isnan(found).any(-1) | (found == np.inf).any(-1)
    if undefined.any():
        raise ValueError(
            "The network gives no finite prediction of a query. A text without words needs a mean "
            "that is defined for none, `keras_meta.layers.MaskedMean`. Received: "
            f"{undefined.sum()} such of {len(undefined)}, the first of which is number "
            f"{undefined.argmax() + 1}."
        )
    return found


def as_logits(learner, outputs):
    """Returns the outputs of a learner as an array of logits, if they are probabilities."""
    # A generated network may end in a softmax, whatever the embedding does.
    generated = getattr(getattr(learner, "generated", None), "model", None)
    if learner_parts.gives_probabilities(generated or learner.model):
        outputs = keras.ops.log(outputs)
    return keras.ops.convert_to_numpy(outputs)
