"""The base class of inner optimizers."""

import keras
import tensorflow as tf

from keras_meta.inner_optimizers.learned import Learned
from keras_meta.inner_optimizers.setting import Scheduled, Setting

Schedule = keras.optimizers.schedules.LearningRateSchedule


class InnerOptimizer(keras.layers.Layer):
    """A differentiable update rule, whose settings may be meta-learned.

        w_{k+1} = update(w_k - learning_rate weight_decay w_k, g_k)

    Unlike a `keras.optimizers.Optimizer`, it assigns nothing: it returns new tensors, through which
    the meta-gradient flows. It is a layer of its learner and is saved with the learner.

    Subclasses define `update_weight`, and `init_weight` if the rule has slots.

    Args:
        global_clipnorm: float or `None`. If the joint norm of all gradients is larger, they are
            scaled down to this norm.
        name: Optional name.
        **settings: Numbers in the update rule, such as `learning_rate` and `weight_decay`: each a
            float, a `Learned`, a `keras.optimizers.schedules.LearningRateSchedule` over the inner
            steps, or `None` if the rule does not use it.

    Raises:
        ValueError: If a setting is not a finite number >= 0.

    Example:

    ```python
    import tensorflow as tf
    import keras_meta
    from keras_meta.inner_optimizers import InnerOptimizer

    class NormalizedSGD(InnerOptimizer):
        def __init__(self, learning_rate=0.01, **kwargs):
            super().__init__(learning_rate=learning_rate, **kwargs)

        def update_weight(self, weight, gradient, slots, learning_rate):
            norm = tf.sqrt(tf.reduce_sum(tf.square(gradient)) + 1e-12)
            return weight - learning_rate * gradient / norm, slots

    learner = keras_meta.learners.MAML(
        keras_meta.networks.SinusoidMLP(), inner_optimizer=NormalizedSGD(0.1)
    )
    ```
    """

    def __init__(self, global_clipnorm=None, name=None, **settings):
        super().__init__(name=name)
        if global_clipnorm is not None and not global_clipnorm > 0:
            raise ValueError(
                "`global_clipnorm` must be a positive number or None. "
                f"Received: global_clipnorm={global_clipnorm!r}."
            )
        self.global_clipnorm = global_clipnorm
        self._values = {key: check_setting(key, v) for key, v in settings.items() if v is not None}
        self._absent = [key for key, value in settings.items() if value is None]
        self._settings = {}

    def prepare(self, weights, layers, steps):
        """Creates the variables of the settings; called once, by the learner.

        Args:
            weights: List of the variables that adapt.
            layers: List of ints, the number of the layer of each variable.
            steps: int. Number of inner steps in training.

        Raises:
            ValueError: If it already belongs to a learner.
        """
        if self.built:
            raise ValueError(
                "An inner optimizer belongs to one learner, which may train its settings. Make a "
                "new one for each learner. "
                f"Received: {self.name!r}, which is already in use."
            )
        for name, value in self._values.items():
            if isinstance(value, Schedule):
                self._settings[name] = Scheduled(value)
                setattr(self, name, value)
                continue
            setting = Setting(self, name, value, weights, layers, steps)
            self._settings[name] = setting
            per_parameter = setting.spec.per == "parameter"
            setattr(self, name, setting.variables if per_parameter else setting.variables[0])
        self.built = True

    def assign(self, name, value):
        """Assigns a new value to a setting that is not learned.

        Args:
            name: str, such as `"learning_rate"`.
            value: float.

        Raises:
            ValueError: If the setting is learned or follows a schedule, or the value is invalid.
        """
        if isinstance(self._values[name], Schedule):
            raise ValueError(
                f"`{name}` follows a schedule over the inner steps, which cannot be changed. Make "
                f"a new inner optimizer instead. Received: {name}={value!r}."
            )
        if self._settings[name].learned:
            raise ValueError(
                f"`{name}` is learned. Assign to its variables `inner_optimizer.{name}` instead. "
                f"Received: {name}={value!r}."
            )
        self._settings[name].variables[0].assign(check_setting(name, value))

    def read(self):
        """Returns the current settings: a dict, name to `(position, step, dtype) -> tensor`."""
        return {name: setting.read() for name, setting in self._settings.items()}

    def init(self, weights):
        """Returns the slots before the first step, a tuple of tensors for each weight."""
        return [self.init_weight(weight) for weight in weights]

    def update(self, weights, gradients, slots, step, settings):
        """Returns `(weights, slots)` after one step.

        Args:
            weights: List of tensors.
            gradients: List of tensors, with `None` for a weight without a gradient, which is left
                unchanged.
            slots: Slots that `init` or the previous step returned.
            step: int or int tensor. Number of this step, from 0.
            settings: Settings that `read` returned.
        """
        gradients = [
            None if g is None else tf.cast(g, w.dtype)
            for w, g in zip(weights, gradients, strict=True)
        ]
        if self.global_clipnorm is not None:
            gradients = _clip(gradients, self.global_clipnorm)
        results = []
        for i, (w, g, slot) in enumerate(zip(weights, gradients, slots, strict=True)):
            if g is None:
                results.append((w, slot))
                continue
            values = {name: at(i, step, w.dtype) for name, at in settings.items()}
            if "weight_decay" in values:
                w = w - values["learning_rate"] * values.pop("weight_decay") * w
            results.append(self.update_weight(w, g, slot, **values))
        weights, slots = zip(*results, strict=True)
        return list(weights), list(slots)

    def init_weight(self, weight):
        """Returns the slots of one weight before the first step. By default there are none."""
        del weight
        return ()

    def update_weight(self, weight, gradient, slots, **settings):
        """Returns `(weight, slots)` after one step.

        Args:
            weight: Tensor.
            gradient: Tensor like `weight`.
            slots: The weight's slots.
            **settings: Tensors that broadcast to `weight`, by name, without `weight_decay`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define `update_weight(weight, gradient, slots, "
            "**settings)`."
        )

    def get_config(self):
        values = {name: None for name in self._absent}
        for name, value in self._values.items():
            if isinstance(value, (Learned, Schedule)):
                values[name] = keras.saving.serialize_keras_object(value)
            elif self.built:
                values[name] = float(self._settings[name].variables[0])
            else:
                values[name] = value
        return {**values, "global_clipnorm": self.global_clipnorm, "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(
            **{
                key: keras.saving.deserialize_keras_object(v) if isinstance(v, dict) else v
                for key, v in config.items()
            }
        )


def check_setting(name, value):
    """Returns a setting if it is a valid number, a `Learned` or a schedule, and raises if not."""
    if isinstance(value, (Learned, Schedule)):
        return value
    valid = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not valid or not 0 <= value < float("inf"):
        raise ValueError(
            f"`{name}` must be a finite number >= 0, a `Learned` one or a schedule. "
            f"Received: {name}={value!r}."
        )
    return float(value)


def _clip(gradients, norm):
    """Scales `g` by `min(1, norm / |g|)`, which is also differentiable where `g` is zero."""
    present = [g for g in gradients if g is not None]
    wide = [tf.cast(g, "float32") if g.dtype.size < 4 else g for g in present]
    square = tf.add_n([tf.reduce_sum(tf.square(g)) for g in wide])
    factor = norm * tf.math.rsqrt(tf.maximum(square, tf.cast(norm**2, square.dtype)))
    return [None if g is None else g * tf.cast(factor, g.dtype) for g in gradients]
