"""In-context learning of tables: a network that was trained to learn, its training, estimators."""

import typing

from keras_meta.in_context.predictor import TablePredictor as TablePredictor
from keras_meta.in_context.weights import read_card as read_card
from keras_meta.in_context.weights import read_network as read_network

if typing.TYPE_CHECKING:
    from keras_meta.in_context.estimators import InContextClassifier as InContextClassifier
    from keras_meta.in_context.estimators import InContextRegressor as InContextRegressor

_ESTIMATORS = ("InContextClassifier", "InContextRegressor")


def __getattr__(name):
    # Imported when they are asked for: scikit-learn is an extra.
    if name not in _ESTIMATORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from keras_meta.in_context import estimators
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise ImportError(
            f"`{name}` needs scikit-learn: pip install keras-meta[tables]. "
            f"Received: no module named {error.name!r}."
        ) from error
    return getattr(estimators, name)


def __dir__():
    return sorted({*globals(), *_ESTIMATORS})
