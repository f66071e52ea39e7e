"""The stage `reading`: which of all books will a user go on to rate with four or five stars?

It is another question than how a book would be rated, and is learned from other examples: books
that a user has rated, beside books that the user has not.
"""

import time

import keras
import numpy as np
import rating_networks
import record
import tensorflow as tf
from rating_learners import KNOWN

from keras_meta import learners, metrics

LIKED = 4
# Scores near 0 and 1 are logits after multiplication by this.
SHARPNESS = 20.0
CHOICE = {"negatives": 400, "size": 256, "apart": True, "dropout": 0.0, "rate": 2e-5}
SETTINGS = [
    CHOICE,
    {**CHOICE, "rate": 1e-4},
    {**CHOICE, "negatives": 100},
    {**CHOICE, "apart": False},
    {**CHOICE, "size": 128},
]


class Popularity:
    """The number of training users who have read a book."""

    def __init__(self, read):
        self.count = read.sum(0)

    def scores(self, known):
        return np.tile(self.count, (len(known), 1))


class ItemWeights:
    """Scores are sums over known books of weights between items `[books, books]`."""

    def __init__(self, weights):
        self.weights = weights

    def scores(self, known):
        return self.weights[known].sum(1)


def cosine(read, shrinkage):
    """Nearest neighbours over items: shrunken cosine similarities."""
    common = read.T @ read
    norms = np.sqrt(np.maximum(common.diagonal(), 1e-9))
    weights = common / norms / norms[:, None] * (common / (common + shrinkage))
    np.fill_diagonal(weights, 0.0)
    return ItemWeights(weights)


def linear_autoencoder(read, penalty, least=5):
    """Ridge regression of each book on all others, of those with `least` readers.

    Reference: Steck, 2019, "Embarrassingly shallow autoencoders for sparse data".
    """
    often = np.flatnonzero(read.sum(0) >= least)
    gram = read[:, often].T @ read[:, often]
    inverse = np.linalg.inv(gram + penalty * np.eye(len(often), dtype="float32"))
    weights = -inverse / inverse.diagonal()
    np.fill_diagonal(weights, 0.0)
    found = np.zeros((read.shape[1],) * 2, "float32")
    found[np.ix_(often, often)] = weights
    return ItemWeights(found)


class ImplicitFactors:
    """Matrix factorisation of what was read, with more weight on what was; folded in.

        sum over u, i of  (1 + a x_ui) (x_ui - p_u q_i)^2  +  l (|p|^2 + |q|^2)

    Reference: Hu, Koren, Volinsky, 2008.
    """

    def __init__(self, read, size, weight, penalty, rounds=8, seed=0):
        self.weight, self.penalty = weight, penalty
        random = np.random.default_rng(seed)
        self.item = random.normal(0, 0.1, (read.shape[1], size))
        by_user = [np.flatnonzero(row) for row in read]
        by_book = [np.flatnonzero(column) for column in read.T]
        for _ in range(rounds):
            users = self.solved(self.item, by_user)
            self.item = self.solved(users, by_book)

    def solved(self, others, rows):
        """Factors of users from those of books, or the other way round."""
        size = others.shape[1]
        shared = others.T @ others + self.penalty * np.eye(size)
        found = np.zeros((len(rows), size))
        for number, row in enumerate(rows):
            x = others[row]
            vector = (1 + self.weight) * x.sum(0)
            found[number] = np.linalg.solve(shared + self.weight * x.T @ x, vector)
        return found

    def scores(self, known):
        return self.solved(self.item, known) @ self.item.T


def popularity(data):
    """A tenth of the centred logarithm of the number of readers `[books]`; 0 for new books."""
    count = np.log1p(np.bincount(data.train.book, minlength=len(data.seen)))
    return 0.1 * (count - count[data.seen].mean()) * data.seen


def cosine_factors(read, size):
    """Vectors of books `[books, size]` whose products are nearly the cosines of their readers."""
    scaled = read / np.sqrt(read.sum(0) + 1.0)
    _, vectors = np.linalg.eigh(scaled @ scaled.T)
    return scaled.T @ vectors[:, ::-1][:, :size]


def recommenders(data):
    """Yields `(name, setting, method)`."""
    books = len(data.seen)
    read = data.train.matrix(books, np.ones_like(data.train.value))
    liked = data.train.matrix(books, (data.train.value >= LIKED).astype("float32"))
    for of, matrix in (("read", read), ("liked", liked)):
        yield "popularity", of, Popularity(matrix)
        for shrinkage in (1.0, 10.0):
            yield "nearest neighbours", f"{of}, shrinkage {shrinkage:g}", cosine(matrix, shrinkage)
        for penalty in (100.0, 500.0):
            made = linear_autoencoder(matrix, penalty)
            yield "linear autoencoder (EASE)", f"{of}, penalty {penalty:g}", made
        for size in (16, 32, 64):
            for weight in (1.0, 5.0):
                made = ImplicitFactors(matrix, size, weight, 10.0)
                setting = f"{of}, {size} factors, weight {weight:g}"
                yield "matrix factorisation, folded in", setting, made


class Reading:
    """What users of a split go on to like.

    Args:
        users: `recommendation.Users`.
        seen: bool array `[books]`, the candidates.
    """

    def __init__(self, users, seen):
        queries = users.asked["held back"]
        self.known_book = users.known_book
        self.liked = np.zeros((len(queries.book), len(seen)), bool)
        user, place = np.nonzero(queries.mask & (queries.value >= LIKED))
        self.liked[user, queries.book[user, place]] = True
        self.seen = seen

    def recall(self, scores, number):
        """Recall@20 of each user with `number` known books; NaN for users who like none."""
        candidates = np.tile(self.seen, (len(scores), 1))
        np.put_along_axis(candidates, self.known_book[:, :number], False, 1)
        return metrics.recall(self.liked, scores, 20, candidates)


def listwise(y, scores):
    """Negative log-probability of what was read among all queries of a task."""
    y, scores = y[..., 0], SHARPNESS * scores[..., 0]
    return -tf.reduce_sum(y * tf.nn.log_softmax(scores), -1) / tf.reduce_sum(y, -1)


def stream(data, negatives, seed, batch_size=32, positives=10):
    """Meta-batches of users: some of the books they know; others that they like, and strangers."""
    catalogue = rating_networks.catalogue(len(data.seen), data.features)
    order = np.argsort(data.train.user, kind="stable")
    _, first = np.unique(data.train.user[order], return_index=True)
    users = [(data.train.book[rows], data.train.value[rows]) for rows in np.split(order, first[1:])]
    users = [user for user in users if (user[1] >= LIKED).sum() >= positives + max(KNOWN)]
    seen = np.flatnonzero(data.seen)

    def batches():
        random = np.random.default_rng(seed)
        for step in range(10**9):
            number, known, asked = KNOWN[step % len(KNOWN)], [], []
            for user in random.integers(len(users), size=batch_size):
                book, value = users[user]
                place = random.permutation(len(book))
                book, value = book[place], value[place]
                known.append(book[:number])
                liked = book[number:][value[number:] >= LIKED][:positives]
                strangers = random.choice(seen, negatives)
                while (read := np.isin(strangers, book)).any():
                    strangers[read] = random.choice(seen, read.sum())
                asked.append(np.r_[liked, strangers])
            yield np.array(known, "int32"), np.array(asked, "int32")

    def episodes(known, asked):
        y = tf.repeat([1.0, 0.0], [positives, negatives])
        inputs = {
            "support_x": rating_networks.rows(catalogue, known),
            "support_y": tf.ones_like(known, tf.float32)[..., None],
            "query_x": rating_networks.rows(catalogue, asked),
        }
        return inputs, tf.tile(y[None, :, None], [batch_size, 1, 1])

    specs = [
        tf.TensorSpec((batch_size, length), tf.int32) for length in (None, positives + negatives)
    ]
    return tf.data.Dataset.from_generator(batches, output_signature=tuple(specs)).map(episodes)


class LearnedReader:
    """Ridge regression of 1 for each known book, on an embedding learned for the softmax of others.

    It starts near nearest neighbours: the products of its vectors are cosine similarities.
    """

    def __init__(self, data, factors, setting, seed, epochs, steps, recall):
        keras.utils.set_random_seed(seed)
        started = time.time()
        self.catalogue = rating_networks.catalogue(len(data.seen), data.features)
        rows = np.concatenate([factors[:, : setting["size"]], popularity(data)[:, None]], 1)
        names = ("author", "series") if setting["apart"] else ()
        body = rating_networks.item_network(
            data.train, data.features, rows, setting["dropout"], names, scale=0.05, seed=seed
        )
        # The larger the penalty, the more are weights a sum over known books, as of neighbours.
        self.learner = learners.RidgeLearner(
            body, num_values=1, learned_prior=True, regularization=3.0
        )
        prior = np.zeros(self.learner.prior.shape)
        prior[setting["size"]] = 0.1
        self.learner.prior.assign(prior)
        self.learner.log_constant.assign(np.log(0.1))
        rate = keras.optimizers.schedules.CosineDecay(setting["rate"], epochs * steps)
        self.learner.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), listwise)
        batches, best = stream(data, setting["negatives"], seed), None
        for epoch in range(-1, epochs):
            if epoch >= 0:
                self.learner.fit(batches, steps_per_epoch=steps, verbose=0)
            found = recall(self)
            if best is None or found > best[0]:
                best = found, epoch + 1, self.learner.get_weights()
            elif epoch >= best[1] + 1:  # two epochs without a better one
                break
        self.recall, self.epoch = best[:2]
        self.learner.set_weights(best[2])
        self.seconds = time.time() - started

    def scores(self, known):
        embedded = self.learner.model(self.catalogue, training=False).numpy()
        ones = tf.ones([known.shape[1], 1])
        adapt = self.learner.traced(("head",), lambda x, y: self.learner.adapt_task(x, y)["head"])
        found = []
        for books in known:
            kernel, bias = adapt(rating_networks.rows(self.catalogue, books), ones)
            found.append((embedded @ kernel.numpy() + bias.numpy())[:, 0])
        return np.stack(found)


def run(benchmark):
    """Chooses settings, and compares on test users with each seed."""
    found, data = benchmark.result["reading"], benchmark.data
    validation, test = (Reading(benchmark.users[x], data.seen) for x in ("validation", "test"))

    def recalls(method, of):
        return {k: of.recall(method.scores(of.known_book[:, :k]), k) for k in KNOWN}

    best = {}
    for name, setting, method in recommenders(data):
        chosen = {k: float(np.nanmean(values)) for k, values in recalls(method, validation).items()}
        print("reading", name, setting, {k: round(v, 4) for k, v in chosen.items()}, flush=True)
        of_test = recalls(method, test)
        for k in KNOWN:
            if (name, k) not in best or chosen[k] > best[name, k][0]:
                best[name, k] = chosen[k], setting, of_test[k]
    found["recommenders"] = {
        f"{k} known": {
            name: {"setting": setting, "validation": round(value, 4), "recall_at_20": _of(values)}
            for (name, number), (value, setting, values) in best.items()
            if number == k
        }
        for k in KNOWN
    }
    benchmark.write()

    read = data.train.matrix(len(data.seen), np.ones_like(data.train.value))
    factors = cosine_factors(read, max(setting["size"] for setting in SETTINGS))

    def recall_at_5_known(learner):
        return float(np.nanmean(validation.recall(learner.scores(validation.known_book[:, :5]), 5)))

    def trained(setting, seed):
        return LearnedReader(
            data,
            factors,
            setting,
            seed,
            benchmark.arguments.epochs,
            benchmark.arguments.steps,
            recall_at_5_known,
        )

    rows = [row for row in found.get("choose", []) if row["setting"] in SETTINGS]
    found["choose"] = rows
    for setting in SETTINGS[len(rows) :]:
        made = trained(setting, 0)
        row = {"setting": setting, "recall_at_5_known": round(made.recall, 4), "epoch": made.epoch}
        rows.append({**row, "seconds": round(made.seconds)})
        print("reading", rows[-1], flush=True)
        benchmark.write()
    setting = max(rows, key=lambda row: row["recall_at_5_known"])["setting"]
    learned = found.get("ridge on learned embeddings", {})
    if learned.get("setting") != setting:
        learned = found["ridge on learned embeddings"] = {"setting": setting}
    for seed in benchmark.arguments.seeds:
        key = f"seed {seed}"
        if key in learned:
            continue
        made = trained(setting, seed)
        values = recalls(made, test)
        learned[key] = {"epoch": made.epoch, "seconds": round(made.seconds)} | {
            f"{k} known": {
                "recall_at_20": _of(values[k]),
                "less_recommenders_paired": {
                    name: _of(values[k] - theirs)
                    for (name, number), (_, _, theirs) in best.items()
                    if number == k
                },
            }
            for k in KNOWN
        }
        print("reading", key, learned[key]["5 known"]["recall_at_20"], flush=True)
        benchmark.write()


def _of(values):
    return record.interval(values[~np.isnan(values)])
