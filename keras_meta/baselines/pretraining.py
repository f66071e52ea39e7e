"""What all classes together teach a network, without episodes."""

import keras
import numpy as np

from keras_meta.networks import embedding
from keras_meta.serving.adapted_model import clone


def pretrain_classifier(model, x, y, optimizer="adam", **kwargs):
    """Trains a copy of a model, but for its head, as a classifier of all classes.

    Args:
        model: A built Sequential or functional `keras.Model` for a task.
        x: Features `[examples, ...]`, as the model takes them.
        y: Labels `[examples]`, whatever tells the classes apart.
        optimizer: See `keras.Model.compile`.
        **kwargs: Passed to `keras.Model.fit`.

    Returns:
        A `keras.Model` like `model`, whose last layer is still as it was.

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
    classifier = keras.Model(_single(features.inputs), head(features.output))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(optimizer, loss, metrics=["accuracy"])
    classifier.fit(x, labels.reshape(-1), **kwargs)
    return copy


def _single(inputs):
    return inputs[0] if len(inputs) == 1 else inputs
