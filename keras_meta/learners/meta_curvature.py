"""Meta-learned transformations of the inner gradient."""

import keras

from keras_meta.inner_optimizers import Curvature
from keras_meta.learners.maml import MAML


@keras.saving.register_keras_serializable("keras_meta")
class MetaCurvature(MAML):
    """MAML whose inner gradients are transformed by learned matrices.

        w_{k+1} = w_k - a MC(dL_S/dw (w_k))

    where `MC` is the transformation of `inner_optimizers.Curvature`, learned with the weights.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: See `MAML`.
        inner_steps: See `MAML`.
        **kwargs: The other arguments of `MAML`.

    Example:

    ```python
    import keras
    import keras_meta

    learner = keras_meta.learners.MetaCurvature(keras_meta.networks.SinusoidMLP(), 0.01)
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Park and Oliva, 2019](https://arxiv.org/abs/1902.03356)
    """

    def __init__(self, model, inner_learning_rate=None, inner_steps=1, **kwargs):
        if "inner_optimizer" not in kwargs:
            rate = 0.01 if inner_learning_rate is None else inner_learning_rate
            inner_learning_rate, kwargs["inner_optimizer"] = None, Curvature(rate)
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
