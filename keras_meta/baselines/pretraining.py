"""Pre-training of a network as a classifier of all classes, without episodes."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.exact.copying import clone
from keras_meta.networks import embedding
from keras_meta.outer_loop.classifier import Classifier


def pretrain_classifier(model, x, y, optimizer="adam", **kwargs):
    """Trains the body of a copy of a model as a classifier of all classes.

    The body gets a temporary head with one output for each class, which is discarded afterwards.

    Args:
        model: A built Sequential or functional `keras.Model` for a task.
        x: Features `[examples, ...]`, as the model takes them.
        y: Labels `[examples]`: integers, strings or any other values that NumPy can sort.
        optimizer: See `keras.Model.compile`.
        **kwargs: Passed to `keras.Model.fit`.

    Returns:
        A `keras.Model` like `model`, with a trained body and the last layer unchanged.

    Example:

    ```python
    import keras_meta

    glyphs = keras_meta.episodes.StrokeGlyphs(5, 1, 2, num_classes=6, examples_per_class=4)
    x = glyphs.preprocess(glyphs.x)
    model = keras_meta.networks.Conv4(num_ways=5, filters=4)
    pretrained = keras_meta.baselines.pretrain_classifier(model, x, glyphs.y, verbose=0)
    ```
    """
    classes, labels = np.unique(y, return_inverse=True)
    copy = clone(model)
    features = embedding(copy)
    head = keras.layers.Dense(len(classes), dtype=copy.layers[-1].dtype_policy)
    classifier = Classifier(_single(features.inputs), head(features.output))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(optimizer, loss, metrics=["accuracy"])
    classifier.fit(keras.tree.map_structure(_tensor_of_texts, x), labels.reshape(-1), **kwargs)
    return copy


def _tensor_of_texts(x):
    """Returns an array of strings as a tensor, because Keras takes no other; all else as it is."""
    is_text = isinstance(x, np.ndarray) and x.dtype.kind in "USO"
    return tf.convert_to_tensor(x) if is_text else x


def _single(inputs):
    return inputs[0] if len(inputs) == 1 else inputs
