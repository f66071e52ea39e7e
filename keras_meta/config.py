"""TensorFlow settings that make meta-learning on a CPU fast."""

import os
import warnings

import tensorflow as tf

_hinted = False


def one_task_per_core(cores=None):
    """Computes one task on each core. Call it before TensorFlow runs anything.

    A task is a chain of small operations. By default TensorFlow spreads each of them over all
    cores, which costs more than it gains. It is faster to compute as many tasks in parallel as
    there are cores, each on one of them.

    TensorFlow also keeps the memory it has allocated, up to the peak. By default it returns large
    tensors to the operating system, which then provides the same pages again, filled with zeros:
    for element-wise operations on many images, that takes most of the time.

    One setting must be made before Python starts, in the environment: on processors without
    AVX-512, TensorFlow uses oneDNN only with `TF_ENABLE_ONEDNN_OPTS=1`. Without it, convolutions of
    many or large images take up to twice as long.

    Args:
        cores: int. Number of tasks that are computed in parallel. Defaults to the number of cores.

    Raises:
        RuntimeError: If TensorFlow has already started with other settings.

    Example:

    ```python
    import keras_meta

    keras_meta.config.one_task_per_core()
    ```
    """
    cores = cores or os.cpu_count() or 1
    wanted = (cores, 1)
    threading = tf.config.threading

    def current():
        return (
            threading.get_inter_op_parallelism_threads(),
            threading.get_intra_op_parallelism_threads(),
        )

    # TensorFlow reads it when it creates the first tensor. A value set by the user is kept.
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "1")
    if current() == wanted:
        return
    try:
        threading.set_inter_op_parallelism_threads(cores)
        threading.set_intra_op_parallelism_threads(1)
    except RuntimeError as error:
        raise RuntimeError(
            "`one_task_per_core()` must be called before TensorFlow starts, that is, before the "
            "first tensor, model or dataset is created. Move the call to the top of the program. "
            f"Received: TensorFlow running with (inter, intra) = {current()} threads."
        ) from error


def hint_once():
    """Warns once if the program computes on a CPU without `one_task_per_core`."""
    global _hinted
    # TensorFlow's default of 0 means as many threads as there are cores.
    spreads = tf.config.threading.get_intra_op_parallelism_threads() != 1
    if (
        _hinted
        or not spreads
        or (os.cpu_count() or 1) == 1
        or tf.config.list_physical_devices("GPU")
    ):
        return
    _hinted = True
    warnings.warn(
        "On a CPU, meta-learning is faster with one task per core. Call "
        "`keras_meta.config.one_task_per_core()` at the top of the program, before the first "
        "tensor, model or dataset is created.",
        stacklevel=3,
    )
