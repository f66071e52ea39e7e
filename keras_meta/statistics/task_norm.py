"""Statistics of the support set, blended with those of each example."""

import keras
import tensorflow as tf

from keras_meta.exact.normalization import batch_normalizations
from keras_meta.statistics.policy import StatisticsPolicy

EXAMPLE_MOMENTS = ("instance", "layer")


@keras.saving.register_keras_serializable("keras_meta")
class TaskNorm(StatisticsPolicy, keras.layers.Layer):
    """Normalises by moments of the support set, blended with those of the example.

    With the mean `m_S` and the variance `v_S` of the support set, those `m_x` and `v_x` of an
    example, and `D` support examples,

        a = sigmoid(scale D + offset)                              learned, for each layer
        m = a m_S + (1 - a) m_x
        v = a (v_S + (m_S - m)^2) + (1 - a) (v_x + (m_x - m)^2)

    The moments of an example are those of each channel by itself (TaskNorm-I) or of all its
    channels (TaskNorm-L). So every query is predicted on its own (inductive), and the smaller a
    support set is, the less a learner may trust its moments. With `a = 1` it is `"support"`, with
    `a = 0` instance or layer normalisation; at first `a = 1/2`.

    Args:
        example_moments: `"instance"` or `"layer"`. Vectors have a single number for each channel,
            without variance: there, `"layer"` tells more.
        name: Optional name.

    Raises:
        ValueError: If `example_moments` is unknown.

    Example:

    ```python
    import keras_meta

    model = keras_meta.networks.Conv4(num_ways=5, filters=4)
    learner = keras_meta.learners.MAML(model, 0.4, batch_norm="task_norm")
    of_layers = keras_meta.statistics.TaskNorm(example_moments="layer")
    learner = keras_meta.learners.MAML(model, 0.4, batch_norm=of_layers)
    ```

    Reference:
        [Bronskill et al., 2020](https://arxiv.org/abs/2003.03284)
    """

    needs_support_pass = True

    def __init__(self, example_moments="instance", name=None):
        super().__init__(name=name)
        if example_moments not in EXAMPLE_MOMENTS:
            raise ValueError(
                f"`example_moments` must be one of {list(EXAMPLE_MOMENTS)}. "
                f"Received: example_moments={example_moments!r}."
            )
        self.example_moments = example_moments
        self.scale = self.offset = None

    def prepare(self, learner):
        if self.built:
            raise ValueError(
                "A TaskNorm belongs to one learner, which trains its weights. Make a new one for "
                f"each learner. Received: {self.name!r}, which is already in use."
            )
        self.built = True
        layers = len(batch_normalizations(learner))
        if layers:
            kwargs = {"shape": (layers,), "initializer": "zeros", "dtype": learner.variable_dtype}
            self.scale = self.add_weight(name="scale", **kwargs)
            self.offset = self.add_weight(name="offset", **kwargs)

    def support(self, training, size):
        blend = self.blend(size)

        def rule(normalization):
            moments = normalization.moments()
            return self.pooled(normalization, moments, blend), moments

        return rule

    def queries(self, state, training):
        blend = state.get("blend")

        def rule(normalization):
            return self.pooled(normalization, normalization.stored, blend), None

        return rule

    def blend(self, size):
        """Returns `a` of each layer, a tensor `[layers]`, or `None` without layers.

        Args:
            size: Scalar int tensor, the number of support examples.
        """
        if self.scale is None:
            return None
        scale, offset = tf.convert_to_tensor(self.scale.value), self.offset.value
        return tf.sigmoid(scale * tf.cast(size, scale.dtype) + offset)

    def pooled(self, normalization, task, blend):
        """Normalises each example by its own moments and those of the task.

        Args:
            normalization: A `Normalization`.
            task: Pair of tensors `[channels]`, the mean and the variance of the support set.
            blend: Tensor `[layers]`.
        """
        a = tf.cast(blend[normalization.number], normalization.x.dtype)
        rank = normalization.x.shape.rank
        axes = list(range(1, rank if self.example_moments == "layer" else rank - 1))
        (mean_s, variance_s), (mean_x, variance_x) = task, normalization.moments_over(axes)
        mean = a * mean_s + (1.0 - a) * mean_x
        of_task = variance_s + tf.square(mean_s - mean)
        of_example = variance_x + tf.square(mean_x - mean)
        return normalization.by(mean, a * of_task + (1.0 - a) * of_example)

    def keep(self, functional, written, support_pass, size, step=0, training=False):
        if self.scale is None:
            return {"statistics": written}
        return {"statistics": support_pass(), "blend": self.blend(size)}

    def own_state(self, state, layers):
        return {"blend": tf.gather(state["blend"], layers)} if layers else {}

    def get_config(self):
        return {"example_moments": self.example_moments, "name": self.name}
