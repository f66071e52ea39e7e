"""Methods to compare: the in-context learner, and those of scikit-learn, default and tuned."""

import warnings

import numpy as np
from sklearn import (
    compose,
    ensemble,
    exceptions,
    impute,
    linear_model,
    model_selection,
    neighbors,
    pipeline,
    preprocessing,
    svm,
)

from keras_meta.in_context import InContextClassifier, InContextRegressor

# Some solvers stop early, and rare classes are in fewer rows than there are folds.
warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
warnings.simplefilter("ignore", UserWarning)
warnings.simplefilter("ignore", FutureWarning)

_DECADES = np.logspace(-3, 3, 7)


def _prepared(model, frame):
    """Numbers filled in and standardised, categories one-hot."""
    is_number = [dtype.kind in "iufb" for dtype in frame.dtypes]
    numbers = [name for name, number in zip(frame, is_number, strict=True) if number]
    categories = [name for name in frame if name not in numbers]
    fill = impute.SimpleImputer(add_indicator=True, keep_empty_features=True)
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    names = impute.SimpleImputer(strategy="constant", fill_value="missing", missing_values=None)
    columns = compose.ColumnTransformer(
        [
            ("numbers", pipeline.make_pipeline(fill, preprocessing.StandardScaler()), numbers),
            ("categories", pipeline.make_pipeline(names, one_hot), categories),
        ]
    )
    return pipeline.make_pipeline(columns, model)


def _tuned(model, grid, scoring):
    def make(frame):
        prepared = _prepared(model(), frame)
        name = prepared.steps[-1][0]
        settings = {f"{name}__{key}": values for key, values in grid.items()}
        return model_selection.GridSearchCV(prepared, settings, scoring=scoring, cv=5)

    return make


def _default(model):
    return lambda frame: _prepared(model(), frame)


_FOREST = {"max_features": ["sqrt", 0.5, 1.0], "min_samples_leaf": [1, 3, 10]}
_BOOSTING = {"learning_rate": [0.03, 0.1], "max_depth": [1, 3, 6], "n_estimators": [100]}
_SVM = {"C": np.logspace(-1, 3, 5), "gamma": ["scale", 0.01, 0.1]}
_NEIGHBORS = {"n_neighbors": [1, 3, 5, 10, 20, 40], "weights": ["uniform", "distance"]}

CLASSES = {
    "logistic": lambda: linear_model.LogisticRegression(max_iter=1000),
    "forest": lambda: ensemble.RandomForestClassifier(random_state=0),
    "boosting": lambda: ensemble.GradientBoostingClassifier(random_state=0),
    "svm": lambda: svm.SVC(probability=True, random_state=0),
    "neighbors": lambda: neighbors.KNeighborsClassifier(),
}
NUMBERS = {
    "ridge": lambda: linear_model.Ridge(),
    "forest": lambda: ensemble.RandomForestRegressor(random_state=0),
    "boosting": lambda: ensemble.GradientBoostingRegressor(random_state=0),
    "svm": lambda: svm.SVR(),
    "neighbors": lambda: neighbors.KNeighborsRegressor(),
}
_GRIDS = {
    "logistic": {"C": _DECADES},
    "ridge": {"alpha": _DECADES},
    "forest": _FOREST,
    "boosting": _BOOSTING,
    "svm": _SVM,
    "neighbors": _NEIGHBORS,
}


def methods(kind, weights=None, members=8):
    """Returns a dict, name of a method to a function from a data frame to an estimator.

    Args:
        kind: `"classes"` or `"numbers"`.
        weights: Path of the weights of the in-context learner, or `None` for the library's.
        members: int. See `InContextClassifier`.
    """
    classes = kind == "classes"
    ours = InContextClassifier if classes else InContextRegressor
    scoring = "neg_log_loss" if classes else "neg_mean_squared_error"
    found = {"in-context": lambda frame: ours(members=members, weights=weights)}
    for name, model in (CLASSES if classes else NUMBERS).items():
        found[name] = _default(model)
        found[f"{name} (tuned)"] = _tuned(model, _GRIDS[name], scoring)
    return found
