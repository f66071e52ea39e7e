"""Times a meta-step of a small transformer of which all weights adapt, or a part of them.

    python benchmarks/adapted_parts.py

5-way 1-shot tasks of 16 random words an example, 8 tasks in a batch, 5 inner steps: medians in turn
of the second-order meta-gradient.
"""

import argparse
import functools
import pathlib

import keras
import numpy as np
import record
import tensorflow as tf

import keras_meta
from keras_meta import layers, learners
from keras_meta.exact.copying import clone
from keras_meta.outer_loop.episode import Episode

LENGTH, WORDS, WIDTH = 16, 3000, 64
WAYS, QUERIES, TASKS, STEPS = 5, 5, 8, 5


def transformer():
    """Two blocks. Padding neither is attended to nor counts in the mean."""
    words = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(WORDS, WIDTH, mask_zero=True)(words)
    x = layers.Positions(LENGTH)(x)
    for _ in range(2):
        y = keras.layers.LayerNormalization()(x)
        x = keras.layers.Add()([x, keras.layers.MultiHeadAttention(4, WIDTH // 4)(y, y)])
        y = keras.layers.LayerNormalization()(x)
        y = keras.layers.Dense(2 * WIDTH, "gelu")(y)
        x = keras.layers.Add()([x, keras.layers.Dense(WIDTH)(y)])
    return keras.Model(words, keras.layers.Dense(WAYS)(layers.MaskedMean()(x)))


def with_lora(model):
    """A copy whose feed-forward layers and head have LoRA weights, all else frozen."""
    model = clone(model)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.enable_lora(4)
            layer.bias.trainable = False
        else:
            layer.trainable = False
    return model


def frozen_body(model):
    for layer in model.layers[:-1]:
        layer.trainable = False
    return model


def batch():
    """Returns tasks of random words, the last of which are padding."""
    random = np.random.default_rng(0)

    def examples(number):
        x = random.integers(1, WORDS, (TASKS, number, LENGTH)).astype("int32")
        lengths = random.integers(4, LENGTH + 1, (TASKS, number, 1))
        y = np.tile(np.arange(number, dtype="int32") % WAYS, (TASKS, 1))
        return tf.constant(np.where(np.arange(LENGTH) < lengths, x, 0)), tf.constant(y)

    (support_x, support_y), (query_x, y) = examples(WAYS), examples(WAYS * QUERIES)
    return Episode({"support_x": support_x, "support_y": support_y, "query_x": query_x}, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/adapted_parts.json")
    )
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    keras.utils.set_random_seed(0)
    kinds = {
        "all weights adapted": learners.MAML(transformer(), 0.1, STEPS),
        "LoRA adapted, all else frozen": learners.MAML(
            with_lora(transformer()), 0.1, STEPS, adapted_weights="lora"
        ),
        "head adapted, all else frozen": learners.MAML(frozen_body(transformer()), 0.1, STEPS),
    }
    episode, functions = batch(), {}
    for name, learner in kinds.items():
        learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        traced = tf.function(learner.meta_gradients, autograph=False)
        functions[name] = functools.partial(traced, episode)
        functions[name]()
    medians = record.milliseconds_in_turn(functions, arguments.repeats)
    whole = medians["all weights adapted"]
    result = {
        "command": record.command(),
        "milliseconds": {name: round(value, 1) for name, value in medians.items()},
        "part_of_all": {name: round(value / whole, 3) for name, value in medians.items()},
        "versions": record.versions(),
    }
    record.write(arguments.out, result)
    print(result)


if __name__ == "__main__":
    main()
