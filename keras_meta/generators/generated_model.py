"""A generated learner as a function of its generated weights."""

from keras_meta.inner_loop.functional import ModelOutput
from keras_meta.inner_loop.inner_weights import put


class GeneratedModel:
    """Calls a generated learner as `output = f(x; weights, state)`, with its penalty as a loss.

    Args:
        generated: A `GeneratedLearner`.
        functional: The `FunctionalModel` of the `LearnerGenerator`.
        embedding: The embedding of the generator, a `keras.Model`.

    Attributes:
        embeds: bool. Whether it predicts from embedded examples, without a network of its own.
        network: The `keras.Model` whose output the generated learner turns into predictions.
    """

    def __init__(self, generated, functional, embedding):
        self.generated = generated
        self.functional = functional
        self.embeds = generated.model is None
        self.network = embedding if self.embeds else generated.model
        positions = {id(v): i for i, v in enumerate(functional.trainable_variables)}
        self.positions = [positions[id(v)] for v in generated.generated_variables]

    def __call__(self, x, weights, state, training, rule, seed):
        """One pass over any examples. See `FunctionalModel`."""
        every = self.functional.initial_weights()
        if self.positions:
            every = put(every, self.positions, weights)
        output = self.functional(x, every, state, training, rule, seed, part=self.network)
        return self._predicted(output, weights)

    def of_features(self, features, weights, *how):
        """The same for embedded examples, for a learner without a network of its own."""
        del how  # there is no layer
        return self._predicted(ModelOutput(features, {}, 0.0), weights)

    def values(self, weights):
        """Returns pairs of a variable of the network and its generated value."""
        variables = self.generated.generated_variables
        return [] if self.embeds else list(zip(variables, weights, strict=True))

    def _predicted(self, output, weights):
        return output._replace(
            predictions=self.generated.predict(output.predictions, weights),
            losses=output.losses + self.generated.regularization(weights),
        )
