"""The mean of the predictions of several learners."""

import keras

from keras_meta.exact.copying import clone
from keras_meta.inner_loop.functional import ModelOutput, fold_in
from keras_meta.outer_loop import episode
from keras_meta.outer_loop.graph_constant import GraphConstant, one_of
from keras_meta.outer_loop.meta_learner import MetaLearner
from keras_meta.outer_loop.outcome import Outcome
from keras_meta.serving.averaged_model import AVERAGES, AveragedModel, averaged


@keras.saving.register_keras_serializable("keras_meta")
class Ensemble(MetaLearner):
    """Learns each task with several learners, and predicts the mean of their predictions.

        p(y | x) = 1/K sum_k p_k(y | x)

    The members are usually the same learner at different times of its training, such as those that
    were best on validation tasks: see `of_weights` and `callbacks.BestWeights`. `fit` trains all
    members together on the loss of the mean.

    Args:
        members: List of `MetaLearner`, which take and return the same.
        average: `"probabilities"` if predictions are logits of classes, or `"outputs"` for values.
        batch_norm: See `MetaLearner`; of all members. Defaults to what the first one has.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If there are no members, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta import callbacks, episodes, learners

    tasks = episodes.StrokeGlyphs(num_ways=3, num_shots=1, num_queries=2, num_classes=9)
    validation = tasks.as_dataset(batch_size=4, num_batches=1)
    learner = learners.PrototypicalNetwork(keras_meta.networks.Conv4(filters=4))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    learner.compile("adam", loss, metrics=["accuracy"])
    best = callbacks.BestWeights("best", monitor="val_accuracy", keep=2)
    learner.fit(tasks.as_dataset(4), steps_per_epoch=1, epochs=3, validation_data=validation,
                callbacks=[best], verbose=0)
    ensemble = learners.Ensemble.of_weights(learner, best.files)
    ensemble.compile(loss=loss, metrics=["accuracy"])
    ensemble.evaluate(validation, verbose=0)
    ```

    Reference:
        [Antoniou et al., 2019](https://arxiv.org/abs/1810.09502), section 5.1
    """

    average = GraphConstant(one_of("average", AVERAGES))

    def __init__(
        self,
        members,
        average="probabilities",
        batch_norm=None,
        task_map="auto",
        seed=0,
        name=None,
        dtype=None,
    ):
        members = list(members)
        if not members:
            raise ValueError("An ensemble needs at least one member. Received: members=[].")
        batch_norm = members[0].batch_norm if batch_norm is None else batch_norm
        for member in members:
            member.batch_norm = batch_norm
        super().__init__(members[0].model, None, batch_norm, task_map, seed, name, dtype)
        self.members = members
        self.average = average

    @classmethod
    def of_weights(cls, learner, files, **kwargs):
        """Makes an ensemble of copies of a learner.

        Args:
            learner: A `MetaLearner`.
            files: List of paths of `.weights.h5` files of this learner.
            **kwargs: Other arguments of the constructor.

        Returns:
            An `Ensemble`.
        """
        members = []
        for file in files:
            member = clone(learner)
            member.optimizer = None  # its state is not needed
            member.load_weights(file)
            members.append(member)
        return cls(members, **kwargs)

    # What the members decide.

    @property
    def batch_norm(self):
        """The normalisation policy, as it was passed in."""
        return self._batch_norm

    @batch_norm.setter
    def batch_norm(self, value):
        self.__dict__["_batch_norm"] = value
        for member in self.__dict__.get("members", ()):
            member.batch_norm = value
        self.forget_traces()

    @property
    def statistics(self):
        """The normalisation policy of the first member."""
        return self.members[0].statistics

    def see(self, inputs):
        """Lets the members record the types of the inputs, too. See `EpisodicModel`."""
        super().see(inputs)
        for member in self.members:
            # Their inner steps need one, whether they were compiled or not.
            member.loss = self.loss if member.loss is None else member.loss
            member.see(inputs)

    @property
    def mapped_models(self):
        return [model for member in self.members for model in member.mapped_models]

    @property
    def variable_way(self):
        return self.members[0].variable_way

    @property
    def first_order(self):
        return any(member.first_order for member in self.members)

    def predictions_spec(self, features):
        return self.members[0].predictions_spec(features)

    # A task.

    def adapt_task(self, support_x, support_y, training=False, seed=None):
        """Adapts each member."""
        seeds = [fold_in(seed, number) for number in range(len(self.members))]
        states = [
            member.adapt_task(support_x, support_y, training, member_seed)
            for member, member_seed in zip(self.members, seeds, strict=True)
        ]
        return {"members": states}

    def predict_task(self, state, query_x, training=False, seed=None):
        """Returns the mean of the predictions of the members."""
        outputs = [
            member.predict_task(member_state, query_x, training, fold_in(seed, number))
            for number, (member, member_state) in enumerate(
                zip(self.members, state["members"], strict=True)
            )
        ]
        return self._mean(outputs)

    def learn_episode(self, inputs, training, seed):
        """Adapts to the support set and predicts the queries. See `EpisodicModel`."""
        outputs = [
            member.learn_episode(inputs, training, fold_in(seed, number))
            for number, member in enumerate(self.members)
        ]
        return self._mean(outputs)

    def _mean(self, outputs):
        """Returns the `ModelOutput` of the ensemble; its state is the list of the members'."""
        predictions = averaged([output.predictions for output in outputs], self.average)
        losses = sum(output.losses for output in outputs)
        return ModelOutput(predictions, [output.state for output in outputs], losses)

    def outcome(self, task, real, output, training):
        """The `Outcome` of an episode. See `EpisodicModel`."""
        loss = None if real.query_y is None else episode.task_loss(self, real, output, training)
        observed = []
        if training:
            states = zip(self.members, output.state, strict=True)
            observed = [member.statistics.observed(state) for member, state in states]
        return Outcome(loss, episode.with_padding(output.predictions, task), observed)

    def absorb(self, observed):
        """Updates the statistics that the members track. See `OuterModel`."""
        for member, of_member in zip(self.members, observed, strict=True):
            member.absorb(of_member)

    def adapted_model(self, state):
        """Returns the mean of the adapted models of the members."""
        states = zip(self.members, state["members"], strict=True)
        models = [member.adapted_model(of_member) for member, of_member in states]
        return AveragedModel(models, self.average)

    # Saving.

    def get_config(self):
        config = super().get_config()
        del config["model"], config["inner_loss"]
        members = [keras.saving.serialize_keras_object(member) for member in self.members]
        for member in members:
            # The ensemble is what is compiled, and what has seen episodes.
            member.pop("compile_config", None)
            member.pop("build_config", None)
        return {**config, "members": members, "average": self.average}

    @classmethod
    def from_config(cls, config):
        members = [keras.saving.deserialize_keras_object(member) for member in config["members"]]
        return super().from_config({**config, "members": members})


def two_prototypical_networks(model):
    """Returns two members, on the embedding of a classifier and on a copy of it."""
    from keras_meta.learners.prototypical_network import PrototypicalNetwork
    from keras_meta.networks import embedding

    body = embedding(model)
    return [PrototypicalNetwork(x, num_ways=model.output_shape[-1]) for x in (body, clone(body))]
