"""Splits of a table, and the scores of a method on one."""

import time

import numpy as np
from sklearn import metrics, model_selection

_ROWS = 300
_QUERIES = 500
_LEVELS = (0.05, 0.95)


def split(table, y, number, kind):
    """Returns row numbers `(train, test)` of a split: half of the rows, at most 300, to learn from.

    Args:
        table: Data frame.
        y: Array `[rows]`.
        number: int, the number of the split.
        kind: `"classes"` or `"numbers"`; classes have the same share in both parts.
    """
    rows = np.arange(len(table))
    train, test = model_selection.train_test_split(
        rows,
        train_size=min(_ROWS, len(rows) // 2),
        random_state=number,
        stratify=y if kind == "classes" else None,
    )
    return train, test[:_QUERIES]


def evaluate(make, table, y, number, kind):
    """Fits a method to a split and scores it.

    Returns:
        dict of floats: area under the curve, log loss and accuracy, or R2, mean absolute error and
        coverage of the interval; and the seconds of fit and predict.
    """
    train, test = split(table, y, number, kind)
    x, query = table.iloc[train], table.iloc[test]
    model = make(x)
    started = time.perf_counter()
    model.fit(x, y[train])
    fitted = time.perf_counter()
    if kind == "classes":
        probabilities = model.predict_proba(query)
        predicted = time.perf_counter()
        scores = _class_scores(y[test], probabilities, model.classes_)
    else:
        values = model.predict(query)
        predicted = time.perf_counter()
        truth = y[test].astype(float)
        scores = {
            "r2": metrics.r2_score(truth, values),
            "mean_absolute_error": metrics.mean_absolute_error(truth, values),
        }
        if hasattr(model, "predict_quantiles"):
            low, high = model.predict_quantiles(query, _LEVELS).T
            scores["coverage"] = float(((truth >= low) & (truth <= high)).mean())
    seconds = {"fit_seconds": fitted - started, "predict_seconds": predicted - fitted}
    return {name: round(float(x), 5) for name, x in {**scores, **seconds}.items()}


def _class_scores(y, probabilities, classes):
    """Scores of probabilities of classes; the area is the mean over classes against the rest."""
    one_hot = y[:, None] == classes
    areas = [
        metrics.roc_auc_score(one_hot[:, k], probabilities[:, k])
        for k in range(len(classes))
        if 0 < one_hot[:, k].sum() < len(y)
    ]
    clipped = np.clip(probabilities, 1e-6, 1.0)
    clipped /= clipped.sum(1, keepdims=True)
    return {
        "area": np.mean(areas),
        "log_loss": -np.log(clipped[one_hot]).mean(),
        "accuracy": (classes[probabilities.argmax(1)] == y).mean(),
    }
