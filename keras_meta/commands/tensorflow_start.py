"""Starts TensorFlow for a command, without the messages that it prints for programmers."""

import contextlib
import importlib
import os
import signal
import sys

_ALIVE = b"\0"


def start(options):
    """Imports TensorFlow and all of this library, and sets up threads.

    Args:
        options: The parsed arguments of the program.
    """
    if "tensorflow" in sys.modules:
        # Called from a program that has imported TensorFlow, and has seen its messages.
        _import_everything(options)
        return
    # TensorFlow obeys this once it has started. Whoever sets a lower level wants all messages.
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with contextlib.nullcontext() if level in ("0", "1") else _native_messages_held_back():
        _import_everything(options)
        import tensorflow as tf

        # Prints messages about GPUs when it is first called.
        tf.config.list_physical_devices()


def _import_everything(options):
    import tensorflow as tf

    import keras_meta

    tf.get_logger().setLevel("ERROR")
    if not options.tensorflow_threads:
        # Fails if TensorFlow is running already: its threads are not ours to set.
        with contextlib.suppress(RuntimeError):
            keras_meta.config.one_task_per_core()
    for name in keras_meta.__all__:
        importlib.import_module(f"keras_meta.{name}")


@contextlib.contextmanager
def _native_messages_held_back():
    """Holds back what native code writes to file descriptor 2, unless the process crashes.

    Until it has started, TensorFlow writes its messages there whatever the settings are. What
    Python writes to `sys.stderr`, such as warnings, is shown. If native code ends the process, only
    its last words say why: another process holds them, and shows them if this one dies.
    """
    source, sink = os.pipe()
    shown = os.dup(2)
    holder = os.fork()
    if holder == 0:
        _hold(source, sink, shown)
    os.close(source)
    os.dup2(sink, 2)
    python_stderr, sys.stderr = sys.stderr, os.fdopen(shown, "w", buffering=1, closefd=False)
    try:
        yield
    finally:
        sys.stderr = python_stderr
        os.write(sink, _ALIVE)
        os.close(sink)
        # `shown` stays open: loggers made meanwhile write to it.
        os.dup2(shown, 2)
        os.waitpid(holder, 0)


def _hold(source, sink, shown):
    """The other process: reads to the end, and shows what it has read if the writer died."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(sink)
        with os.fdopen(source, "rb") as file:
            held = file.read()
        if not held.endswith(_ALIVE):
            os.write(shown, held)
    finally:
        os._exit(0)
