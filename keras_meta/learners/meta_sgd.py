"""Meta-learned directions and learning rates."""

import keras

from keras_meta.inner_optimizers import Learned
from keras_meta.learners.maml import MAML


@keras.saving.register_keras_serializable("keras_meta")
class MetaSGD(MAML):
    """MAML that learns a rate for each parameter, and thereby the direction of the steps.

        w_{k+1} = w_k - a * dL_S/dw (w_k),    a of the shape of w, and learned with it

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: float. Initial value of all rates.
        inner_steps: See `MAML`.
        **kwargs: The other arguments of `MAML`.

    Example:

    ```python
    import keras
    import keras_meta

    learner = keras_meta.learners.MetaSGD(keras_meta.networks.SinusoidMLP(), 0.01)
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Li et al., 2017](https://arxiv.org/abs/1707.09835)
    """

    def __init__(self, model, inner_learning_rate=None, inner_steps=1, **kwargs):
        if "inner_optimizer" not in kwargs and not isinstance(inner_learning_rate, Learned):
            initial = 0.01 if inner_learning_rate is None else inner_learning_rate
            inner_learning_rate = Learned(initial, per="parameter")
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
