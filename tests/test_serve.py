"""The example server, through Flask's test client and once through a socket."""

import contextlib
import importlib.util
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request

import keras
import numpy as np
import pytest

import keras_meta

pytest.importorskip("flask", reason="the server needs the extra: pip install 'keras-meta[serve]'")
waitress = pytest.importorskip("waitress", reason="the server needs the extra `serve`")

FILE = pathlib.Path(__file__).parents[1] / "examples" / "serve.py"
sys.path.append(str(FILE.parent))  # as if the server were run as a program
SPEC = importlib.util.spec_from_file_location("serve", FILE)
serve = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(serve)

SUPPORT_X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
SUPPORT = {"support_x": SUPPORT_X.tolist(), "support_y": [0, 1, 2]}
QUERIES = {"query_x": SUPPORT_X[::-1].tolist()}


@pytest.fixture(scope="module")
def learner():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, "relu")])
    learner = keras_meta.learners.PrototypicalNetwork(model)
    labels = np.array([[0, 1, 2]], "int32")
    learner({"support_x": SUPPORT_X[None], "support_y": labels, "query_x": SUPPORT_X[None]})
    return learner


@pytest.fixture(scope="module")
def folder(learner, tmp_path_factory):
    path = tmp_path_factory.mktemp("serving")
    learner.export(path, verbose=False)
    return str(path)


@pytest.fixture
def clock():
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def start(folder, clock, tmp_path):
    """Starts a server on the same file of users, after the one before has ended."""
    apps = []

    def start(folder=folder):
        if apps:
            apps.pop().extensions["users"].close()
        limits = {"max_support": 5, "max_queries": 4, "max_bytes": 2000}
        app = serve.make_app(
            folder, tmp_path / "users.sqlite", lifetime=10, capacity=2, clock=clock, **limits
        )
        apps.append(app)
        return app.test_client()

    yield start
    if apps:
        apps.pop().extensions["users"].close()


@pytest.fixture
def client(start):
    return start()


def learn(client, support=SUPPORT):
    answer = client.post("/tasks", json=support)
    assert answer.status_code == 201, answer.json
    return answer.json["handle"]


def predict(client, handle, queries=QUERIES):
    return client.post(f"/tasks/{handle}/predictions", json=queries)


def test_what_it_answers_is_what_the_learner_predicts(client, learner):
    assert client.get("/ready").json["inputs"]["support_x"] == [None, 4]
    found = predict(client, learn(client)).json["predictions"]
    model = learner.adapt(SUPPORT_X, np.arange(3, dtype="int32"))
    np.testing.assert_allclose(found, model(SUPPORT_X[::-1]), atol=1e-5)


def test_tasks_are_kept_apart(client):
    other = {**SUPPORT, "support_y": [1, 0, 2]}
    handles = learn(client), learn(client, other)
    first, second = (np.array(predict(client, h).json["predictions"]) for h in handles)
    np.testing.assert_allclose(first, second[:, [1, 0, 2]], atol=1e-6)


def test_handles_expire_by_time(client, clock):
    handle = learn(client)
    clock.now = 9.0
    assert predict(client, handle).status_code == 200  # and lives on from here
    clock.now = 18.0
    assert predict(client, handle).status_code == 200
    clock.now = 28.0
    answer = predict(client, handle)
    assert answer.status_code == 404 and "Send its support set again" in answer.json["error"]


def test_handles_expire_by_number(client):
    handles = [learn(client) for _ in range(2)]
    predict(client, handles[0])
    handles.append(learn(client))
    assert [predict(client, handle).status_code for handle in handles] == [200, 404, 200]


def test_users_outlive_a_restart(client, start):
    handle = learn(client)
    before = predict(client, handle).json["predictions"]
    restarted = start()
    assert restarted.get("/ready").json["users"] == 1
    np.testing.assert_array_equal(predict(restarted, handle).json["predictions"], before)


def test_users_of_another_model_are_unknown(client, learner, start, tmp_path):
    handle = learn(client)
    kernel = learner.model.trainable_variables[0]
    value = kernel.numpy()
    kernel.assign(2 * value)
    learner.export(tmp_path / "other", verbose=False)
    kernel.assign(value)
    other = start(str(tmp_path / "other"))
    assert predict(other, handle).status_code == 404
    assert predict(start(), handle).status_code == 200  # the first model again


def test_strings_are_served(tmp_path):
    fruit = ["apple", "pear", "plum"]
    x = keras.Input((), dtype="string", name="fruit")
    lookup = keras.layers.StringLookup(vocabulary=fruit)
    model = keras.Model({"fruit": x}, keras.layers.Embedding(4, 5)(lookup(x)))
    learner = keras_meta.learners.RidgeLearner(model, num_values=1)
    texts, values = (
        keras.ops.convert_to_tensor([fruit]),
        np.array([[[1.0], [2.0], [3.0]]], "float32"),
    )
    inputs = {"support_x": {"fruit": texts}, "support_y": values, "query_x": {"fruit": texts}}
    expected = learner(inputs)[0]
    learner.export(tmp_path / "model", verbose=False)
    app = serve.make_app(str(tmp_path / "model"), tmp_path / "users.sqlite")
    client = app.test_client()
    support_name, query_name = (
        next(name for name in client.get("/ready").json["inputs"] if name.startswith(kind))
        for kind in ("support_x", "query_x")
    )
    support = {support_name: fruit, "support_y": values[0].tolist()}
    found = predict(client, learn(client, support), {query_name: fruit})
    np.testing.assert_allclose(found.json["predictions"], expected, rtol=1e-5)
    for bad, message in [([1, 2, 3], "must be strings. R"), ([["a"]] * 3, "strings of shape")]:
        answer = client.post("/tasks", json={**support, support_name: bad})
        assert answer.status_code == 400 and message in answer.json["error"]
    app.extensions["users"].close()


X = SUPPORT["support_x"]
BAD = {
    "no JSON": (b"support", "The body must be JSON"),
    "nothing": (b"", "The body must be JSON"),
    "nested without end": (b"[" * 1900, "The body must be JSON"),
    "a list": ([1], "must have the keys ['support_x', 'support_y']. Received: list"),
    "a key missing": ({"support_x": X}, "Received: ['support_x']"),
    "a key too many": ({**SUPPORT, "more": 1}, "Received: ['more', "),
    "rows of different length": (
        {**SUPPORT, "support_x": [[1, 2, 3, 4], [1], [2]]},
        "`support_x` must be a regular array",
    ),
    "words": ({**SUPPORT, "support_x": [["a"] * 4] * 3}, "something other than numbers"),
    "nulls": ({**SUPPORT, "support_x": [[None] * 4] * 3}, "something other than numbers"),
    "truths": ({**SUPPORT, "support_y": [True, False, True]}, "something other than numbers"),
    "another shape": (
        {**SUPPORT, "support_x": [[1, 2]] * 3},
        "numbers of shape [None, 4]. Received: numbers of shape [3, 2]",
    ),
    "a number": ({**SUPPORT, "support_y": 1}, "`support_y` must be numbers of shape [None]"),
    "NaN": (b'{"support_x": [[NaN, 1, 1, 1]], "support_y": [0]}', "`support_x` must be finite"),
    "beyond the type": ({"support_x": [[1e300] * 4], "support_y": [0]}, "must be finite numbers"),
    "a label beyond its type": ({**SUPPORT, "support_y": [0, 1, 2**40]}, "of type int32"),
    "a fraction of a label": ({**SUPPORT, "support_y": [0, 1, 1.5]}, "of type int32"),
    "a negative label": ({**SUPPORT, "support_y": [0, 1, -1]}, "must be in 0..2. Received: -1..1"),
    "a large label": ({**SUPPORT, "support_y": [0, 1, 10**9]}, "must be in 0..2. Received: 0..10"),
    "no example": ({"support_x": [], "support_y": []}, "`support_x` must be numbers of shape"),
    "fewer labels": ({**SUPPORT, "support_y": [0, 1]}, "as many of each key. Received: {"),
    "too many examples": ({"support_x": [X[0]] * 6, "support_y": [0] * 6}, "must be 1 to 5 examp"),
}


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("name", BAD)
def test_bad_requests(name, client):
    body, message = BAD[name]
    answer = client.post("/tasks", data=body if isinstance(body, bytes) else json.dumps(body))
    assert answer.status_code == 400
    assert message in answer.json["error"]
    assert learn(client)  # it goes on


def test_other_bad_requests(client):
    handle = learn(client)
    answer = client.post("/tasks", data=b" " * 3000)
    assert answer.status_code == 413 and "exceeds" in answer.json["error"]
    assert predict(client, "../../etc/passwd").status_code == 404
    assert predict(client, handle, {"query_x": [X[0]] * 5}).status_code == 400
    assert client.get("/tasks").status_code == 405
    assert client.get("/nowhere").status_code == 404
    assert "Traceback" not in client.get("/nowhere").text


def test_through_a_socket(folder, tmp_path):
    app = serve.make_app(folder, tmp_path / "users.sqlite")
    server = waitress.create_server(app, host="127.0.0.1", port=0)

    def run():
        with contextlib.suppress(OSError):  # how its loop ends when it is closed from outside
            server.run()

    threading.Thread(target=run, daemon=True).start()
    address = f"http://127.0.0.1:{server.effective_port}"

    def post(path, values):
        with urllib.request.urlopen(address + path, json.dumps(values).encode()) as answer:
            return json.load(answer)

    try:
        with urllib.request.urlopen(address + "/ready") as answer:
            assert json.load(answer)["ready"] is True
        handle = post("/tasks", SUPPORT)["handle"]
        found = post(f"/tasks/{handle}/predictions", QUERIES)["predictions"]
    finally:
        server.close()
        app.extensions["users"].close()
    assert np.argmax(found, -1).tolist() == [2, 1, 0]


@pytest.mark.parametrize("damage", ["missing", "truncated", "no variables", "another model"])
def test_models_that_cannot_be_served(damage, folder, tmp_path, capsys):
    path = tmp_path / "model"
    if damage == "another model":
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).export(path, verbose=False)
    elif damage != "missing":
        shutil.copytree(folder, path)
    if damage == "truncated":
        file = path / "saved_model.pb"
        file.write_bytes(file.read_bytes()[:1000])
    if damage == "no variables":
        shutil.rmtree(path / "variables")
    assert serve.main([str(path), "--users", str(tmp_path / "users.sqlite")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("serve: error: The SavedModel ") and "Received: " in message


def test_a_file_that_is_in_use_or_another(folder, tmp_path, capsys):
    path = tmp_path / "users.sqlite"
    path.write_text("users, one a line\n" * 100)
    assert serve.main([folder, "--users", str(path)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("serve: error: The file of users cannot be used") and "Rec" in message


@pytest.mark.slow
def test_a_killed_server_has_lost_no_user(folder, tmp_path):
    path = tmp_path / "users.sqlite"

    def run():
        options = ["--port", "0", "--users", str(path)]
        server = subprocess.Popen(
            [sys.executable, str(FILE), folder, *options], stdout=subprocess.PIPE, text=True
        )
        return server, server.stdout.readline().split()[-1]

    def post(path, values):
        with urllib.request.urlopen(path, json.dumps(values).encode()) as answer:
            return json.load(answer)

    server, address = run()
    handles = []

    def add():
        with contextlib.suppress(OSError):
            while True:
                handles.append(post(address + "/tasks", SUPPORT)["handle"])
                if len(handles) >= 100:
                    server.send_signal(signal.SIGKILL)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.wait()
    server.stdout.close()
    server, address = run()
    try:
        for handle in handles:
            assert post(f"{address}/tasks/{handle}/predictions", QUERIES)["predictions"]
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
