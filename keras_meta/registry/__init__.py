"""The registry: one row for each part of the library, from which every list of parts is made.

From these rows come the attributes of `keras_meta.learners`, the choices of the command line, the
tests that every learner must pass and the tables of `docs/guides/learners.md`, which
`python -m keras_meta.registry` prints. A new learner is one file and one row. Importing the
registry does not import TensorFlow.
"""

from keras_meta.registry import (
    embedding_learners,
    generators,
    gradient_learners,
    policy_learners,
    statistics,
)
from keras_meta.registry.row import Generated as Generated
from keras_meta.registry.row import Learner as Learner
from keras_meta.registry.row import Policy as Policy
from keras_meta.registry.row import Row as Row

ROWS = (
    *gradient_learners.ROWS,
    *embedding_learners.ROWS,
    *generators.LEARNERS,
    *generators.GENERATED,
    *policy_learners.ROWS,
    *statistics.ROWS,
)


def of_kind(kind):
    """Returns all rows of one kind.

    Args:
        kind: str: `"learner"`, `"generated"`, `"policy"` (a learner whose tasks are
            environments) or `"statistics"`.

    Returns:
        Tuple of `Row`.

    Example:

    ```python
    from keras_meta import registry

    print([row.name for row in registry.of_kind("statistics")])
    ```
    """
    return tuple(row for row in ROWS if row.kind == kind)


def find(kind, name):
    """Returns the row of one part.

    Args:
        kind: str. See `of_kind`.
        name: str.

    Returns:
        A `Row`; for `"generator"`, the first of its rows: see `learner`.

    Raises:
        ValueError: If there is no such row.
    """
    rows = of_kind(kind)
    for row in rows:
        if row.name == name:
            return row
    names = list(dict.fromkeys(row.name for row in rows))
    raise ValueError(f"{kind} must be one of {names}. Received: {name!r}.")


def learner(name, generates=None):
    """Returns the row of a learner.

    Args:
        name: str, as on the command line.
        generates: str. What a `"generator"` generates, a name of the kind `"generated"`.

    Returns:
        A `Learner`.

    Raises:
        ValueError: If there is no such row.

    Example:

    ```python
    from keras_meta import registry

    assert registry.learner("fomaml").settings == {"first_order": True}
    assert registry.learner("generator", generates="film").generated.class_name == "FiLM"
    ```
    """
    if generates is None:
        return find("learner", name)
    generated = find("generated", generates)
    for row in of_kind("learner"):
        if (row.name, row.generated) == (name, generated):
            return row
    raise ValueError(
        "`generates` is for the learner 'generator'. "
        f"Received: learner {name!r} with generates={generates!r}."
    )
