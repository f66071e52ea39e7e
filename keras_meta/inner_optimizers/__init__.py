"""Differentiable optimizers for the inner steps."""

from keras_meta.inner_optimizers.adam import Adam as Adam
from keras_meta.inner_optimizers.curvature import Curvature as Curvature
from keras_meta.inner_optimizers.inner_optimizer import InnerOptimizer as InnerOptimizer
from keras_meta.inner_optimizers.inner_optimizer import check_setting
from keras_meta.inner_optimizers.learned import Learned as Learned
from keras_meta.inner_optimizers.rmsprop import RMSprop as RMSprop
from keras_meta.inner_optimizers.sgd import SGD as SGD

_BY_NAME = {
    "sgd": SGD,
    "momentum": lambda **kwargs: SGD(momentum=0.9, **kwargs),
    "nesterov": lambda **kwargs: SGD(momentum=0.9, nesterov=True, **kwargs),
    "adam": Adam,
    "rmsprop": RMSprop,
}


def get(optimizer, learning_rate=None):
    """Returns an inner optimizer, which may be given by its name.

    Args:
        optimizer: `"sgd"`, `"momentum"`, `"nesterov"`, `"adam"`, `"rmsprop"`, or an
            `InnerOptimizer`, which has its own learning rate.
        learning_rate: float, `Learned` or a schedule, for an optimizer that is given by name.
            Defaults to that of its class.

    Returns:
        An `InnerOptimizer`.

    Raises:
        ValueError: If the name is unknown, or the learning rate is given twice.

    Example:

    ```python
    from keras_meta import inner_optimizers

    optimizer = inner_optimizers.get("adam", learning_rate=0.01)
    assert isinstance(optimizer, inner_optimizers.Adam)
    ```
    """
    if isinstance(optimizer, InnerOptimizer):
        if learning_rate is not None:
            raise ValueError(
                "The inner learning rate is given twice. Leave out `inner_learning_rate` if "
                "`inner_optimizer` is an `InnerOptimizer`, which has its own learning rate. "
                f"Received: inner_learning_rate={learning_rate!r}, inner_optimizer={optimizer!r}."
            )
        return optimizer
    if optimizer not in _BY_NAME:
        raise ValueError(
            f"`inner_optimizer` must be one of {list(_BY_NAME)} or an `InnerOptimizer`. "
            f"Received: inner_optimizer={optimizer!r}."
        )
    if learning_rate is None:
        return _BY_NAME[optimizer]()
    return _BY_NAME[optimizer](learning_rate=check_setting("inner_learning_rate", learning_rate))
