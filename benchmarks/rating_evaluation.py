"""What is measured of predicted ratings, user by user, and how a prediction is read."""

import numpy as np

from keras_meta import metrics

SHIFTS = (0.0, 0.05, 0.1, 0.15)


class Queries:
    """The books that are asked about for each user, as a padded matrix.

    Args:
        ratings: `rating_data.Ratings` of which `user` is a row.
        users: int.

    Attributes:
        book: int array `[users, queries]`.
        value: float array `[users, queries]`.
        mask: bool array `[users, queries]`.
    """

    def __init__(self, ratings, users):
        order = np.argsort(ratings.user, kind="stable")
        count = np.bincount(ratings.user, minlength=users)
        user = ratings.user[order]
        place = np.arange(len(user)) - (np.cumsum(count) - count)[user]
        self.mask = np.arange(count.max()) < count[:, None]
        self.book = np.zeros(self.mask.shape, int)
        self.value = np.zeros(self.mask.shape)
        self.book[user, place] = ratings.book[order]
        self.value[user, place] = ratings.value[order]

    def of(self, scores):
        """Returns the scores of the queries, of scores of all books `[users, books]`."""
        return np.take_along_axis(scores, self.book, 1)

    def means(self, values):
        """Returns the mean over the queries of each user; NaN where there is none."""
        count = self.mask.sum(1)
        total = np.where(self.mask, values, 0.0).sum(1)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)

    def errors(self, stars):
        """Returns the mean absolute error of each user."""
        return self.means(np.abs(stars - self.value))

    def measured(self, mean, stars, least=5):
        """Returns all metrics of each user, a dict of arrays `[users]`.

        Args:
            mean: Array `[users, queries]`, the expected rating, by which books are ranked.
            stars: Array `[users, queries]`, the predicted rating.
            least: int. Users with fewer queries have no ranking.
        """
        gain = metrics.ndcg(self.value, mean, 5, self.mask)
        return {
            "mean_absolute_error": self.errors(stars),
            "mean_absolute_error_of_the_mean": self.errors(mean),
            "root_mean_squared_error": np.sqrt(self.means(np.square(mean - self.value))),
            "ndcg_at_5": np.where(self.mask.sum(1) >= least, gain, np.nan),
        }


def readings(mean, probabilities=None):
    """The ratings that can be predicted: the mean, the mean rounded to stars, the median.

    Ratings are whole numbers, and the absolute error is least at the median: rounding lowers it
    far more than methods differ. Each method is read in the way that is best on validation users.

    Args:
        mean: Array of expected ratings.
        probabilities: Array `[..., 4]` of the levels, or `None`.

    Returns:
        dict, name to array.
    """
    found = {"mean": mean}
    for shift in SHIFTS:
        found[f"mean + {shift:g}, rounded"] = np.clip(np.round(mean + shift), 1, 5)
    if probabilities is not None:
        found["median"] = 1.0 + (probabilities > 0.5).sum(-1)
    return found


def mean_of(probabilities):
    """Expected rating of probabilities of the levels."""
    return 1.0 + probabilities.sum(-1)
