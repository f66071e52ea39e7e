"""A step of whole-class training: this library's classifier and the stock Keras model, in turn.

    python benchmarks/whole_classes.py

Both classify batches of 128 images of 32x32 into 64 classes with the same embedding, in float32 and
with the Keras policy `mixed_bfloat16`.
"""

import keras
import numpy as np
import record
import tensorflow as tf

from keras_meta import learners, networks

POLICIES = ("float32", "mixed_bfloat16")
BATCH, SHAPE, CLASSES = 128, (32, 32, 3), 64
EMBEDDINGS = {
    "Conv4, 64 channels": (lambda: networks.Conv4(None, SHAPE, 64, "max"),),
    "ResNet-12": (lambda: networks.ResNet12(None, SHAPE),),
}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def stock(embedding):
    """The classifier as one writes it in Keras."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(embedding(inputs)))


def ours(embedding):
    return learners.Baseline(embedding).pretraining_model(CLASSES)


def step(make, embedding, policy, x, y):
    """Returns a function that takes one training step, traced."""
    keras.config.set_dtype_policy(policy)
    model = make(embedding())
    keras.config.set_dtype_policy("float32")
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), LOSS)
    model.train_on_batch(x, y)
    return tf.function(lambda: model.train_step((x, y)), autograph=False)


def measured(embedding, rounds):
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=(BATCH, *SHAPE)), "float32")
    y = tf.constant(random.integers(0, CLASSES, BATCH))
    steps = {
        f"{name}, {policy}": step(make, embedding, policy, x, y)
        for policy in POLICIES
        for name, make in (("stock Keras", stock), ("this library", ours))
    }
    times = record.milliseconds_in_turn(steps, rounds)
    first = times["stock Keras, float32"]
    return {
        "milliseconds": {name: round(time, 1) for name, time in times.items()},
        "ratio": {name: round(time / first, 2) for name, time in times.items()},
    }


def main():
    record.measure_in_turn(__doc__, "whole_classes", "embeddings", EMBEDDINGS, measured)


if __name__ == "__main__":
    main()
