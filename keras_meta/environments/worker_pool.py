"""Worker processes that run Gymnasium environments."""

import os
import pickle
import subprocess
import sys
import weakref

import keras_meta
from keras_meta.environments import gymnasium_worker


class WorkerPool:
    """Workers that answer the same request, each for its share.

    Args:
        setup: Tuple, the arguments of `EpisodeRunner`.
        num_workers: int. Number of processes; with 0, this process does the work.
        runner: Class that does the work in this process.
    """

    def __init__(self, setup, num_workers, runner=gymnasium_worker.EpisodeRunner):
        if num_workers:
            pickled = _pickle(setup)
            self._workers = [_Process(pickled) for _ in range(num_workers)]
        else:
            self._workers = [_InProcess(runner(*setup))]
        self.processes = [w.process for w in self._workers if isinstance(w, _Process)]
        # Also at the end of the interpreter.
        self.close = weakref.finalize(self, _end, self.processes)

    def __len__(self):
        return len(self._workers)

    def request(self, method, arguments):
        """Lets each worker run a method of its `EpisodeRunner`.

        Args:
            method: str.
            arguments: List with a tuple for each worker.

        Returns:
            List of values, one for each worker.

        Raises:
            gymnasium_worker.EpisodeError: If an environment fails.
            RuntimeError: If a worker has died. The pool is of no use then.
        """
        try:
            for worker, own in zip(self._workers, arguments, strict=True):
                worker.send((method, *own))
            # All answers are read before an error is raised, or the next request would get them.
            answers = [worker.receive() for worker in self._workers]
        except BaseException:  # an interrupt, too, would leave answers in the pipes
            self.close()
            raise
        for _, error in answers:
            if error is not None:
                raise gymnasium_worker.EpisodeError(error)
        return [value for value, _ in answers]


class _InProcess:
    def __init__(self, runner):
        self._runner = runner

    def send(self, request):
        self._answer = gymnasium_worker.answer(self._runner, request)

    def receive(self):
        return self._answer


class _Process:
    """A worker process, which ends when its standard input does.

    Neither `fork`, which is unsafe beside TensorFlow's threads, nor `spawn`, which imports the
    user's main module again.
    """

    def __init__(self, setup):
        self.process = subprocess.Popen(
            [sys.executable, gymnasium_worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A worker has one core.
            env={"OMP_NUM_THREADS": "1", **os.environ},
        )
        self._write(pickle.dumps(sys.path) + setup)

    def send(self, request):
        self._write(pickle.dumps(request, protocol=5))

    def receive(self):
        try:
            return pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            raise self._death() from error

    def _write(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise self._death() from error

    def _death(self):
        code = self.process.wait()
        return RuntimeError(
            f"A worker process that runs environments has died. Received: exit code {code} of "
            f"process {self.process.pid}; a negative code is the signal that killed it, and -9 "
            "often means that memory ran out. The error output of the process may say more. "
            "With `num_workers=0` environments run in this process."
        )


def _pickle(setup):
    import cloudpickle

    # By value, since the import of this package, or of the user's module, would bring TensorFlow
    # into the worker.
    make, set_task, *_ = setup
    names = {getattr(x, "__module__", None) for x in (make.func, set_task)}
    modules = [keras_meta, *(sys.modules[name] for name in names if _is_users(name))]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps(setup)
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _is_users(name):
    """Whether a module may import TensorFlow. cloudpickle itself takes care of `__main__`."""
    package = (name or "__main__").partition(".")[0]
    return name in sys.modules and package not in {
        "__main__",
        "gymnasium",
        "functools",
        "keras_meta",
    }


def _end(processes):
    for process in processes:
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.stdout.close()
    for process in processes:
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
