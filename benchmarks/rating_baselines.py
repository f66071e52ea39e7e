"""Recommenders that do not meta-learn, each with the settings that validation users choose from.

A method is a class. Its objects are made from training ratings and settings; `scores` learns new
users from the books that are known of them, and rates all books:

    scores(known_book [users, known], known_value [users, known]) -> [users, books]
"""

import numpy as np


class Bias:
    """`m + b_i + b_u`, both biases shrunken towards zero; with `of_user=inf` the item mean.

    Args:
        train: `Ratings`.
        books: int, the number of all books.
        of_item: float. Ratings with a bias of zero that each book is credited with.
        of_user: float. The same for users.
    """

    def __init__(self, train, books, of_item=5.0, of_user=5.0):
        self.of_user, self.mean = of_user, train.value.mean()
        _, user = np.unique(train.user, return_inverse=True)
        self.item, of_users = np.zeros(books), np.zeros(user.max() + 1)
        for _ in range(1 if np.isinf(of_user) else 8):
            self.item = _shrunken(
                train.book, train.value - self.mean - of_users[user], of_item, books
            )
            of_users = _shrunken(user, train.value - self.mean - self.item[train.book], of_user)

    def of_users(self, known_book, known_value):
        """Returns the residuals of known ratings by item, and the biases of their users."""
        residual = known_value - self.mean - self.item[known_book]
        return residual, residual.sum(1) / (residual.shape[1] + self.of_user)

    def scores(self, known_book, known_value):
        _, user = self.of_users(known_book, known_value)
        return self.mean + self.item[None] + user[:, None]


class Factors:
    """Matrix factorisation by alternating least squares; new users are folded in.

        r_ui = m + b_u + b_i + p_u q_i,   penalties  l |p|^2, l |q|^2, l_b b_u^2, l_b b_i^2

    Folding in finds `b_u` and `p_u` of a new user by ridge regression on the known ratings.

    Args:
        train: `Ratings`.
        books: int.
        size: int. The number of factors.
        penalty: float `l`.
        of_bias: float `l_b`.
        rounds: int. Rounds of alternation.
        seed: int. Seed of the initial factors.
    """

    def __init__(self, train, books, size, penalty, of_bias=5.0, rounds=12, seed=0):
        random = np.random.default_rng(seed)
        _, user = np.unique(train.user, return_inverse=True)
        self.mean = train.value.mean()
        self.penalty, self.of_bias = penalty, of_bias
        penalties = np.r_[of_bias, np.full(size, penalty)]
        y = train.value - self.mean
        by_user, by_book = _Rows(user), _Rows(train.book, books)
        self.item = np.zeros((books, size + 1))
        self.item[:, 1:] = random.normal(0, 0.1, (books, size))
        self.item[:, 0] = Bias(train, books).item
        for _ in range(rounds):
            rows = _with_one(self.item[train.book])
            users = by_user.ridge(rows, y - self.item[train.book, 0], penalties)
            rows = _with_one(users[user])
            self.item = by_book.ridge(rows, y - users[user, 0], penalties)
        self.users = users

    def folded(self, penalty=None, of_bias=None):
        """Returns the same factors with other penalties of new users."""
        other = object.__new__(type(self))
        other.__dict__ = {**self.__dict__}
        other.penalty = self.penalty if penalty is None else penalty
        other.of_bias = self.of_bias if of_bias is None else of_bias
        return other

    def with_features(self, features, train, penalty):
        """Returns the same factors, with those of new books from features, by ridge regression.

        Args:
            features: Array `[books, features]`.
            train: `Ratings`.
            penalty: float.
        """
        other = self.folded()
        count = np.bincount(train.book, minlength=len(features)).astype("float64")
        weighted = features * count[:, None]
        matrix = features.T @ weighted + penalty * np.eye(features.shape[1])
        predicted = features @ np.linalg.solve(matrix, weighted.T @ self.item)
        other.item = np.where((count > 0)[:, None], self.item, predicted)
        return other

    def scores(self, known_book, known_value):
        x = _with_one(self.item[known_book])
        y = known_value - self.mean - self.item[known_book, 0]
        penalties = np.r_[self.of_bias, np.full(x.shape[2] - 1, self.penalty)]
        users = _solve(np.swapaxes(x, 1, 2) @ x, np.einsum("unf,un->uf", x, y), penalties)
        return self.mean + self.item[None, :, 0] + users @ _with_one(self.item).T


class Correlations:
    """How the residuals of two books agree among users who rated both.

    Args:
        train: `Ratings`.
        books: int.
        of_user: float. See `Bias`.

    Attributes:
        bias: `Bias`.
        common: Array `[books, books]`, the number of those users.
        positive: Array `[books, books]`, cosine similarities above zero, with a diagonal of zero.
    """

    def __init__(self, train, books, of_user=1.5):
        self.bias = Bias(train, books, of_user=of_user)
        _, user = np.unique(train.user, return_inverse=True)
        residual = train.value - self.bias.mean - self.bias.item[train.book]
        residual -= _shrunken(user, residual, of_user)[user]
        dense = train.matrix(books, residual)
        rated = train.matrix(books, np.ones_like(residual))
        norms = np.maximum(np.sqrt(np.square(dense).sum(0)), 1e-9)
        self.common = rated.T @ rated
        self.positive = np.maximum(dense.T @ dense, 0.0) / norms / norms[:, None]
        np.fill_diagonal(self.positive, 0.0)


class Neighbours:
    """Nearest neighbours over items: what a user's known books say of others like them.

        s_ij = sum over users r_ui r_uj / sqrt(sum r_ui^2 sum r_uj^2) * n_ij / (n_ij + a)
        f_ui = bias + sum over known j of  s_ij r_uj / (sum of |s_ij| + c),   s_ij > 0

    with the residuals `r` of the biases.

    Args:
        correlations: `Correlations`.
        shrinkage: float `a`.
        constant: float `c`.
    """

    def __init__(self, correlations, shrinkage, constant):
        self.bias = correlations.bias
        self.constant = constant
        common = correlations.common
        self.similarity = correlations.positive * (common / (common + shrinkage))

    def with_constant(self, constant):
        """Returns the same neighbours with another `c`."""
        other = object.__new__(type(self))
        other.__dict__ = {**self.__dict__, "constant": constant}
        return other

    def scores(self, known_book, known_value):
        residual, user = self.bias.of_users(known_book, known_value)
        residual = residual - user[:, None]
        found = self.bias.scores(known_book, known_value)
        for row, (book, r) in enumerate(zip(known_book, residual, strict=True)):
            near = self.similarity[book]
            found[row] += r @ near / (near.sum(0) + self.constant)
        return found


class _Rows:
    """Rows grouped by a number, for many ridge regressions."""

    def __init__(self, number, count=None):
        self.order = np.argsort(number, kind="stable")
        sizes = np.bincount(number, minlength=count or 0)
        self.ends = np.cumsum(sizes)
        self.starts = self.ends - sizes

    def ridge(self, x, y, penalties):
        """Weights `[groups, features]` of each group, of rows `x` and values `y`."""
        x, y = x[self.order], y[self.order]
        found = np.zeros((len(self.starts), x.shape[1]))
        for group, (start, end) in enumerate(zip(self.starts, self.ends, strict=True)):
            if end > start:
                a, b = x[start:end], y[start:end]
                found[group] = np.linalg.solve(a.T @ a + np.diag(penalties), a.T @ b)
        return found


def _solve(matrices, vectors, penalties):
    return np.linalg.solve(matrices + np.diag(penalties), vectors[..., None])[..., 0]


def _with_one(items):
    """Returns `[1, q]` of rows `[b, q]`."""
    return np.concatenate([np.ones_like(items[..., :1]), items[..., 1:]], -1)


def _shrunken(number, values, prior, count=None):
    total = np.bincount(number, values, minlength=count or 0)
    return total / (np.bincount(number, minlength=count or 0) + prior)


def one_hot(data, least=5):
    """Returns features of books `[books, features]`: a 1 for each category that is frequent."""
    columns = [np.ones(len(data.seen))]
    for values in data.features.values():
        names, counts = np.unique(values.astype(str), return_counts=True)
        columns += [values == name for name in names[(counts >= least) & (names != "")]]
    return np.stack(columns, 1).astype("float32")
