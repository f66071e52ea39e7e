"""In-context learning of tables: a network that was trained to learn, its training, estimators."""

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
