"""A learner by composition: ANIL that changes few weights of the head."""

import dataclasses

import keras
import tensorflow as tf

from keras_meta.learners import ANIL
from keras_meta.outer_loop import GraphConstant
from keras_meta.outer_loop.graph_constant import non_negative


@keras.saving.register_keras_serializable("strangers")
class SparseHead(ANIL):
    """ANIL whose inner steps are proximal, for a penalty on how far a weight moves.

    w_{k+1} = w_0 + S(w_k - a dL_S/dw (w_k) - w_0),    S(d) = sign(d) max(|d| - sparsity, 0)
    """

    sparsity = GraphConstant(non_negative("sparsity"))

    def __init__(self, model, inner_learning_rate=None, inner_steps=1, sparsity=1e-3, **kwargs):
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
        self.sparsity = sparsity

    def inner_problem(self, *args, **kwargs):
        problem = super().inner_problem(*args, **kwargs)

        def proximal(start, weight):
            moved = weight - start
            return start + tf.sign(moved) * tf.nn.relu(tf.abs(moved) - self.sparsity)

        def update(*args):
            weights, slots = problem.update(*args)
            pairs = zip(problem.initial_weights, weights, strict=True)
            return [proximal(start, weight) for start, weight in pairs], slots

        return dataclasses.replace(problem, update=update)

    def get_config(self):
        return {**super().get_config(), "sparsity": self.sparsity}
