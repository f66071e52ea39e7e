"""scikit-learn's interface to in-context learning of tables."""

import numbers

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from keras_meta.in_context import exporting
from keras_meta.in_context.columns import TableColumns
from keras_meta.in_context.distribution import INTERVAL, bucket_mean, bucket_quantiles
from keras_meta.in_context.limits import check_classes, check_table
from keras_meta.in_context.predictor import TablePredictor
from keras_meta.in_context.weights import read_network

_networks = {}


def network(path):
    """Reads a network once."""
    if path not in _networks:
        _networks[path] = read_network(path)
    return _networks[path]


class _InContextEstimator(BaseEstimator):
    """What the classifier and the regressor share."""

    def __init__(self, members=8, random_state=0, weights=None):
        self.members = members
        self.random_state = random_state
        self.weights = weights

    def _read(self, x, y):
        """Reads the training rows, `x` as an array of any type and `y` as the network takes it."""
        members = self.members
        if not isinstance(members, numbers.Integral) or members < 1:
            raise ValueError(f"`members` must be an integer >= 1. Received: members={members!r}.")
        check_table(*x.shape)
        names = getattr(self, "feature_names_in_", [f"x{j}" for j in range(x.shape[1])])
        self.columns_ = TableColumns(x.T, names)
        table = self.columns_(x.T)
        random = self.random_state
        seed = random if isinstance(random, numbers.Integral) else np.random.default_rng(random)
        self.predictor_ = TablePredictor(
            network(self.weights), table, y, self.columns_.categories, members, seed
        )
        return self

    def _probabilities(self, x):
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, dtype=None, ensure_all_finite="allow-nan")
        return self.predictor_.probabilities(self.columns_(x.T))

    def export(self, filepath, format="tf_saved_model", verbose=True, query_size=None):
        """Writes what has been read, to predict rows without scikit-learn, Keras and this library.

        A SavedModel has an endpoint `serve`, which takes each column by its name, `[rows]`: numbers
        as float64, NaN where missing, and categories as strings, `""` where missing. It returns
        `class` and `probabilities`; or `mean`, and `lower` and `upper`, the ends of the interval
        that is to cover nine of ten values.

        A file for LiteRT has a signature `predict`, which takes `x`, float32 `[query_size,
        columns]`, in which a category is its number in alphabetical order, and does not return
        `class`.

        Args:
            filepath: Folder to write, or file ending in `.tflite`.
            format: `"tf_saved_model"` or `"litert"`.
            verbose: bool. Whether to print inputs and outputs.
            query_size: int. Number of rows that LiteRT predicts at a time.

        Raises:
            ValueError: If the format is unknown, or the options are not those of the format.
        """
        check_is_fitted(self)
        table = exporting.ReadTable(self.predictor_, self.columns_, self._outputs())
        exporting.export(table, filepath, format, verbose, query_size)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


class InContextClassifier(ClassifierMixin, _InContextEstimator):
    """Classifies rows of a table in one forward pass of a network that has learned to learn.

    Nothing is trained and nothing is tuned: `fit` reads the training rows into the context of the
    network, and `predict` predicts each row on its own. The network was trained on synthetic tables
    only: see `keras_meta.episodes.SyntheticTables`.

    A table is an array or a data frame of numbers, strings and missing values, with at most 1,000
    rows to learn from, 50 columns and 10 classes.

    Args:
        members: int. Predictions are the mean over so many orders of columns and numberings of
            classes. Time is proportional to it.
        random_state: int, of which the orders are a function.
        weights: Path of the weights of a network, or `None` for those of the library.

    Attributes:
        classes_: Array of the classes.

    Example:

    ```python
    from sklearn.datasets import load_iris
    from keras_meta.in_context import InContextClassifier

    x, y = load_iris(return_X_y=True)
    model = InContextClassifier().fit(x[::2], y[::2])
    probabilities = model.predict_proba(x[1::2])
    ```

    Reference:
        [Hollmann et al., 2023](https://arxiv.org/abs/2207.01848)
    """

    def fit(self, X, y):  # noqa: N803
        """Reads the training rows.

        Args:
            X: Array or data frame `[rows, columns]`.
            y: Labels `[rows]`, numbers or strings.

        Returns:
            The estimator.

        Raises:
            ValueError: If there are too many rows, columns or classes, or a value is infinite.
        """
        X, y = validate_data(self, X, y, dtype=None, ensure_all_finite="allow-nan")  # noqa: N806
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        check_classes(len(self.classes_))
        return self._read(X, labels.astype("int32"))

    def predict_proba(self, X):  # noqa: N803
        """Returns the probabilities of classes `[rows, classes]`."""
        return self._probabilities(X)

    def predict(self, X):  # noqa: N803
        """Returns the most probable class of each row."""
        chosen = self.predict_proba(X).argmax(1)  # says so if nothing has been fitted
        return self.classes_[chosen]

    def _outputs(self):
        return exporting.class_outputs(self.classes_)


class InContextRegressor(RegressorMixin, _InContextEstimator):
    """Predicts a number, and its distribution, in one forward pass. See `InContextClassifier`.

    Args:
        members: See `InContextClassifier`.
        random_state: See `InContextClassifier`.
        weights: See `InContextClassifier`.

    Example:

    ```python
    from sklearn.datasets import load_diabetes
    from keras_meta.in_context import InContextRegressor

    x, y = load_diabetes(return_X_y=True)
    model = InContextRegressor().fit(x[::2], y[::2])
    lower, upper = model.predict_quantiles(x[1::2], [0.05, 0.95]).T
    ```
    """

    def fit(self, X, y):  # noqa: N803
        """Reads the training rows. See `InContextClassifier.fit`."""
        X, y = validate_data(  # noqa: N806
            self, X, y, dtype=None, ensure_all_finite="allow-nan", y_numeric=True
        )
        y = np.asarray(y, "float64")
        self.mean_, self.scale_ = y.mean(), y.std() or 1.0
        return self._read(X, (y - self.mean_) / self.scale_)

    def _outputs(self):
        return exporting.number_outputs(self._borders(), INTERVAL)

    def _borders(self):
        return self.predictor_.network.borders.astype("float64") * self.scale_ + self.mean_

    def predict(self, X):  # noqa: N803
        """Returns the means of the predicted distributions `[rows]`."""
        return bucket_mean(self._probabilities(X), self._borders())

    def predict_quantiles(self, X, levels=(0.05, 0.5, 0.95)):  # noqa: N803
        """Returns quantiles of the predicted distributions.

        Args:
            X: Array or data frame `[rows, columns]`.
            levels: Sequence of floats from 0 to 1. The interval between 0.05 and 0.95 is to cover
                nine of ten values.

        Returns:
            Array `[rows, levels]`.
        """
        levels = np.asarray(levels, "float64")
        if levels.ndim != 1 or not ((levels >= 0) & (levels <= 1)).all():
            raise ValueError(
                f"`levels` must be numbers between 0 and 1. Received: levels={levels}."
            )
        return bucket_quantiles(self._probabilities(X), self._borders(), levels)
