"""Meta-learners of ratings: a user is a task, learned from a few known ratings.

Ratings are ordered levels: of four outputs, output `t` is the logit of `rating >= t`, t = 2, .., 5.
The mean of the distribution ranks books, and its median is the rating that is predicted.
"""

import time

import keras
import numpy as np
import rating_networks
import tensorflow as tf

from keras_meta import baselines, generators, learners
from keras_meta.networks.with_context import with_context

LEVELS = np.arange(2, 6, dtype="float32")
KNOWN = (5, 10, 20)
# A ridge regression predicts values near 0 and 1: logits are so many times their distance from 1/2.
SHARPNESS = 6.0


def levels(values):
    """Returns 1 where a rating reaches a level and else 0, `[..., 4]`, of ratings `[..., 1]`."""
    return tf.cast(values >= LEVELS, tf.float32)


def loss_of_logits(y, logits):
    """Negative log-likelihood of the four levels."""
    return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(y, logits), -1)


def loss_of_values(y, values):
    """The same, of values near 0 and 1."""
    return loss_of_logits(y, SHARPNESS * (values - 0.5))


def embedding(data, factors, setting, seed):
    """The network of a book, from the factors of training users."""
    rows = np.concatenate([factors.item[:, 1:], factors.item[:, :1]], 1)
    with_features = setting.get("features", True)
    return rating_networks.item_network(
        data.train,
        data.features,
        rows,
        dropout=setting.get("dropout", 0.3) if with_features else 0.0,
        apart=("author", "series") if with_features and setting.get("apart", True) else (),
        used=None if with_features else (),
        seed=seed,
    )


def decisions(body, seed):
    """The network with layers that decide about a rating from the embedding of a book."""
    x = body.output
    for number, width in enumerate((64, 64)):
        initializer = keras.initializers.GlorotUniform(seed=seed + number)
        x = keras.layers.Dense(
            width, "relu", kernel_initializer=initializer, name=f"decision_{number}"
        )(x)
    initializer = keras.initializers.GlorotUniform(seed=seed + 2)
    x = keras.layers.Dense(4, kernel_initializer=initializer, name="decision_2")(x)
    return keras.Model(body.inputs, x)


def ridge(data, factors, setting, seed):
    """Ridge regression on the embedding, which starts as matrix factorisation with fold-in."""
    learner = learners.RidgeLearner(
        embedding(data, factors, setting, seed),
        num_values=4,
        learned_prior=True,
        regularization=factors.penalty,
    )
    constant = np.sqrt(factors.penalty / 2.0)  # the bias of a user is penalised by 2
    learner.log_constant.assign(np.log(constant))
    prior = np.zeros(learner.prior.shape)
    # How the share of each level changes with the bias of a book.
    bias = factors.item[data.train.book, 0]
    reached = data.train.value[:, None] >= LEVELS
    prior[factors.item.shape[1] - 1] = bias @ (reached - reached.mean(0)) / (bias @ bias)
    prior[-1] = reached.mean(0) / constant
    learner.prior.assign(prior)
    return learner


def melu(data, factors, setting, seed):
    """Gradient steps on the layers that decide, or on the last of them."""
    return learners.MAML(
        decisions(embedding(data, factors, setting, seed), seed),
        setting["rate"],
        inner_steps=setting["steps"],
        adapted_weights=setting["adapted"],
    )


def cavia(data, factors, setting, seed):
    """A user is a vector that scales and shifts what the last layer reads."""
    model = decisions(embedding(data, factors, setting, seed), seed)
    return learners.CAVIA(
        with_context(model, setting["size"]), setting["rate"], inner_steps=setting["steps"]
    )


def generator(data, factors, setting, seed):
    """The layers that decide are scaled and shifted by a network that reads the known ratings."""
    model = decisions(embedding(data, factors, setting, seed), seed)
    reader = embedding(data, factors, setting, seed + 1)
    film = generators.FiLM(model, units=setting["units"], generate_head=False)
    return learners.LearnerGenerator(reader, film, task_embedding_size=setting["units"])


ALL_DECISIONS = ["decision_0", "decision_1", "decision_2"]
# Of each learner, how it is built and the settings that validation users choose from.
LEARNERS = {
    "ridge on learned embeddings": (
        ridge,
        [
            {"rate": 1e-3},
            {"rate": 1e-3, "known": (5,)},
            {"rate": 1e-3, "apart": False},
            {"rate": 1e-3, "factors": (32, 10.0)},
            {"rate": 1e-3, "features": False},
        ],
    ),
    "MeLU-like adaptation": (melu, [{"rate": 0.05, "steps": 3, "adapted": ALL_DECISIONS}]),
    "ANIL": (
        melu,
        [
            {"rate": 0.2, "steps": 3, "adapted": "head"},
            {"rate": 0.05, "steps": 3, "adapted": "head"},
        ],
    ),
    "CAVIA": (cavia, [{"rate": 1.0, "steps": 3, "size": 8}]),
    "generator (FiLM)": (generator, [{"units": 32}, {"units": 128}]),
}


class Trained:
    """A learner after training; the epoch that is best on validation users is kept.

    Args:
        name: str, a key of `LEARNERS`.
        data: `rating_data.Data`.
        table: What `rating_networks.training_table` returns.
        factors: `rating_baselines.Factors` to start from.
        setting: dict, an element of the settings.
        seed: int.
        epochs: int. The largest number.
        steps: int. Iterations of an epoch.
        error: Callable, an object of this class to an error on validation users.
    """

    def __init__(self, name, data, table, factors, setting, seed, epochs, steps, error):
        keras.utils.set_random_seed(seed)
        self.catalogue = rating_networks.catalogue(len(data.seen), data.features)
        setting, started = dict(setting), time.time()
        known = setting.pop("known", KNOWN)
        self.learner = LEARNERS[name][0](data, factors, setting, seed)
        self.values = isinstance(self.learner, learners.RidgeLearner)
        rate = keras.optimizers.schedules.CosineDecay(
            setting["rate"] if self.values else 1e-3, epochs * steps
        )
        self.learner.compile(
            keras.optimizers.Adam(rate, global_clipnorm=1.0),
            loss_of_values if self.values else loss_of_logits,
        )
        stream = rating_networks.mixed_sizes(table, known, 30, 32, seed).map(
            lambda inputs, y: ({**inputs, "support_y": levels(inputs["support_y"])}, levels(y))
        )
        best = None
        for epoch in range(epochs):
            self.learner.fit(stream, steps_per_epoch=steps, verbose=0)
            found = error(self)
            if best is None or found < best[0]:
                best = found, epoch + 1, self.learner.get_weights()
            elif epoch >= best[1] + 1:
                break
        self.error, self.epoch = best[:2]
        self.learner.set_weights(best[2])
        self.seconds = time.time() - started

    def probabilities(self, known_book, known_value, query_book, users=32):
        """Returns the probabilities of the levels, `[users, queries, 4]`."""
        found = []
        for first in range(0, len(known_book), users):
            rows = slice(first, first + users)
            inputs = {
                "support_x": rating_networks.rows(self.catalogue, known_book[rows]),
                "support_y": levels(known_value[rows, :, None]),
                "query_x": rating_networks.rows(self.catalogue, query_book[rows]),
            }
            found.append(self.learner.predict_on_batch(inputs))
        found = np.concatenate(found).astype("float64")
        return 1 / (1 + np.exp(-(SHARPNESS * (found - 0.5) if self.values else found)))


class FineTuned:
    """One network for all users, trained on rows, then fine-tuned on what is known of each.

    Args:
        data: `rating_data.Data`.
        factors: See `Trained`.
        seed: int.
    """

    def __init__(self, data, factors, seed=0):
        keras.utils.set_random_seed(seed)
        self.catalogue = rating_networks.catalogue(len(data.seen), data.features)
        model = decisions(embedding(data, factors, {}, seed), seed)
        users = np.random.default_rng(seed).permutation(np.unique(data.train.user))
        last = np.isin(data.train.user, users[: len(users) // 8])
        parts = [
            rating_networks.tasks(
                rating_networks.training_table(data.train.rows(rows), data.features), 5, 30
            )
            for rows in (~last, last)
        ]
        self.model = baselines.train_pooled_model(
            model, *parts, loss=lambda y, z: loss_of_logits(levels(y), z), epochs=15, patience=2
        )
        self.methods = [
            baselines.FineTuning(self.model, rate, (0, 1, 5), head_only, True, "sgd")
            for head_only, rates in ((True, (0.03, 0.3)), (False, (0.03,)))
            for rate in rates
        ]

    @property
    def settings(self):
        return [setting for method in self.methods for setting in method.settings]

    def probabilities(self, known_book, known_value, query_book):
        """Returns the probabilities of the levels, `[settings, users, queries, 4]`."""
        found = []
        for method in self.methods:
            predict = tf.function(
                lambda inputs, method=method: method.predictions(inputs, loss_of_logits),
                reduce_retracing=True,
                autograph=False,
            )
            of_users = [
                predict(
                    {
                        "support_x": rating_networks.rows(self.catalogue, known),
                        "support_y": levels(value[:, None]),
                        "query_x": rating_networks.rows(self.catalogue, query),
                    }
                ).numpy()
                for known, value, query in zip(known_book, known_value, query_book, strict=True)
            ]
            found.append(np.stack(of_users, 1))
        return 1 / (1 + np.exp(-np.concatenate(found).astype("float64")))
