"""The loop that trains the network of tables, with checkpoints and a log."""

import json
import platform
import time

import keras
import numpy as np
import tensorflow as tf

import keras_meta
from keras_meta.episodes.synthetic_tables import synthetic_tables
from keras_meta.episodes.table_prior.causal_model import SHARES
from keras_meta.episodes.table_prior.functions import generator
from keras_meta.in_context.schedule import WarmupStableDecay, sizes
from keras_meta.in_context.weights import write_network
from keras_meta.networks.table_transformer import TableTransformer

# The loss of numbers, the logarithm of the probability of a bucket, is several times as large.
_REGRESSION_WEIGHT = 0.4
_VALIDATION_SEED = 2**40
_VALIDATION_STEPS = 24
_MOMENTUM = 0.999


class Training:
    """A run of training, which goes on from the last checkpoint in its folder.

    Args:
        options: See `train.arguments`.
        folder: `pathlib.Path`.
    """

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        keras.utils.set_random_seed(options.seed)
        self.network = TableTransformer(
            options.width, options.blocks, options.heads, dtype=options.dtype
        )
        rate = WarmupStableDecay(options.learning_rate, options.steps, decay=options.decay)
        self.optimizer = make_optimizer(options.optimizer, rate)
        self.weights = self.network.trainable_variables
        self.optimizer.build(self.weights)
        # A moving average of weights: better than the last ones, and without a jump at the end.
        self.averages = [tf.Variable(weight.value) for weight in self.weights]
        self.step = tf.Variable(0, dtype=tf.int64)
        self.seconds = tf.Variable(0.0, dtype=tf.float64)
        self.steps = {
            regression: self._compiled(self._step, regression) for regression in (False, True)
        }
        self.losses = {
            regression: self._compiled(self._loss, regression) for regression in (False, True)
        }
        checkpoint = tf.train.Checkpoint(
            weights=[tf_variable(x) for x in self.network.variables],
            optimizer=[tf_variable(x) for x in self.optimizer.variables],
            averages=self.averages,
            step=self.step,
            seconds=self.seconds,
        )
        self.checkpoints = tf.train.CheckpointManager(checkpoint, folder / "checkpoints", 2)
        self.checkpoints.restore_or_initialize()
        self.interrupted = False

    def _compiled(self, function, regression):
        def of_kind(*batch):
            return function(regression, *batch)

        if self.options.compiled:
            return tf.function(of_kind, jit_compile=True)
        kind = tf.float32 if regression else tf.int32
        specification = [
            tf.TensorSpec([None, None, None]),
            tf.TensorSpec([None, None], kind),
            tf.TensorSpec([None, None, None]),
            tf.TensorSpec([None, None], kind),
            tf.TensorSpec([None, None]),
            tf.TensorSpec([None], tf.int32),
        ]
        return tf.function(of_kind, input_signature=specification)

    def _loss(self, regression, support_x, support_y, query_x, query_y, categories, places):
        state = self.network.read(support_x, support_y, categories, places, regression)
        scores = self.network.predict_rows(state, query_x)
        if regression:
            query_y = self.network.targets(state, query_y)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(query_y, scores)
        return tf.reduce_mean(losses)

    def _step(self, regression, *batch):
        with tf.GradientTape() as tape:
            loss = self._loss(regression, *batch)
            scaled = loss * (_REGRESSION_WEIGHT if regression else 1.0)
        gradients = tape.gradient(scaled, [tf_variable(x) for x in self.weights])
        # A kind's own head has no gradient in steps of the other kind.
        gradients = [
            tf.zeros_like(weight.value) if gradient is None else gradient
            for weight, gradient in zip(self.weights, gradients, strict=True)
        ]
        gradients, norm = tf.clip_by_global_norm(gradients, 1.0)
        self.optimizer.apply_gradients(zip(gradients, self.weights, strict=True))
        for average, weight in zip(self.averages, self.weights, strict=True):
            average.assign(_MOMENTUM * average + (1.0 - _MOMENTUM) * weight.value)
        return loss, norm

    def run(self, pool, stop):
        """Trains up to the step `stop`, or until `interrupt`.

        Args:
            pool: A `concurrent.futures.Executor`, which draws the tables of the next step.
            stop: int.
        """
        seed, step = self.options.seed, int(self.step)
        shares = None
        if self.options.mechanisms:
            shares = {name: SHARES[name] for name in self.options.mechanisms}
        following = pool.submit(batch, seed, step, shares)
        sums, started, saved = {}, time.time(), time.time()
        while step < stop and not self.interrupted:
            kind, tensors, tables = following.result()
            following = pool.submit(batch, seed, step + 1, shares)
            loss, norm = self.steps[kind == "regression"](*tensors)
            loss = float(loss)
            if not np.isfinite(loss):
                raise RuntimeError(f"The loss of step {step} is {loss}; gradient norm {norm}.")
            sums.setdefault(kind, []).append(loss)
            sums.setdefault("tables", []).append(tables)
            step += 1
            self.step.assign(step)
            if step % 100 == 0 or step == stop:
                passed = time.time() - started
                self.seconds.assign_add(passed)
                started = time.time()
                rate = sum(sums.pop("tables")) / passed
                means = {name: round(float(np.mean(x)), 4) for name, x in sums.items()}
                self.log(tables_per_second=round(rate, 1), norm=round(float(norm), 3), **means)
                sums = {}
            if step % self.options.validate_every == 0 or step == stop:
                self.log(**self.validate())
                started = time.time()
            if step % self.options.keep_every == 0 or step == stop:
                self.keep()
            if time.time() - saved > 60 * self.options.save_minutes:
                self.checkpoints.save(step)
                saved = time.time()
        self.checkpoints.save(step)

    def interrupt(self):
        """Ends the run after the current step, with a checkpoint."""
        self.interrupted = True

    def validate(self):
        """Returns the mean losses of held-out synthetic tables, with the averaged weights."""
        kept = [tf.identity(weight.value) for weight in self.weights]
        self.assign(self.averages)
        losses = {}
        for number in range(_VALIDATION_STEPS):
            kind, tensors, _ = batch(_VALIDATION_SEED, number, short_steps=0)
            loss = float(self.losses[kind == "regression"](*tensors))
            losses.setdefault(f"validation_{kind}", []).append(loss)
        self.assign(kept)
        return {name: round(float(np.mean(x)), 4) for name, x in losses.items()}

    def assign(self, values):
        """Assigns values to the weights."""
        for weight, value in zip(self.weights, values, strict=True):
            weight.assign(value)

    def keep(self):
        """Writes the averaged weights of this step, float16, and the card that describes them."""
        averages = {id(w): a.numpy() for w, a in zip(self.weights, self.averages, strict=True)}
        values = [averages.get(id(x), np.asarray(x)) for x in self.network.variables]
        card = {
            "step": int(self.step),
            "hours": round(float(self.seconds) / 3600, 2),
            "options": {k: v for k, v in vars(self.options).items() if k != "folder"},
            "prior": "keras_meta.episodes.SyntheticTables",
            "versions": {
                "keras_meta": keras_meta.__version__,
                "keras": keras.__version__,
                "tensorflow": tf.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        }
        path = self.folder / f"weights_{int(self.step)}.npz"
        write_network(path, self.network, values, card)

    def log(self, **values):
        """Writes a line to the log."""
        hours = round(float(self.seconds) / 3600, 3)
        line = json.dumps({"step": int(self.step), "hours": hours, **values})
        with open(self.folder / "log.jsonl", "a") as file:
            file.write(line + "\n")
        print(line, flush=True)


def tf_variable(variable):
    """The TensorFlow variable of a Keras variable."""
    return variable.value


def make_optimizer(name, rate):
    """Returns an optimizer with this learning rate."""
    if name == "muon":
        # For matrices between hidden layers; the others are trained by AdamW.
        optimizer = keras.optimizers.Muon(
            rate,
            adam_beta_2=0.98,
            weight_decay=0.05,
            adam_weight_decay=0.05,
            exclude_layers=["embed", "scores", "place"],
        )
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=0.05, beta_2=0.98)
    optimizer.exclude_from_weight_decay(var_names=["scale", "bias", "unknown"])
    return optimizer


def batch(seed, step, shares=None, **kwargs):
    """Draws the tables of a step.

    Args:
        seed: int.
        step: int.
        shares: dict, name of a mechanism to how often it is drawn. Defaults to `SHARES`.
        **kwargs: Passed to `sizes`.

    Returns:
        The kind, `"classification"` or `"regression"`; the arguments of a step; and the number of
        tables.
    """
    size = sizes(seed, step, **kwargs)
    # Steps have at most 64 tables.
    x, y, categories = synthetic_tables(
        seed,
        64 * step,
        size.tables,
        size.support + size.queries,
        size.support,
        size.columns,
        num_classes=size.classes,
        shares=shares,
    )
    random = generator(seed, step, stream=2)
    if size.classes is not None:
        # The codes of classes are permuted for each table.
        y = np.stack([random.permutation(10)[labels] for labels in y]).astype("int32")
    places = random.permutation(64).astype("int32")
    split = size.support
    tensors = (x[:, :split], y[:, :split], x[:, split:], y[:, split:])
    kind = "regression" if size.classes is None else "classification"
    return kind, (*tensors, categories.astype("float32"), places), size.tables
