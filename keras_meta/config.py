"""Settings of TensorFlow that meta-learning on a CPU depends on."""

import os
import warnings

import tensorflow as tf

_hinted = False


def one_task_per_core(cores=None):
    """Lets each core work on a task of its own. Call it before TensorFlow runs anything.

    A task is a chain of small operations. Spreading each of them over all cores, as TensorFlow does
    by default, costs more than it gains; running as many tasks at once as there are cores does not.

    TensorFlow also keeps the memory it has used, up to the peak. By default it returns large
    tensors to the system, which hands the same pages out again one by one, filled with zeros: for
    element-wise operations on many images, most of their time.

    What it cannot set any more: on processors without AVX-512 TensorFlow leaves oneDNN off unless
    `TF_ENABLE_ONEDNN_OPTS=1` is in the environment when Python starts. Networks with convolutions
    of many or large images take up to twice as long without it.

    Args:
        cores: int. Number of tasks at once. Defaults to the number of cores.

    Raises:
        RuntimeError: If TensorFlow has already started.

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

    # Read when the first tensor is made. Whoever has set it knows better.
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "1")
    if current() == wanted:
        return
    try:
        threading.set_inter_op_parallelism_threads(cores)
        threading.set_intra_op_parallelism_threads(1)
    except RuntimeError as error:
        raise RuntimeError(
            "`one_task_per_core()` must be called before TensorFlow starts: before the first "
            "tensor, model or dataset is made. Received: a TensorFlow that runs with "
            f"(inter, intra) = {current()} threads. Move the call to the top of the program."
        ) from error


def hint_once():
    """Warns, once in a program, when it computes on a CPU without `one_task_per_core`."""
    global _hinted
    # 0 is TensorFlow's "as many as there are cores".
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
        "tensor, model or dataset is made.",
        stacklevel=3,
    )
