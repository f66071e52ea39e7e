"""A hypernetwork that modulates an embedding for each task."""

import tensorflow as tf

from keras_meta.generators import film
from keras_meta.inner_loop.functional import fold_in
from keras_meta.inner_loop.inner_weights import put


class Modulation:
    """Scales and shifts the channels of an embedding by what a task encoder reads of the task.

        r = e({(f(x), y) : (x, y) in S}),    [gamma, beta] = h(r)

    See `FiLM` for what `gamma` and `beta` do, and `inner_loop.shared_weights` for the methods.

    Args:
        layers: List of the layers of the embedding that are modulated. See `film.modulated_layers`.
        task_encoder: A `TaskEncoder` `e`.
        hypernetwork: Callable `h`, task embeddings `[1, size]` to modulations
            `[1, film.modulation_size(layers)]`.
    """

    def __init__(self, layers, task_encoder, hypernetwork):
        self.layers = layers
        self.task_encoder = task_encoder
        self.hypernetwork = hypernetwork

    def check_shared(self, learner):
        """Raises."""
        raise TypeError(
            "The embedding of an example depends on its task, so it cannot be computed for all "
            f"tasks at once. Use `metrics.task_values`. Received: {type(learner).__name__}."
        )

    def read(self, learner, support_x, support_y, rule, training, seed):
        """Returns `{"modulation": all gamma, then all beta}`, and the losses of the pass."""

        def read(x, training):
            features = learner.features(x, training)
            task = self.task_encoder(features, learner.targets(support_y), are_classes=True).task
            return tf.cast(self.hypernetwork(task[None])[0], learner.variable_dtype)

        output = learner.run(read, support_x, rule, None, training, fold_in(seed, 2))
        return {"modulation": output.predictions}, output.losses

    def weights(self, learner, state):
        """Returns all weights of the learner, those of the embedding modulated for a task."""
        places = {id(v): i for i, v in enumerate(learner.functional.trainable_variables)}
        variables, values = zip(*self.values(state), strict=True)
        return put(learner.functional.initial_weights(), [places[id(v)] for v in variables], values)

    def values(self, state):
        """Returns pairs of a variable of the embedding and its modulated value."""
        variables = film.modulated_variables(self.layers)
        return list(zip(variables, film.modulate(self.layers, state["modulation"]), strict=True))
