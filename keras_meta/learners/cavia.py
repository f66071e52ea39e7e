"""Fast context adaptation."""

import keras

from keras_meta.inner_loop.inner_weights import of_model
from keras_meta.layers.context import CONTEXT
from keras_meta.learners.maml import MAML


@keras.saving.register_keras_serializable("keras_meta")
class CAVIA(MAML):
    """MAML that adapts only a context vector, from zero; the network is meta-learned and shared.

        c_0 = 0,    c_{k+1} = c_k - a dL_S/dc (c_k, w)
        minimise over w:  mean over tasks of  L_Q(c_K, w)

    The state of a task is a small vector, so thousands of users can share one network.

    Args:
        model: A built `keras.Model` with a `keras_meta.layers.Context` or `ContextFiLM`.
        inner_learning_rate: See `MAML`. Contexts work with large rates, such as 1.
        inner_steps: See `MAML`.
        **kwargs: The other arguments of `MAML`, except `adapted_weights`.

    Raises:
        ValueError: If the model has no context.

    Example:

    ```python
    import keras
    import keras_meta

    layers = keras.layers
    model = keras.Sequential([
        keras.Input((1,)), keras_meta.layers.Context(5), layers.Dense(40, "relu"), layers.Dense(1)
    ])
    learner = keras_meta.learners.CAVIA(model, inner_learning_rate=1.0)
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Zintgraf et al., 2019](https://arxiv.org/abs/1810.03642)
    """

    def __init__(self, model, inner_learning_rate=1.0, inner_steps=2, **kwargs):
        if "inner_optimizer" in kwargs and not isinstance(kwargs["inner_optimizer"], str):
            inner_learning_rate = None
        contexts = [variable for variable in model.trainable_variables if variable.name == CONTEXT]
        adapted_weights = kwargs.get("adapted_weights", "all")
        if not contexts or adapted_weights != "all":
            raise ValueError(
                "CAVIA adapts only the context of its model. Add a "
                "`keras_meta.layers.Context` or `ContextFiLM` layer to the model, and leave out "
                "`adapted_weights`. Received: a model with "
                f"{[v.path for v in model.trainable_variables]}, "
                f"adapted_weights={adapted_weights!r}."
            )
        kwargs["inner_weights"] = of_model(model, "context")
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
