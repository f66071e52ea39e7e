"""Training of a classifier by the probabilities of another one."""

import keras


class Distillation(keras.Model):
    """Trains a classifier on labels and on what a teacher predicts.

    With logits `s` of the student and `t` of the teacher, softened by a temperature `T`, `fit`
    minimises the compiled loss and the divergence from the teacher, with a weight `a`:

        (1 - a) loss(y, s) + a T^2 KL(softmax(t / T) | softmax(s / T))

    If the teacher is the same network from an earlier training, the student usually embeds unseen
    classes better. The teacher is not trained; `predict` and `evaluate` are of the student.

    Args:
        student: A `keras.Model` from examples to logits.
        teacher: A `keras.Model` from the same examples to logits of the same classes.
        temperature: float. `T`.
        weight: float in `[0, 1]`. `a`.
        name: Optional name.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    ```python
    import keras
    import numpy as np
    import keras_meta

    x, y = np.random.default_rng(0).random((20, 28, 28, 1), "float32"), np.arange(20) % 4
    teacher, student = (keras_meta.networks.Conv4(4, filters=4, seed=seed) for seed in (0, 1))
    distillation = keras_meta.baselines.Distillation(student, teacher)
    distillation.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    distillation.fit(x, y, verbose=0)
    ```

    Reference:
        [Hinton et al., 2015](https://arxiv.org/abs/1503.02531);
        [Tian et al., 2020](https://arxiv.org/abs/2003.11539) (few-shot learning)
    """

    def __init__(self, student, teacher, temperature=4.0, weight=0.5, name=None):
        super().__init__(name=name)
        if not (temperature > 0.0 and 0.0 <= weight <= 1.0):
            raise ValueError(
                "`temperature` must be positive and `weight` in [0, 1]. "
                f"Received: temperature={temperature}, weight={weight}."
            )
        self.student = student
        self.teacher = teacher
        self.teacher.trainable = False
        self.temperature = temperature
        self.weight = weight
        self.built = True

    def call(self, inputs, training=False):
        return self.student(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return loss
        t, ops = self.temperature, keras.ops
        expected = ops.softmax(self.teacher(x, training=False) / t)
        divergence = keras.losses.kl_divergence(expected, ops.softmax(y_pred / t))
        return (1.0 - self.weight) * loss + self.weight * t**2 * ops.mean(divergence)
