"""The example server under load over loopback, and killed: what it answers, and what it has lost.

python benchmarks/served_users.py

Users of `episodes.synthetic_ratings` with five known ratings. Several clients, each with a
connection of its own, add a user (`POST /tasks`) and ask twice for the ratings of twenty items.
Then, while clients add users, the server is killed with SIGKILL, started again on the same file,
and asked for each user that it had acknowledged.
"""

import argparse
import http.client
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import keras
import numpy as np
import record
import tensorflow as tf

import keras_meta

SERVER = pathlib.Path(__file__).parents[1] / "examples" / "serve.py"


def learners(tasks):
    """dict, name to a learner of ratings."""
    scale = float(tasks.table.y.std())
    loss = keras_meta.losses.StandardizedSquaredError(scale)
    found = {
        "ridge regression": keras_meta.learners.RidgeLearner(
            keras_meta.networks.table_network(tasks, num_outputs=None),
            num_values=1,
            learned_prior=True,
            target_mean=float(tasks.table.y.mean()),
            target_scale=scale,
        ),
        "ANIL, 5 steps": keras_meta.learners.ANIL(
            keras_meta.networks.table_network(tasks), 0.1, inner_steps=5
        ),
    }
    for learner in found.values():
        learner.compile("adam", loss)
    return found


def milliseconds(folder, support, queries, repeats):
    """Medians of the endpoints, called in this process without a server."""
    endpoints = tf.saved_model.load(str(folder)).signatures
    support = {name: tf.constant(value) for name, value in support.items()}
    queries = {name: tf.constant(value) for name, value in queries.items()}
    state = endpoints["adapt"](**support)

    def median(call):
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            [x.numpy() for x in call().values()]
            seconds.append(time.perf_counter() - started)
        return round(1000 * statistics.median(seconds), 2)

    return {
        "adapt_milliseconds": median(lambda: endpoints["adapt"](**support)),
        "predict_milliseconds": median(lambda: endpoints["predict"](**state, **queries)),
        "state_bytes": sum(x.numpy().nbytes for x in state.values()),
    }


class Server:
    """The example server in a process of its own."""

    def __init__(self, folder, users, threads):
        options = ["--port", "0", "--users", str(users), "--threads", str(threads)]
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), str(folder), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


class Client:
    """A connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path, values):
        """Returns the status, the answer and the milliseconds of a request."""
        started = time.perf_counter()
        self.connection.request("POST", path, json.dumps(values))
        answer = self.connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body), 1000 * (time.perf_counter() - started)


def by_clients(count, work):
    """Calls `work(client number)` in threads."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def under_load(server, support, queries, clients, seconds):
    """Requests a second and percentiles of their milliseconds, by kind."""
    took = {"adapt": [], "predict": []}
    failed = []
    end = time.perf_counter() + seconds

    def work(number):
        client = Client(server.port)
        while time.perf_counter() < end:
            status, answer, milliseconds = client.post("/tasks", support)
            took["adapt"].append(milliseconds)
            failed.extend([status] * (status != 201))
            for _ in range(2):
                path = f"/tasks/{answer['handle']}/predictions"
                status, _, milliseconds = client.post(path, queries)
                took["predict"].append(milliseconds)
                failed.extend([status] * (status != 200))

    started = time.perf_counter()
    by_clients(clients, work)
    passed = time.perf_counter() - started
    total = sum(map(len, took.values()))
    return {
        "clients": clients,
        "requests_a_second": round(total / passed, 1),
        "users_added_a_second": round(len(took["adapt"]) / passed, 1),
        "failed": len(failed),
        **{
            f"{kind}_milliseconds": {
                "median": round(statistics.median(found), 1),
                "percentile_95": round(float(np.percentile(found, 95)), 1),
            }
            for kind, found in took.items()
        },
    }


def killed(server, restart, support, queries, clients, least):
    """Kills the server while clients add users; how many of those acknowledged are lost."""
    handles = []

    def work(number):
        client = Client(server.port)
        try:
            while True:
                status, answer, _ = client.post("/tasks", support)
                if status == 201:
                    handles.append(answer["handle"])
                if len(handles) >= least:
                    server.process.send_signal(signal.SIGKILL)
        except (OSError, http.client.HTTPException):
            return

    by_clients(clients, work)
    server.kill()
    started = time.perf_counter()
    again = restart()
    client = Client(again.port)
    found = [client.post(f"/tasks/{handle}/predictions", queries)[0] for handle in handles]
    seconds = round(time.perf_counter() - started, 1)
    again.kill()
    return {
        "acknowledged": len(handles),
        "lost": sum(status != 200 for status in found),
        "seconds_to_start_again_and_ask_for_all": seconds,
    }


def requests(tasks, names):
    """The bodies of requests, with the names of the inputs of the endpoints."""
    ((inputs, _),) = tasks.as_dataset(1, num_batches=1)
    support, queries = {}, {}
    for name in names:
        key, _, column = name.partition("_x")
        values = inputs["support_y"] if name == "support_y" else inputs[f"{key}_x"][column[1:]]
        values = values.numpy()[0]
        is_text = values.dtype == object
        values = [text.decode() for text in values] if is_text else values.tolist()
        (queries if key == "query" else support)[name] = values
    return support, queries


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--seconds", type=float, default=10.0, help="of load")
    parser.add_argument("--users", type=int, default=500, help="added before the server is killed")
    parser.add_argument("--threads", type=int, default=8, help="of the server")
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/served_users.json")
    )
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    table = keras_meta.episodes.synthetic_ratings()
    tasks = keras_meta.episodes.from_groups(
        table, task="user", y="rating", num_support=5, num_queries=20
    )
    result = {"command": record.command(), "learners": {}}
    for name, learner in learners(tasks).items():
        keras.utils.set_random_seed(0)
        learner.fit(tasks.as_dataset(16), steps_per_epoch=20, verbose=0)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            learner.export(folder / "model", verbose=False)
            endpoints = tf.saved_model.load(str(folder / "model")).signatures
            adapt, predict = endpoints["adapt"], endpoints["predict"]
            names = {*adapt.structured_input_signature[1], *predict.structured_input_signature[1]}
            support, queries = requests(tasks, sorted(names - set(adapt.structured_outputs)))
            found = milliseconds(folder / "model", support, queries, 201)

            def start(folder=folder):
                return Server(folder / "model", folder / "users.sqlite", arguments.threads)

            server = start()
            found["load"] = [
                under_load(server, support, queries, clients, arguments.seconds)
                for clients in arguments.clients
            ]
            found["killed"] = killed(
                server, start, support, queries, max(arguments.clients), arguments.users
            )
            found["file_bytes"] = sum(path.stat().st_size for path in folder.glob("users.sqlite*"))
        result["learners"][name] = found
        print(name, found, flush=True)
    result["cores"] = os.cpu_count()
    result["load_average_after"] = round(os.getloadavg()[0], 1)
    result["versions"] = record.versions()
    record.write(arguments.out, result)


if __name__ == "__main__":
    main()
