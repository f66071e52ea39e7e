"""What `mixed_bfloat16` gains and costs: seconds of a meta-gradient, and how far it is off.

    python benchmarks/half_precision.py

The meta-gradient of MAML, second order, one inner step, is computed in float32 and with the Keras
policy `mixed_bfloat16`, timed in turn; the error of each is the length of its difference from the
gradient in float64 at the same weights, by the length of that gradient.
"""

import functools

import keras
import numpy as np
import record
import tensorflow as tf

import keras_meta
from keras_meta.outer_loop.episode import Episode

POLICIES = ("float32", "mixed_bfloat16")
LINES, LENGTH, SYMBOLS = 5, 64, 256


def images(width):
    """Conv4 of `width` channels, 8 tasks of 28x28 images, 5 ways, one support and five queries."""
    glyphs = keras_meta.episodes.StrokeGlyphs(num_ways=5, num_shots=1, num_queries=5)
    ((inputs, y),) = glyphs.as_dataset(8, num_batches=1)
    return functools.partial(keras_meta.networks.Conv4, 5, filters=width), inputs, y


def text(width):
    """Two causal blocks of `width`, 4 tasks of 5 lines of 64 symbols, and as many queries."""
    shape = (2, 4, LINES, LENGTH + 1)
    support, query = np.random.default_rng(0).integers(0, SYMBOLS, shape).astype("int32")
    names = ("support_x", "support_y", "query_x")
    inputs = zip(names, (support[..., :-1], support[..., 1:], query[..., :-1]), strict=True)
    make = functools.partial(keras_meta.networks.CausalTransformer, SYMBOLS, width, length=LENGTH)
    return make, dict(inputs), query[..., 1:]


WORKS = {
    f"{work.__name__}, width {width}": (work, width)
    for work, widths in ((images, (64, 128)), (text, (64, 256, 512)))
    for width in widths
}


def meta_gradient(make, inputs, y, policy, weights=None):
    """Returns a function that computes a meta-gradient, traced, and the weights it is at."""
    floatx = "float64" if policy == "float64" else "float32"
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)
    model = make()
    if weights is not None:
        model.set_weights(weights)
    learner = keras_meta.learners.MAML(model, 0.05)
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def constant(x):
        x = tf.convert_to_tensor(x)
        return tf.cast(x, floatx) if x.dtype.is_floating else x

    episode = Episode(tf.nest.map_structure(constant, inputs), constant(y))
    function = tf.function(lambda: learner.meta_gradients(episode), autograph=False)
    return function, model.get_weights()


def gradient_vector(function):
    """The gradient that a function returns, as one float64 vector."""
    gradients, _ = function()
    return np.concatenate([np.ravel(tf.convert_to_tensor(g)) for g in gradients]).astype("float64")


def measured(work, width, rounds):
    make, inputs, y = work(width)
    keras.utils.set_random_seed(0)
    exact, weights = meta_gradient(make, inputs, y, "float64")
    exact = gradient_vector(exact)
    functions = {policy: meta_gradient(make, inputs, y, policy, weights)[0] for policy in POLICIES}
    errors = {
        policy: float(np.linalg.norm(gradient_vector(f) - exact) / np.linalg.norm(exact))
        for policy, f in functions.items()
    }
    times = record.milliseconds_in_turn(functions, rounds)
    return {
        "milliseconds": {policy: round(time, 1) for policy, time in times.items()},
        "ratio": round(times["mixed_bfloat16"] / times["float32"], 2),
        "relative_error_of_the_gradient": {p: float(f"{e:.2g}") for p, e in errors.items()},
    }


def main():
    keras_meta.config.one_task_per_core()
    record.measure_in_turn(__doc__, "half_precision", "works", WORKS, measured)


if __name__ == "__main__":
    main()
