"""A learner that adapts to nothing and traces nothing: its predictions are given."""


class StandIn:
    """Predicts what it was given, for each inner step.

    Args:
        by_step: Array `[steps + 1, tasks, queries, ...]`.
    """

    batch_norm = "support"

    def __init__(self, by_step, name="stand-in"):
        self.by_step, self.name = by_step, name
        self.keys = []

    def traced(self, key, function):
        self.keys.append(key)
        return function

    def predict_by_step(self, inputs, steps=None):
        last = len(self.by_step) if steps is None else steps + 1
        return self.by_step[:last, inputs["task"][0] : inputs["task"][-1] + 1]

    def __call__(self, inputs):
        return self.predict_by_step(inputs)[-1]
