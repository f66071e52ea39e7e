"""States of users in a SQLite file: a limited number of them, for a limited time, through restarts.

What `add` has returned is on disk. It needs nothing but the standard library.
"""

import collections
import secrets
import sqlite3
import threading
import time


class UserStore:
    """States by handle, in a file.

    A handle is discarded after a while without use, and the least recently used ones when there
    are too many. Threads that add at the same time share one transaction, because waiting for the
    disk is what it costs. When a handle was last used is written with the next transaction, or when
    a hundredth of the lifetime has passed: a process that is killed forgets no state, only as much
    of its age.

    Args:
        path: Path of the file, which one process at a time may use.
        model: str that identifies the model. Handles of another model are unknown.
        lifetime: Seconds after its last use at which a handle is discarded.
        capacity: Maximum number of handles.
        clock: Callable that returns the time in seconds, which goes on while no process runs.

    Raises:
        ValueError: If the file is not such a store, or another process uses it.
    """

    def __init__(self, path, model, lifetime, capacity, clock=time.time):
        self.model, self.lifetime, self.capacity, self.clock = model, lifetime, capacity, clock
        self._index = threading.Lock()  # guards the attributes that follow
        self._used = collections.OrderedDict()  # handle to time, the least recently used first
        self._touched, self._discarded = set(), set()
        self._waiting = {}  # handle to state, of those that are to be written
        self._written = clock()
        self._disk = threading.Lock()  # guards the connection; taken before the index, or alone
        self._connection = self._open(path)

    def add(self, state):
        """Stores a state, bytes, and returns its handle once it is on disk."""
        handle = secrets.token_urlsafe(16)
        with self._index:
            self._waiting[handle] = state
        with self._disk:
            try:
                # A thread that came before may have written it.
                if handle in self._waiting:
                    self._write()
            finally:
                self._waiting.pop(handle, None)
        return handle

    def get(self, handle):
        """Returns the state, or `None` if the handle is unknown or has expired."""
        with self._index:
            self._discard()
            if self._used.pop(handle, None) is None:
                return None
            now = self._used[handle] = self.clock()
            self._touched.add(handle)
            is_late = now - self._written > self.lifetime / 100
        with self._disk:
            if is_late:
                self._write()
            found = self._connection.execute("SELECT state FROM users WHERE handle = ?", (handle,))
            row = found.fetchone()
        return row and row[0]  # another thread may have discarded it

    def close(self):
        """Writes when handles were used, and closes the file."""
        with self._disk:
            self._write()
            self._connection.close()

    def __len__(self):
        with self._index:
            self._discard()
            return len(self._used)

    def _open(self, path):
        connection = sqlite3.connect(path, timeout=0, check_same_thread=False, isolation_level=None)
        try:
            # Of what is in the file, `_used` has an index: no other process may change it.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # a commit waits for the disk
            connection.execute(
                "CREATE TABLE IF NOT EXISTS users "
                "(handle TEXT PRIMARY KEY, model TEXT, used REAL, state BLOB)"
            )
            connection.execute("DELETE FROM users WHERE used <= ?", (self.clock() - self.lifetime,))
            rows = connection.execute(
                "SELECT handle, used FROM users WHERE model = ? ORDER BY used, rowid", (self.model,)
            )
            self._used.update(rows)
        except sqlite3.Error as error:
            connection.close()
            raise ValueError(
                "The file of users cannot be used: it may be that of another program, or in use "
                f"by another server. Received: {path}: {error}"
            ) from error
        return connection

    def _write(self):
        """Commits all that has changed. The caller holds `_disk`."""
        with self._index:
            now = self._written = self.clock()
            added = [(handle, self.model, now, state) for handle, state in self._waiting.items()]
            touched = [(self._used[x], x) for x in self._touched if x in self._used]
            discarded = [(handle,) for handle in self._discarded]
            self._touched.clear()
            self._discarded.clear()
        # It commits, or rolls back if the disk is full: then whoever waits tries again.
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            execute = self._connection.executemany
            execute("INSERT INTO users VALUES (?, ?, ?, ?)", added)
            execute("UPDATE users SET used = ? WHERE handle = ?", touched)
            execute("DELETE FROM users WHERE handle = ?", discarded)
        with self._index:
            for handle, *_ in added:
                del self._waiting[handle]
                self._used[handle] = now
            self._discard()

    def _discard(self):
        """Forgets handles that are too old or too many. The caller holds `_index`."""
        while self._used:
            handle, used = next(iter(self._used.items()))
            if len(self._used) <= self.capacity and self.clock() - used < self.lifetime:
                return
            del self._used[handle]
            self._discarded.add(handle)
