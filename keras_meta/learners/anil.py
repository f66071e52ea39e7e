"""Almost no inner loop."""

import keras

from keras_meta.learners.maml import MAML


@keras.saving.register_keras_serializable("keras_meta")
class ANIL(MAML):
    """MAML whose inner steps adapt only the head; the body is meta-learned and reused as is.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: See `MAML`.
        inner_steps: See `MAML`.
        **kwargs: The other arguments of `MAML`, except `adapted_weights`.

    Example:

    ```python
    import keras
    import keras_meta

    learner = keras_meta.learners.ANIL(keras_meta.networks.SinusoidMLP(), inner_learning_rate=0.01)
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Raghu et al., 2020](https://arxiv.org/abs/1909.09157)
    """

    def __init__(self, model, inner_learning_rate=None, inner_steps=1, **kwargs):
        super().__init__(
            model, inner_learning_rate, inner_steps, **{"adapted_weights": "head", **kwargs}
        )
