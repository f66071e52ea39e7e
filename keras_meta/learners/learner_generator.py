"""A hypernetwork that generates the weights of a learner from a support set."""

import dataclasses
import functools

import keras
import tensorflow as tf

from keras_meta.generators.generated_learner import GeneratedLearner
from keras_meta.generators.generated_model import GeneratedModel
from keras_meta.generators.reading import read_and_generate
from keras_meta.generators.task_encoder import TaskEncoder
from keras_meta.heads.linear import scores_spec
from keras_meta.inner_loop import rules
from keras_meta.inner_loop.functional import FunctionalModel, fold_in
from keras_meta.inner_loop.inner_weights import InnerWeights
from keras_meta.inner_loop.support_problem import support_problem
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop import model_checks


@keras.saving.register_keras_serializable("keras_meta")
class LearnerGenerator(MAML):
    """A hypernetwork that generates the weights of a learner from a support set.

    For a task with support set `S` and query loss `L_Q`, an embedding `f`, a task encoder `e` that
    is invariant to the order of the examples, and a weight generator `h`,

        r = e({(f(x), y) : (x, y) in S})        the task embedding
        w_0 = h(r)                              the generated weights
        w_{k+1} = w_k - a dL_S/dw (w_k)         inner steps, if any
        minimise over f, e, h:  mean over tasks of  L_Q(w_K)

    The hypernetwork is trained on the query loss of the learners that it generates. Without inner
    steps a task is learned in one pass. The argument `generated` is the kind of learner to
    generate: see `keras_meta.generators`.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`; for sequence outputs `[n, time, embedding]`, whose positions are read
            as examples.
        generated: A `keras_meta.generators.GeneratedLearner`: `LogisticRegression`, `LinearSVM`,
            `LinearRegression` or `LinearSVR`, which predict from the embedding, or `NeuralNetwork`
            or `FiLM`, which predict from the features with a separate network.
        task_embedding_size: int. Length of the task embedding.
        inner_steps: int. Number of inner steps from the generated weights, during `fit`.
        inner_learning_rate: float. Learning rate of the inner steps.
        eval_inner_steps: int. Number of inner steps in `evaluate`, `predict`, `adapt` and `export`.
            Defaults to `inner_steps`.
        first_order: bool. Whether to omit the second derivatives of inner steps.
        inner_loss: See `MetaLearner`.
        batch_norm: See `MetaLearner`. The hypernetwork normalises a support set by the statistics
            of that set, or by the stored ones if `"running"`.
        task_map: See `MetaLearner`. With a variable way, tasks are looped.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the model does not output vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta import generators

    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=1, num_queries=2, num_classes=9)
    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.LearnerGenerator(body, generators.LogisticRegression())
    learner.compile("adam", learner.generated.loss, metrics=["accuracy"])
    learner.fit(tasks.as_dataset(batch_size=4), steps_per_epoch=5, verbose=0)
    (inputs, query_y), = tasks.as_dataset(batch_size=1, num_batches=1)
    classifier = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
    logits = classifier.predict(inputs["query_x"][0], verbose=0)
    task_embedding = learner.embed_task(inputs["support_x"][0], inputs["support_y"][0])
    ```

    Reference:
        [Ha et al., 2017](https://arxiv.org/abs/1609.09106), hypernetworks;
        [Garnelo et al., 2018](https://arxiv.org/abs/1807.01613), set encoders;
        [Requeima et al., 2019](https://arxiv.org/abs/1906.07697), generated classifiers
    """

    first_noise = 1  # that of the pass over the support set that reads it is 0

    def __init__(
        self,
        model,
        generated,
        task_embedding_size=128,
        inner_steps=0,
        inner_learning_rate=None,
        batch_norm="transductive",
        **kwargs,
    ):
        if not isinstance(generated, GeneratedLearner):
            raise ValueError(
                "`generated` must be a `keras_meta.generators.GeneratedLearner`, such as "
                f"`LogisticRegression()`. Received: generated={generated!r}."
            )
        policy = model_checks.checked_policy(model)
        embedding_size = model_checks.embedding_size(model, of_positions=True)
        generated.prepare(embedding_size, task_embedding_size, policy)
        variables = generated.generated_weights
        kwargs["inner_weights"] = InnerWeights(
            adapted=[],  # generated weights are not among the learner's own: see `inner_problem`
            variables=variables,
            layers=list(range(len(variables))),
            of_task=list(range(len(variables))),
            model=generated.model,
        )
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
        self.task_embedding_size = task_embedding_size
        self.task_encoder = TaskEncoder(task_embedding_size, name="task_encoder", dtype=policy)
        self.task_encoder.prepare(embedding_size)
        self.generated = generated
        # Not before: the policy may have weights for the layers of what is generated.
        self.batch_norm = batch_norm

    @functools.cached_property
    def functional(self):
        """All parts of the learner as a function of its weights and statistics."""
        return FunctionalModel(self)

    @functools.cached_property
    def generated_model(self):
        """The generated learner as a function of its weights."""
        return GeneratedModel(self.generated, self.functional, self.model)

    def embed_task(self, support_x, support_y):
        """Embeds a task.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.

        Returns:
            A `keras_meta.generators.TaskEmbedding`: `task`, a tensor `[task_embedding_size]`,
            `outputs` `[outputs, task_embedding_size]`, and `present`, a mask of those outputs.
        """
        return self.read(*self.check_support(support_x, support_y)).predictions.task_embedding

    def inner_problem(
        self, support_x, support_y, training=False, seed=None, parameters=None, read=None
    ):
        """The inner problem of MAML, starting from the generated weights. See `MAML`.

        Args:
            support_x: See `MAML`.
            support_y: See `MAML`.
            training: See `MAML`.
            seed: See `MAML`.
            parameters: See `MAML`.
            read: The result of `read`, if it has been called already.
        """
        read = self.read(support_x, support_y, training, seed) if read is None else read
        parameters = self.parameters() if parameters is None else parameters
        run, of_task = self.generated_model, read.predictions
        parts = {
            "initial_weights": of_task.weights,
            "initial_slots": self.inner_optimizer.init(of_task.weights),
            "weights_at": lambda generated, step: generated,
        }
        if run.embeds:  # the same at each step
            support_x, run, size = of_task.features, run.of_features, tf.shape(support_y)[0]

            def keep(weights, written, step):
                kept = self.statistics.keep(
                    self.functional, written, lambda: read.state, size, step, training
                )
                return {"weights": list(weights), **kept}

            parts["keep"] = keep
        problem = support_problem(self, support_x, support_y, training, seed, parameters, run)
        return dataclasses.replace(problem, **parts)

    def predict_task(self, state, query_x, training=False, seed=None):
        """Runs the generated learner."""
        weights, statistics = state["weights"], state["statistics"]
        rule, noise = self.statistics.queries(state, training), fold_in(seed, 2**31 - 1)
        return self.generated_model(query_x, weights, statistics, training, rule, noise)

    def learn_episode(self, inputs, training, seed):
        """Generates a learner from the support set, and predicts. See `EpisodicModel`."""
        support = inputs["support_x"], inputs["support_y"]
        read = self.read(*support, training, seed)
        problem = self.inner_problem(*support, training, seed, read=read)
        steps = self.steps(training)
        state = problem.kept(self.solve(problem, steps), steps)
        output = self.predict_task(state, inputs["query_x"], training, seed)
        # Losses and statistics of the pass over the support set count as well.
        return output._replace(
            state={**read.state, **output.state}, losses=read.losses + output.losses
        )

    def read(self, support_x, support_y, training=False, seed=None):
        """Generates weights from a support set in one pass.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]`, or `None`.

        Returns:
            A `ModelOutput` whose predictions are a `Reading`.
        """
        rule = self.statistics.support(training, tf.shape(support_y)[0])
        if training and self.statistics.joins_queries:
            rule = rules.observe
        return self.functional(
            (support_x, support_y),
            self.functional.initial_weights(),
            training=training,
            rule=rule,
            seed=fold_in(seed, 0),
            part=functools.partial(read_and_generate, self),
        )

    def adapted_model(self, state):
        """The generated learner, with copies of the parts of the hypernetwork that it needs."""
        head = self.generated.head(state["weights"])
        values = self.generated_model.values(state["weights"])
        return self.model_of_task(state, values, head, self.generated_model.network)

    def weight_names(self):
        return self.generated.weight_names()

    @property
    def variable_way(self):
        return self.generated.classifies and self.generated.num_outputs is None

    @property
    def mapped_models(self):
        return [self.model, self.generated.model or self.model]

    def predictions_spec(self, features):
        if self.generated.model is not None:
            return self.generated.model.outputs[0]
        return scores_spec(features, self.generated.num_outputs, self.compute_dtype)

    def get_config(self):
        config = {
            **super().get_config(),
            "generated": keras.saving.serialize_keras_object(self.generated),
            "task_embedding_size": self.task_embedding_size,
        }
        del config["adapted_weights"]
        return config
