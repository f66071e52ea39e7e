"""Body only update in the inner loop."""

import keras

from keras_meta.learners.maml import MAML


@keras.saving.register_keras_serializable("keras_meta")
class BOIL(MAML):
    """MAML whose inner steps adapt only the body; the head keeps its meta-learned weights.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: See `MAML`.
        inner_steps: See `MAML`.
        **kwargs: The other arguments of `MAML`, except `adapted_weights`.

    Example:

    ```python
    import keras
    import keras_meta

    learner = keras_meta.learners.BOIL(keras_meta.networks.SinusoidMLP(), inner_learning_rate=0.01)
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Oh et al., 2021](https://arxiv.org/abs/2008.08882)
    """

    def __init__(self, model, inner_learning_rate=None, inner_steps=1, **kwargs):
        super().__init__(
            model, inner_learning_rate, inner_steps, **{"adapted_weights": "body", **kwargs}
        )
