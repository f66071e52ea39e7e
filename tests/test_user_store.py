"""The store of the example server: limits, restarts, threads, and a process that is killed."""

import pathlib
import sqlite3
import subprocess
import sys
import threading

import pytest

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
sys.path.append(str(EXAMPLES))

from user_store import UserStore  # noqa: E402


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def open_store(tmp_path, clock):
    stores = []

    def open_store(model="model", capacity=3):
        if stores:
            stores.pop().close()
        path = tmp_path / "users.sqlite"
        stores.append(UserStore(path, model, lifetime=10, capacity=capacity, clock=clock))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


def test_states_outlive_the_store(open_store):
    store = open_store()
    first, second = store.add(b"first"), store.add(b"second")
    store = open_store()
    assert (store.get(first), store.get(second)) == (b"first", b"second")
    assert store.get("another") is None and len(store) == 2


def test_the_order_of_use_outlives_the_store(open_store, clock):
    store = open_store()
    first, second, third = (store.add(name) for name in (b"1", b"2", b"3"))
    clock.now += 1
    assert store.get(first) == b"1"
    store = open_store()
    store.add(b"4")
    assert store.get(second) is None
    assert store.get(first) == b"1" and store.get(third) == b"3"


def test_a_lifetime_goes_on_while_no_process_runs(open_store, clock):
    store = open_store()
    old = store.add(b"old")
    clock.now += 5
    new = store.add(b"new")
    clock.now += 5
    store = open_store()
    assert store.get(old) is None and store.get(new) == b"new"


def test_uses_are_written_before_a_process_is_killed(open_store, clock, tmp_path):
    store = open_store()
    handle = store.add(b"state")
    clock.now += 5
    store.get(handle)
    path = tmp_path / "users.sqlite"
    store._connection.close()  # as if it were killed: nothing more is written
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT used FROM users").fetchall() == [(1005.0,)]
    connection.close()
    store._connection = store._open(path)


def test_what_is_discarded_leaves_the_file(open_store, tmp_path):
    store = open_store(capacity=2)
    for number in range(10):
        store.add(b"%d" % number)
    store.close()
    with sqlite3.connect(tmp_path / "users.sqlite") as connection:
        found = {state for (state,) in connection.execute("SELECT state FROM users")}
    connection.close()
    assert found == {b"8", b"9"}
    store._connection = store._open(tmp_path / "users.sqlite")


def test_handles_belong_to_a_model(open_store):
    handle = open_store("one").add(b"state")
    assert open_store("two").get(handle) is None
    assert open_store("one").get(handle) == b"state"


def test_one_process_at_a_time(open_store, tmp_path):
    open_store()
    with pytest.raises(ValueError, match="in use by another server. Received: .*locked"):
        UserStore(tmp_path / "users.sqlite", "model", 10, 3)


def test_threads_share_transactions(open_store):
    store = open_store(capacity=1000)
    found, commits = {}, []
    store._connection.set_trace_callback(lambda text: commits.append(text == "COMMIT"))

    def add(thread):
        for number in range(20):
            state = b"%d %d" % (thread, number)
            found[store.add(state)] = state

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(store) == 160
    assert all(store.get(handle) == state for handle, state in found.items())
    assert sum(commits) < 160


def test_a_write_that_fails_is_not_acknowledged(open_store):
    store = open_store()
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.Error, match="readonly"):
        store.add(b"lost")
    assert len(store) == 0 and not store._waiting
    store._connection.execute("PRAGMA query_only = OFF")
    assert store.get(store.add(b"kept")) == b"kept"
    assert len(store) == 1


KILLED = """
import os, sys, threading
sys.path.append(sys.argv[1])
from user_store import UserStore
store = UserStore(sys.argv[2], "model", 1e6, 10**6)
def run(thread):
    for number in range(10**6):
        state = b"%d %d" % (thread, number)
        os.write(1, b"%s %s\\n" % (store.add(state).encode(), state))  # at once
for thread in range(4):
    threading.Thread(target=run, args=(thread,)).start()
"""


def test_a_killed_process_has_lost_no_acknowledged_user(tmp_path):
    path = tmp_path / "users.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, EXAMPLES, path], stdout=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline() for _ in range(200)]
    process.kill()
    lines += process.stdout.read().splitlines(keepends=True)
    process.stdout.close()
    process.wait()
    store = UserStore(path, "model", 1e6, 10**6)
    for line in lines:
        if line.endswith("\n"):  # of the last one, a part may be missing
            handle, state = line.split(maxsplit=1)
            assert store.get(handle) == state.strip().encode()
    store.close()
