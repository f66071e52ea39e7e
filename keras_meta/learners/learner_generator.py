"""A network that reads a task and writes the parameters of a learner."""

import collections

import keras
import tensorflow as tf

from keras_meta.exact import second_order
from keras_meta.generators.generated_learner import GeneratedLearner
from keras_meta.generators.task_encoder import TaskEncoder
from keras_meta.inner_loop import adaptation
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.inner_loop.losses import gradient_scale, support_loss
from keras_meta.learners.gradient_learner import GradientLearner
from keras_meta.outer_loop import model_checks, padding, task_map
from keras_meta.outer_loop.graph_constant import GraphConstant, non_negative
from keras_meta.serving.adapted_model import AdaptedModel, clone, with_head
from keras_meta.serving.exporting import specs

# What comes of one pass over a support set: its embedding, the task embedding, and the
# parameters written from that.
_Reading = collections.namedtuple("_Reading", ["features", "task_embedding", "weights"])


@keras.saving.register_keras_serializable("keras_meta")
class LearnerGenerator(GradientLearner):
    """A network that reads a task and writes the parameters of a learner.

    For a task with support set `S` and query loss `L_Q`, an embedding `f`, a task encoder `e` that
    is invariant to the order of the examples, and a writer `h`,

        r = e({(f(x), y) : (x, y) in S})        the task embedding
        w_0 = h(r)                              the parameters of a learner
        w_{k+1} = w_k - a dL_S/dw (w_k)         inner steps, if any
        minimise over f, e, h:  mean over tasks of  L_Q(w_K)

    So the generator is trained by how well what it has written predicts. Without inner steps a task
    is learned in one pass. `writes` says what kind of learner is written: see
    `keras_meta.generators`.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        generated: A `keras_meta.generators.GeneratedLearner`: `LogisticRegression`, `LinearSVM`,
            `LinearRegression` or `LinearSVR`, which predict from the embedding, or `NeuralNetwork`
            or `FiLM`, which are networks of their own.
        task_embedding_size: int. Length of the task embedding.
        inner_steps: int. Number of inner steps while fitting, from what was written.
        inner_learning_rate: float. Rate of the inner steps.
        eval_inner_steps: int. Number of inner steps in `evaluate`, `predict`, `adapt` and `export`.
            Defaults to `inner_steps`.
        first_order: bool. Whether to leave out second derivatives of inner steps.
        inner_loss: See `MetaLearner`.
        batch_norm: See `MetaLearner`. The generator reads a support set by the statistics of that
            set, or by the stored ones if `"running"`.
        task_map: See `MetaLearner`. Without a stated number of ways, tasks are looped.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the model gives no vectors, or an argument is invalid.

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
        [Garnelo et al., 2018](https://arxiv.org/abs/1807.01613), reading a set;
        [Requeima et al., 2019](https://arxiv.org/abs/1906.07697), writing a classifier
    """

    inner_learning_rate = GraphConstant(non_negative("inner_learning_rate"))

    def __init__(
        self,
        model,
        generated,
        task_embedding_size=128,
        inner_steps=0,
        inner_learning_rate=0.01,
        eval_inner_steps=None,
        first_order=False,
        inner_loss=None,
        batch_norm="transductive",
        task_map="auto",
        seed=0,
        name=None,
        dtype=None,
    ):
        if not isinstance(generated, GeneratedLearner):
            raise ValueError(
                "`writes` must be a `keras_meta.generators.GeneratedLearner`, such as "
                f"`LogisticRegression()`. Received: generated={generated!r}."
            )
        super().__init__(model, inner_loss, batch_norm, task_map, seed, name, dtype)
        self.inner_steps = inner_steps
        self.inner_learning_rate = inner_learning_rate
        self.eval_inner_steps = eval_inner_steps
        self.first_order = first_order
        self.task_embedding_size = task_embedding_size
        embedding_size = model_checks.embedding_size(model)
        self.task_encoder = TaskEncoder(
            task_embedding_size, name="task_encoder", dtype=self.dtype_policy
        )
        self.task_encoder.prepare(embedding_size)
        generated.prepare(embedding_size, task_embedding_size, self.dtype_policy)
        self.generated = generated
        # Everything is a function of one set of weights and statistics, whichever part is called.
        self.functional = FunctionalModel(self)
        positions = {id(v): i for i, v in enumerate(self.functional.trainable_variables)}
        self._generated_indices = [positions[id(v)] for v in generated.generated_variables]
        if inner_steps and not first_order and generated.model is not None:
            self.check_second_order(model_checks.features_spec(generated.model))

    def embed_task(self, support_x, support_y):
        """Embeds a task.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.

        Returns:
            A `keras_meta.generators.TaskEmbedding`: `task`, a tensor `[task_embedding_size]`,
            `outputs` `[outputs, task_embedding_size]`, and which of those are `present`.
        """
        return self._read(*self._check_support(support_x, support_y)).predictions.task_embedding

    def adapt_task(self, support_x, support_y, training=False, seed=None, steps=None):
        """Writes a learner, and takes `steps` gradient steps from there."""
        *_, state = self.adaptation(support_x, support_y, training, seed, steps)
        return state

    def adaptation(self, support_x, support_y, training=False, seed=None, steps=None):
        """Yields the task's state as written, and after each inner step."""
        read = self._read(support_x, support_y, training, seed)
        steps = self._steps(training) if steps is None else steps
        yield from self._states(read, support_x, support_y, training, seed, steps)

    def predict_task(self, state, query_x, training=False, seed=None):
        """Runs the written learner."""
        statistics = {"transductive": "batch", "support": "stored", "running": "stored"}
        if training:
            statistics["running"] = "observe"
        output = self._run(
            query_x,
            state["weights"],
            state["statistics"],
            training=training,
            statistics=statistics[self.batch_norm],
            seed=_fold(seed, 2**31 - 1),
        )
        penalty = self.generated.regularization(state["weights"])
        return output._replace(losses=output.losses + penalty)

    def adapted_model(self, state):
        """The written learner, with copies of what it needs of the generator."""
        network = self._network()
        copy = clone(network)
        values = {id(self.functional.state_variables[i]): x for i, x in state["statistics"].items()}
        if self.generated.model is not None:
            written = map(id, self.generated.generated_variables)
            values.update(zip(written, state["weights"], strict=True))
        for variable, twin in zip(network.variables, copy.variables, strict=True):
            if id(variable) in values:
                twin.assign(values[id(variable)])
        head = self.generated.head(state["weights"])
        if head is not None:
            features = specs(self.episode_spec, leading_axes=1)["support_x"]
            copy = with_head(copy, head, features, self.generated.name)
        if self.batch_norm == "transductive" and FunctionalModel(copy).batch_normalizations:
            return AdaptedModel(copy)
        return copy

    def weight_names(self):
        if self.generated.model is None:
            return ["kernel", "bias"]
        return [variable.path for variable in self.generated.generated_variables]

    def second_order_problems(self, features_spec):
        """Those of a written network: the rest is not inside an inner gradient."""
        if self.generated.model is None:
            return []
        return second_order.problems(FunctionalModel(self.generated.model), features_spec)

    def chosen_task_map(self):
        if self._open_ways and self.task_map == "vectorize":
            raise ValueError(
                "Tasks are vectorised with one number of ways. State `num_ways`, or use "
                f"task_map='loop'. Received: task_map='vectorize' with {self.generated.name!r}."
            )
        if self.task_map != "auto":
            return self.task_map
        loops = [task_map.choose(m) == "loop" for m in (self.model, self._network())]
        return "loop" if self._open_ways or any(loops) else "vectorize"

    # Parts.

    @property
    def _open_ways(self):
        return self.generated.classifies and self.generated.num_outputs is None

    def _largest_ways(self, inputs):
        return padding.num_ways(inputs) if self._open_ways else None

    def _network(self):
        """The model whose outputs, or embedding, the written learner predicts from."""
        return self.model if self.generated.model is None else self.generated.model

    def _read(self, support_x, support_y, training=False, seed=None):
        """One pass over the support set: a `ModelOutput` with a `_Reading` for predictions."""
        observe = "observe" if training else "stored"
        return self.functional(
            (support_x, support_y),
            self.functional.initial_weights(),
            training=training,
            statistics=observe if self.batch_norm == "running" else "batch",
            seed=_fold(seed, 0),
            part=self._read_and_write,
        )

    def _read_and_write(self, support, training):
        support_x, support_y = support
        features = self.model(support_x, training=training)
        targets, are_classes = self.generated.targets(support_y)
        task_embedding = self.task_encoder(features, targets, are_classes=are_classes)
        return _Reading(features, task_embedding, self.generated.generate(task_embedding))

    def _run(self, x, weights, state, training, statistics, seed):
        """One pass of the written learner."""
        all_weights = self.functional.initial_weights()
        if self.generated.model is not None:
            for index, weight in zip(self._generated_indices, weights, strict=True):
                all_weights[index] = weight
        output = self.functional(
            x, all_weights, state, training, statistics, seed, part=self._network()
        )
        return output._replace(predictions=self.generated.predict(output.predictions, weights))

    def _states(self, read, support_x, support_y, training, seed, steps):
        """Yields the task's state as written, and after each inner step."""
        statistics = "stored" if self.batch_norm == "running" else "batch"
        loss = self.resolved_inner_loss() if steps else None

        def run(weights, number):
            if self.generated.model is None:  # the embedding is the same at each step
                predictions = self.generated.predict(read.predictions.features, weights)
                return read._replace(predictions=predictions, losses=0.0)
            return self._run(support_x, weights, {}, training, statistics, _fold(seed, number + 1))

        def step(weights, number):
            def inner_loss(weights):
                output = run(weights, number)
                value = support_loss(loss, support_y, output.predictions)
                penalty = output.losses + self.generated.regularization(weights)
                scale = gradient_scale(loss, support_y, output.predictions)
                return value + tf.cast(penalty, value.dtype), (), scale

            gradients, _ = adaptation.gradients(inner_loss, weights, self.first_order)
            return [
                w if g is None else w - self.inner_learning_rate * g
                for w, g in zip(weights, gradients, strict=True)
            ]

        written = read.predictions.weights
        for number, weights in enumerate(adaptation.descend(step, written, steps)):
            kept = run(weights, number).state if self.batch_norm == "support" else {}
            yield {"weights": list(weights), "statistics": kept}

    def _learn_task(self, inputs, index, training):
        seed = self._task_seed(index) if training and self.functional.seed_variables else None
        support = inputs["support_x"], inputs["support_y"]
        read = self._read(*support, training, seed)
        *_, state = self._states(read, *support, training, seed, self._steps(training))
        output = self.predict_task(state, inputs["query_x"], training, seed)
        # What reading has observed and lost counts, as what predicting has.
        return output._replace(
            state={**read.state, **output.state}, losses=read.losses + output.losses
        )

    def _predictions_spec(self, features):
        if self.generated.model is not None:
            return self.generated.model.outputs[0]
        rows = keras.tree.flatten(features)[0].shape[0]
        return keras.KerasTensor((rows, self.generated.num_outputs), self.compute_dtype)

    # Saving.

    def get_config(self):
        return {
            **super().get_config(),
            "generated": keras.saving.serialize_keras_object(self.generated),
            "task_embedding_size": self.task_embedding_size,
            "inner_steps": self.inner_steps,
            "inner_learning_rate": self.inner_learning_rate,
            "eval_inner_steps": self.eval_inner_steps,
            "first_order": self.first_order,
        }


def _fold(seed, data):
    return None if seed is None else tf.random.experimental.stateless_fold_in(seed, data)
