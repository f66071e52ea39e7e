"""Inner steps in a learned metric and a learned subspace."""

import dataclasses

import keras
import tensorflow as tf

from keras_meta.exact.layers import layers_with_weights, sublayers
from keras_meta.inner_loop.inner_weights import of_model
from keras_meta.inner_loop.random_numbers import uniform
from keras_meta.inner_loop.selection import select
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop.graph_constant import GraphConstant, positive

_SUFFIX = "_transformation"
# Layers whose outputs have a unit, or a channel, at each place of the last axis.
_TRANSFORMED = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)


@keras.saving.register_keras_serializable("keras_meta")
class MTNet(MAML):
    """MAML through learned transformations that do not adapt, in learned subsets of the units.

    Behind the weights `W_l` of a layer stands a transformation `T_l`, which shapes the gradient
    that reaches them, and a random mask `m_l` says which output units adapt:

        h_{l+1} = activation(T_l W_l h_l)
        m_l ~ Bernoulli(sigmoid(z_l))                        one for each output unit
        W_{l,k+1} = W_{l,k} - a m_l dL_S/dW_l (W_k, T)
        minimise over W, T, z:  mean over tasks of  L_Q(W_K, T)

    So the inner steps follow a metric `T` and stay in a subspace `m`, both learned. Without masks
    it is a T-Net. Any layer may be a transformation, not only a matrix: WarpGrad calls them warp
    layers. `with_transformations` puts a matrix behind each dense and convolutional layer of a
    model.

    While fitting, masks are relaxed, so that they have a derivative: `u` is uniform noise, drawn
    once for each task, and they are the nearer to 0 and 1 the lower the temperature `t` is. At
    evaluation they have no noise, and are the probability that a unit adapts:

        fitting:     m_l = sigmoid((z_l + log u - log(1 - u)) / t)
        evaluation:  m_l = sigmoid(z_l)

    Args:
        model: A built `keras.Model` that contains transformations.
        inner_learning_rate: See `MAML`.
        inner_steps: See `MAML`.
        transformations: List of names of layers of `model`, whose weights do not adapt. Defaults to
            those that `with_transformations` has put there.
        masks: bool. Whether there are masks.
        temperature: float. `t`.
        **kwargs: The other arguments of `MAML`.

    Raises:
        ValueError: If the model has no transformations, or an argument is invalid.

    Example:

    ```python
    import keras_meta
    from keras_meta.learners.mt_net import with_transformations

    model = with_transformations(keras_meta.networks.SinusoidMLP())
    learner = keras_meta.learners.MTNet(model, inner_learning_rate=0.01)
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Lee, Choi, 2018](https://arxiv.org/abs/1801.05558);
        [Flennerhag et al., 2020](https://arxiv.org/abs/1909.00025), warp layers;
        [Maddison et al., 2017](https://arxiv.org/abs/1611.00712), relaxed masks
    """

    masks = GraphConstant(bool)
    temperature = GraphConstant(positive("temperature"))

    def __init__(
        self,
        model,
        inner_learning_rate=None,
        inner_steps=1,
        transformations=None,
        masks=True,
        temperature=1.0,
        **kwargs,
    ):
        adapted_weights = kwargs.get("adapted_weights", "all")
        kwargs["inner_weights"] = _all_but(model, transformations, adapted_weights)
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
        self.transformations = transformations
        self.masks = masks
        self.temperature = temperature
        # The weights of a layer that lead to the same units share their masks.
        units = [
            (layer, variable.shape[-1] if variable.shape else 1)
            for layer, variable in zip(
                self.inner_weights.layers, self.inner_weights.variables, strict=True
            )
        ]
        groups = list(dict.fromkeys(units))
        self._sizes = [size for _, size in groups]
        self._group_of = [groups.index(key) for key in units]
        if self.masks:
            self.mask_logits = self.add_weight(
                name="mask_logits", shape=(sum(self._sizes),), initializer="zeros"
            )

    def inner_problem(self, support_x, support_y, training=False, seed=None, parameters=None):
        """The problem of MAML, with masked updates. See `MAML`."""
        problem = super().inner_problem(support_x, support_y, training, seed, parameters)
        if not self.masks:
            return problem
        masks = self.draw_masks(seed)

        def update(weights, gradients, slots, step):
            updated, slots = problem.update(weights, gradients, slots, step)
            rows = zip(masks, weights, updated, strict=True)
            return [w + tf.cast(m, w.dtype) * (v - w) for m, w, v in rows], slots

        return dataclasses.replace(problem, update=update)

    def draw_masks(self, seed=None):
        """Returns the masks of a task.

        Args:
            seed: int tensor `[2]`, or `None` for masks without noise.

        Returns:
            List of tensors, one for each weight that adapts, which broadcast to the weights.
        """
        logits = tf.convert_to_tensor(self.mask_logits.value)
        if seed is not None:
            # A key that is no other noise's.
            u = uniform(sum(self._sizes), [seed[0], seed[1], 2**31 - 2])
            logits += tf.cast(tf.math.log(u) - tf.math.log1p(-u), logits.dtype)
            logits /= self.temperature
        masks = tf.split(tf.sigmoid(logits), self._sizes)
        return [
            tf.reshape(masks[group], variable.shape[-1:])
            for group, variable in zip(self._group_of, self.inner_weights.variables, strict=True)
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "transformations": self.transformations,
            "masks": self.masks,
            "temperature": self.temperature,
        }


def with_transformations(model):
    """A model with a transformation behind each of its dense and convolutional layers.

    A transformation multiplies the channels of its input by a square matrix, at first the identity,
    so that the model predicts the same. It stands before the activation where that is a layer of
    its own, as in the paper, and otherwise behind it; a last layer with an activation has none. The
    layers are shared with `model`; what is inside a nested model is left as it is.

    Args:
        model: A built Sequential or functional `keras.Model`.

    Returns:
        A functional `keras.Model`, for `MTNet`.

    Raises:
        ValueError: If `model` is subclassed.

    Example:

    ```python
    import keras_meta
    from keras_meta.learners.mt_net import with_transformations

    model = with_transformations(keras_meta.networks.Conv4(num_ways=5, filters=8))
    assert sum("transformation" in layer.name for layer in model.layers) == 5
    ```
    """
    if not getattr(model, "inputs", None):
        raise ValueError(
            "A subclassed model does not tell what comes after what. Pass a Sequential or "
            "functional model, or put transformations into your own and name them to `MTNet`. "
            f"Received: {model.name!r} of type {type(model).__name__}."
        )
    last, made = layers_with_weights(model)[-1], {}

    def is_transformed(layer):
        if not isinstance(layer, _TRANSFORMED):
            return False
        # The others put channels first.
        on_last_axis = getattr(layer, "data_format", "channels_last") == "channels_last"
        return on_last_axis and (layer is not last or layer.activation is keras.activations.linear)

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if not is_transformed(layer):
            return outputs
        if layer.name not in made:
            made[layer.name] = keras.layers.Dense(
                outputs.shape[-1],
                use_bias=False,
                kernel_initializer="identity",
                name=f"{layer.name}{_SUFFIX}",
                dtype=layer.dtype_policy,
            )
        return made[layer.name](outputs)

    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    outputs = model.outputs[0] if len(model.outputs) == 1 else model.outputs
    extended = keras.models.clone_model(
        keras.Model(inputs, outputs, name=model.name),
        clone_function=lambda layer: layer,
        call_function=call,
    )
    extended.dtype_policy = model.dtype_policy
    return extended


def _all_but(model, transformations, adapted_weights):
    """The inner weights of a model without its transformations."""
    names = [layer.name for layer in sublayers(model)]
    if transformations is None:
        transformations = [name for name in names if name.endswith(_SUFFIX)]
    unknown = [name for name in transformations if name not in names]
    if not transformations or unknown:
        raise ValueError(
            "MTNet takes a model with transformations, layers that do not adapt. Put some in by "
            "`keras_meta.learners.mt_net.with_transformations`, or say by their names which layers "
            f"they are. Received: transformations={transformations!r} for a model with the layers "
            f"{names}."
        )
    variables = model.trainable_variables
    apart = set(select(variables, model, transformations))
    adapted = [i for i in select(variables, model, adapted_weights) if i not in apart]
    if not adapted:
        raise ValueError(
            "No weight is left to adapt: `adapted_weights` selects nothing but transformations. "
            f"Received: adapted_weights={adapted_weights!r}, transformations={transformations!r}."
        )
    inside = {id(variables[i]) for i in adapted}
    return of_model(model, lambda variable: id(variable) in inside)
