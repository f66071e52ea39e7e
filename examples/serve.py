"""A small HTTP server for an exported learner. It needs TensorFlow and Flask, but not keras_meta.

    pip install "keras-meta[serve]"
    python examples/serve.py serving/ --port 8000

A client sends a support set and receives a handle, with which it then asks for predictions:

    POST /tasks                       {"support_x": [...], "support_y": [...]}  {"handle": ...}
    POST /tasks/<handle>/predictions  {"query_x": [...]}                        {"predictions": ...}
    GET  /ready                                                                 {"ready": true, ...}

A handle expires after a while without use, and the least recently used one when there are too many.
A SavedModel is a program: serve only those that you have exported yourself. Put a server in front
of this one that authenticates users and provides TLS.
"""

import argparse
import collections
import json
import secrets
import sys
import threading
import time

import flask
import numpy as np
import tensorflow as tf
import waitress
import werkzeug.exceptions


class BadRequest(ValueError):
    """An invalid request. The message is sent to the client."""


class Tasks:
    """The states of tasks by handle, for a limited time and in a limited number.

    Args:
        lifetime: Seconds after its last use at which a task is discarded.
        capacity: Maximum number of tasks. The least recently used ones beyond it are discarded.
        clock: Callable that returns the time in seconds.
    """

    def __init__(self, lifetime, capacity, clock=time.monotonic):
        self.lifetime, self.capacity, self.clock = lifetime, capacity, clock
        self._tasks = collections.OrderedDict()  # the least recently used one first
        self._lock = threading.Lock()

    def add(self, state):
        """Stores a state and returns its handle."""
        handle = secrets.token_urlsafe(16)
        with self._lock:
            self._tasks[handle] = (self.clock(), state)
            self._discard()
        return handle

    def get(self, handle):
        """Returns the state, or `None` if the handle is unknown or has expired."""
        with self._lock:
            self._discard()
            if handle not in self._tasks:
                return None
            _, state = self._tasks.pop(handle)
            self._tasks[handle] = (self.clock(), state)
            return state

    def _discard(self):
        while self._tasks:
            used, _ = next(iter(self._tasks.values()))
            if len(self._tasks) <= self.capacity and self.clock() - used < self.lifetime:
                return
            self._tasks.popitem(last=False)


def load(folder):
    """Returns the endpoints `adapt` and `predict` of a SavedModel, after one call of each."""
    try:
        endpoints = tf.saved_model.load(folder).signatures
    # A damaged file can raise any type of error.
    except Exception as error:
        raise ValueError(f"The SavedModel cannot be read. Received: {folder}: {error}") from error
    missing = {"adapt", "predict"} - set(endpoints)
    if missing:
        raise ValueError(
            f"The SavedModel must have been written by `learner.export`. Received: {folder} "
            f"without the endpoints {sorted(missing)}."
        )
    adapt, predict = endpoints["adapt"], endpoints["predict"]
    state = adapt(**_zeros(inputs_of(adapt)))
    predict(**state, **_zeros(queries_of(adapt, predict)))
    return adapt, predict


def inputs_of(endpoint):
    """Returns the specs of the inputs of an endpoint by name."""
    return endpoint.structured_input_signature[1]


def queries_of(adapt, predict):
    """Returns the specs of the inputs of `predict` that are not part of a state."""
    state = adapt.structured_outputs
    return {name: spec for name, spec in inputs_of(predict).items() if name not in state}


def _zeros(specs):
    return {name: tf.zeros([1, *spec.shape[1:]], spec.dtype) for name, spec in specs.items()}


def arrays(body, specs, most):
    """Parses and checks the arrays in the body of a request.

    Args:
        body: bytes, a JSON object.
        specs: dict of `tf.TensorSpec` by name.
        most: Maximum number of examples.

    Returns:
        dict, name to array.

    Raises:
        BadRequest: If the body is not JSON or the arrays do not match the specs.
    """
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body must be JSON. Received: {error}") from error
    if not isinstance(values, dict) or set(values) != set(specs):
        found = sorted(values) if isinstance(values, dict) else type(values).__name__
        raise BadRequest(f"The body must have the keys {sorted(specs)}. Received: {found}")
    found = {name: _array(name, values[name], spec) for name, spec in specs.items()}
    lengths = {name: len(array) for name, array in found.items()}
    if len(set(lengths.values())) > 1 or not 1 <= min(lengths.values()) <= most:
        raise BadRequest(
            f"There must be 1 to {most} examples, and as many of each key. Received: {lengths}"
        )
    return found


def _array(name, value, spec):
    try:
        array = np.asarray(value)
        fits = array.dtype.kind in "iuf" and spec.shape.is_compatible_with(array.shape)
        result = array.astype(spec.dtype.as_numpy_dtype) if fits else None
    except (ValueError, OverflowError) as error:  # rows of different length, numbers too large
        raise BadRequest(f"`{name}` must be a regular array. Received: {error}") from error
    if not fits:
        kind = "numbers" if array.dtype.kind in "iuf" else "something other than numbers"
        raise BadRequest(
            f"`{name}` must be numbers of shape {list(spec.shape)}. "
            f"Received: {kind} of shape {list(array.shape)}"
        )
    if not np.isfinite(result).all() or (spec.dtype.is_integer and (result != array).any()):
        raise BadRequest(
            f"`{name}` must be finite numbers of type {spec.dtype.name}. Received: other values"
        )
    return result


def make_app(
    folder,
    lifetime=600,
    capacity=1000,
    max_support=200,
    max_queries=1000,
    max_bytes=2**24,
    clock=time.monotonic,
):
    """Loads the model, calls it once, and returns the application of the server.

    Args:
        folder: Folder of an exported learner.
        lifetime: See `Tasks`.
        capacity: See `Tasks`.
        max_support: Maximum number of support examples of a task.
        max_queries: Maximum number of queries in a request.
        max_bytes: Maximum size of a request.
        clock: See `Tasks`.

    Returns:
        A `flask.Flask`.
    """
    adapt, predict = load(folder)
    support_specs, query_specs = inputs_of(adapt), queries_of(adapt, predict)
    num_ways = predict.structured_outputs["predictions"].shape[-1]
    tasks = Tasks(lifetime, capacity, clock)
    app = flask.Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = max_bytes

    def check_labels(labels):
        # A learner of variable way can have at most as many classes as there are examples.
        ways = num_ways or len(labels)
        if not 0 <= labels.min() <= labels.max() < ways:
            raise BadRequest(
                f"`support_y` must be in 0..{ways - 1}. Received: {labels.min()}..{labels.max()}"
            )

    @app.get("/ready")
    def ready():
        inputs = {**support_specs, **query_specs}
        shapes = {name: list(spec.shape) for name, spec in inputs.items()}
        return {"ready": True, "inputs": shapes, "lifetime": lifetime, "capacity": capacity}

    @app.post("/tasks")
    def learn():
        support = arrays(flask.request.get_data(), support_specs, max_support)
        labels = support.get("support_y")
        if labels is not None and labels.dtype.kind in "iu":
            check_labels(labels)
        state = adapt(**{name: tf.constant(x) for name, x in support.items()})
        return {"handle": tasks.add(state), "lifetime": lifetime}, 201

    @app.post("/tasks/<handle>/predictions")
    def answer(handle):
        state = tasks.get(handle)
        if state is None:
            error = "The task is unknown or has expired. Send its support set again."
            return {"error": error}, 404
        queries = arrays(flask.request.get_data(), query_specs, max_queries)
        result = predict(**state, **{name: tf.constant(x) for name, x in queries.items()})
        return {"predictions": result["predictions"].numpy().astype("float64").tolist()}

    @app.errorhandler(BadRequest)
    @app.errorhandler(tf.errors.InvalidArgumentError)
    def refuse(error):
        return {"error": str(error)}, 400

    @app.errorhandler(werkzeug.exceptions.HTTPException)
    def fail(error):
        return {"error": error.description}, error.code

    return app


def main(arguments=None):
    """Runs the server and returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a folder written by `learner.export`")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    try:
        app = make_app(options.folder)
    except ValueError as error:
        print(f"serve: error: {error}", file=sys.stderr)
        return 2
    print(f"Listening on http://{options.host}:{options.port}", flush=True)
    waitress.serve(app, host=options.host, port=options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
