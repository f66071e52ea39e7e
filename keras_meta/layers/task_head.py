"""The head that a learner has computed for one task, as a layer."""

import keras


@keras.saving.register_keras_serializable("keras_meta")
class TaskHead(keras.layers.Layer):
    """Scores features by the head of a task: `scorer([features, *head])`.

    It is the last layer of the model that `adapt` returns if the head is not linear.

    Args:
        scorer: A layer that is called with a list `[features, *head]`.
        shapes: List of the shapes of the tensors of the head.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    layer = keras_meta.layers.TaskHead(keras_meta.layers.CosineScores(), [(2, 3), (3,)])
    layer.set_head([keras.ops.ones((2, 3)), keras.ops.zeros(3)])
    assert layer(keras.ops.ones((4, 2))).shape == (4, 3)
    ```
    """

    def __init__(self, scorer, shapes, **kwargs):
        kwargs.setdefault("dtype", scorer.dtype_policy)
        super().__init__(**kwargs)
        self.scorer = scorer
        self.shapes = [tuple(shape) for shape in shapes]
        self.head = [
            self.add_weight(name=f"head_{i}", shape=shape, initializer="zeros", trainable=False)
            for i, shape in enumerate(self.shapes)
        ]

    def set_head(self, head):
        """Assigns the tensors of a head.

        Args:
            head: List of tensors with the shapes given to the constructor.
        """
        for variable, value in zip(self.head, head, strict=True):
            variable.assign(value)

    def call(self, features, training=False):
        return self.scorer([features, *self.head], training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "scorer": keras.saving.serialize_keras_object(self.scorer),
            "shapes": self.shapes,
        }

    @classmethod
    def from_config(cls, config):
        scorer = keras.saving.deserialize_keras_object(config.pop("scorer"))
        return cls(scorer, **config)
