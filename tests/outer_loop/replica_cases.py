"""What runs alike on one device, on two, and in two processes on two machines' terms.

    python -m tests.outer_loop.replica_cases FOLDER CASE ...

runs cases under `MultiWorkerMirroredStrategy`, as the worker that TF_CONFIG says, and writes
FOLDER/CASE-<worker>.npz.
"""

import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

import keras_meta
from keras_meta import learners

LEARNERS = {
    "MAML": lambda model: learners.MAML(model, 0.1, 2, batch_norm="running"),
    "MetaSGD": lambda model: learners.MetaSGD(model, 0.1, batch_norm="support"),
    "Reptile": lambda model: learners.Reptile(
        model, 0.05, 3, inner_optimizer="momentum", batch_norm="running"
    ),
    "MAMLPlusPlus": lambda model: learners.MAMLPlusPlus(
        model, 0.1, 2, multi_step_loss_steps=2, first_order_steps=0
    ),
    "SummedLoss": lambda model: learners.MAML(model, 0.1, 2, inner_loss="mse"),
}
# Batches of 4 tasks and a last one of fewer: then one replica has fewer, or none.
CASES = {
    **{f"{name}-{tasks}": (name, tasks) for name in LEARNERS for tasks in (7, 5)},
    **{f"{name}-stream": (name, None) for name in LEARNERS},
}


def build(name):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((1,)),
            layers.Dense(6, "tanh", kernel_regularizer="l2"),
            layers.BatchNormalization(name="normalization"),
            layers.Dropout(0.2),
            layers.Dense(1),
        ],
        name="network",  # tables by step have names made of those of layers
    )
    learner = LEARNERS[name](model)
    loss = keras.losses.MeanSquaredError(reduction="sum") if name == "SummedLoss" else "mse"
    learner.compile(keras.optimizers.SGD(0.05), loss, metrics=["mae"])
    return learner


def data(strategy, tasks, num_batches):
    """A stream of which each worker draws its part, or a few tasks divided among them."""
    waves = keras_meta.episodes.Sinusoid(num_shots=4, num_queries=5)
    if tasks is None:
        return strategy.distribute_datasets_from_function(
            lambda context: waves.as_dataset(4, num_batches, input_context=context)
        )
    ((inputs, y),) = waves.as_dataset(tasks, num_batches=1)
    return tf.data.Dataset.from_tensor_slices((inputs, y)).batch(4)


def run(case, strategy):
    """Trains and evaluates; returns weights and logs as arrays.

    In float64, in which rounding cannot be taken for a wrong mean, nor the other way round.
    """
    name, tasks = CASES[case]
    keras.utils.set_random_seed(0)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    with strategy.scope():
        learner = build(name)
    steps = 2 if tasks is None else None
    history = learner.fit(
        data(strategy, tasks, None), steps_per_epoch=steps, epochs=2, verbose=0, shuffle=False
    )
    evaluated = learner.evaluate(data(strategy, tasks, 2), steps=steps, verbose=0, return_dict=True)
    return {
        **{f"{i}-{v.name}": v.value for i, v in enumerate(learner.variables)},
        **{f"fit-{key}": value for key, value in history.history.items()},
        **{f"evaluate-{key}": value for key, value in evaluated.items()},
    }


if __name__ == "__main__":
    several = tf.distribute.MultiWorkerMirroredStrategy()
    folder, cases = pathlib.Path(sys.argv[1]), sys.argv[2:]
    worker = several.cluster_resolver.task_id
    for case in cases:
        np.savez(folder / f"{case}-{worker}.npz", **run(case, several))
