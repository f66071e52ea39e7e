"""In-context learning of tables: a network that was trained to learn, its training, estimators."""

import importlib
import typing

if typing.TYPE_CHECKING:
    from keras_meta.in_context.estimators import InContextClassifier as InContextClassifier
    from keras_meta.in_context.estimators import InContextRegressor as InContextRegressor
    from keras_meta.in_context.predictor import TablePredictor as TablePredictor
    from keras_meta.in_context.weights import read_card as read_card
    from keras_meta.in_context.weights import read_network as read_network

# Imported when they are asked for: scikit-learn is an extra, training says how TensorFlow is to
# start before it does, and the help of the command line names the limits.
_LAZY = {
    "InContextClassifier": "estimators",
    "InContextRegressor": "estimators",
    "TablePredictor": "predictor",
    "read_card": "weights",
    "read_network": "weights",
}


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_LAZY[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise ImportError(
            f"`{name}` needs scikit-learn: pip install keras-meta[tables]. "
            f"Received: no module named {error.name!r}."
        ) from error
    return getattr(module, name)


def __dir__():
    return sorted({*globals(), *_LAZY})
