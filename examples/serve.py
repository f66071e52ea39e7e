"""A small HTTP server for an exported learner. It needs TensorFlow and Flask, but not keras_meta.

    pip install "keras-meta[serve]"
    python examples/serve.py serving/ --port 8000

A client sends a support set and receives a handle, with which it then asks for predictions:

    POST /tasks                       {"support_x": [...], "support_y": [...]}  {"handle": ...}
    POST /tasks/<handle>/predictions  {"query_x": [...]}                        {"predictions": ...}
    GET  /ready                                                                 {"ready": true, ...}

What the model has learned of a user is on disk before the answer is sent, in a SQLite file
(`--users`): a handle outlives a restart, and a server that is killed. It expires after a while
without use, and the least recently used one when there are too many. A handle of another model is
unknown.
A SavedModel is a program: serve only those that you have exported yourself. Put a server in front
of this one that authenticates users and provides TLS.
"""

import argparse
import hashlib
import json
import pathlib
import sqlite3
import sys
import time

import flask
import numpy as np
import tensorflow as tf
import waitress
import werkzeug.exceptions
from user_store import UserStore


class BadRequest(ValueError):
    """An invalid request. The message is sent to the client."""


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


def fingerprint(folder):
    """Returns a str that differs between models, a hash of the files that hold them."""
    digest = hashlib.sha256()
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and path.name != "fingerprint.pb":  # has a random number
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def to_bytes(state):
    """Returns the state of a task, a dict of tensors, as bytes."""
    tensors = [tf.io.serialize_tensor(tensor) for _, tensor in sorted(state.items())]
    return tf.io.serialize_tensor(tf.stack(tensors)).numpy()


def from_bytes(found, specs):
    """Returns the state of a task from its bytes, with the specs of its tensors by name."""
    tensors = tf.unstack(tf.io.parse_tensor(found, tf.string), len(specs))
    return {
        name: tf.io.parse_tensor(tensor, spec.dtype)
        for (name, spec), tensor in zip(sorted(specs.items()), tensors, strict=True)
    }


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
    if spec.dtype == tf.string:
        return _strings(name, value, spec)
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


def _strings(name, value, spec):
    try:
        array = np.asarray(value, object)
    except ValueError as error:  # rows of different length
        raise BadRequest(f"`{name}` must be a regular array. Received: {error}") from error
    if not spec.shape.is_compatible_with(array.shape):
        raise BadRequest(
            f"`{name}` must be strings of shape {list(spec.shape)}. "
            f"Received: shape {list(array.shape)}"
        )
    if not all(isinstance(text, str) for text in array.flat):
        raise BadRequest(f"`{name}` must be strings. Received: something other than strings")
    return array


def make_app(
    folder,
    users,
    lifetime=30 * 24 * 3600,
    capacity=100_000,
    max_support=200,
    max_queries=1000,
    max_bytes=2**24,
    clock=time.time,
):
    """Loads the model, calls it once, and returns the application of the server.

    Args:
        folder: Folder of an exported learner.
        users: Path of the file of the states of users, which is made if there is none.
        lifetime: See `UserStore`.
        capacity: See `UserStore`.
        max_support: Maximum number of support examples of a task.
        max_queries: Maximum number of queries in a request.
        max_bytes: Maximum size of a request.
        clock: See `UserStore`.

    Returns:
        A `flask.Flask`.
    """
    adapt, predict = load(folder)
    support_specs, query_specs = inputs_of(adapt), queries_of(adapt, predict)
    num_ways = predict.structured_outputs["predictions"].shape[-1]
    state_specs = adapt.structured_outputs
    store = UserStore(users, fingerprint(folder), lifetime, capacity, clock)
    app = flask.Flask(__name__)
    app.extensions["users"] = store
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
        limits = {"lifetime": lifetime, "capacity": capacity}
        return {"ready": True, "inputs": shapes, "users": len(store), **limits}

    @app.post("/tasks")
    def learn():
        support = arrays(flask.request.get_data(), support_specs, max_support)
        labels = support.get("support_y")
        if labels is not None and labels.dtype.kind in "iu":
            check_labels(labels)
        state = adapt(**{name: tf.constant(x) for name, x in support.items()})
        return {"handle": store.add(to_bytes(state)), "lifetime": lifetime}, 201

    @app.post("/tasks/<handle>/predictions")
    def answer(handle):
        found = store.get(handle)
        if found is None:
            error = "The task is unknown or has expired. Send its support set again."
            return {"error": error}, 404
        queries = arrays(flask.request.get_data(), query_specs, max_queries)
        state = from_bytes(found, state_specs)
        result = predict(**state, **{name: tf.constant(x) for name, x in queries.items()})
        return {"predictions": result["predictions"].numpy().astype("float64").tolist()}

    @app.errorhandler(BadRequest)
    @app.errorhandler(tf.errors.InvalidArgumentError)
    def refuse(error):
        return {"error": str(error)}, 400

    @app.errorhandler(sqlite3.Error)
    def fail_to_store(error):
        return {"error": f"The user could not be stored. Try again later. ({error})"}, 503

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
    parser.add_argument("--users", default="users.sqlite", help="the file of the states of users")
    parser.add_argument("--lifetime", type=float, default=30.0, help="days without use")
    parser.add_argument("--capacity", type=int, default=100_000, help="the most users")
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args(arguments)
    try:
        app = make_app(options.folder, options.users, options.lifetime * 86400, options.capacity)
    except ValueError as error:
        print(f"serve: error: {error}", file=sys.stderr)
        return 2
    server = waitress.create_server(
        app, host=options.host, port=options.port, threads=options.threads
    )
    print(f"Listening on http://{options.host}:{server.effective_port}", flush=True)
    try:
        server.run()
    finally:
        app.extensions["users"].close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
