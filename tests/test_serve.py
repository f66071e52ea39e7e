"""The example server, through Flask's test client and once through a socket."""

import contextlib
import importlib.util
import json
import pathlib
import shutil
import threading
import urllib.request

import keras
import numpy as np
import pytest

import keras_meta

pytest.importorskip("flask", reason="the server needs the extra: pip install 'keras-meta[serve]'")
waitress = pytest.importorskip("waitress", reason="the server needs the extra `serve`")

FILE = pathlib.Path(__file__).parents[1] / "examples" / "serve.py"
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
def client(folder, clock):
    app = serve.make_app(
        folder, lifetime=10, capacity=2, max_support=5, max_queries=4, max_bytes=2000, clock=clock
    )
    return app.test_client()


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


def test_through_a_socket(folder):
    server = waitress.create_server(serve.make_app(folder), host="127.0.0.1", port=0)

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
    assert serve.main([str(path)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("serve: error: The SavedModel ") and "Received: " in message
