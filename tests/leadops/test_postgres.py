"""The embedded server, with real processes. Each test has a home, so a server, of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from leadops.lib import postgres
from leadops.lib.embedded import place

USER = """
import sys
from pathlib import Path
from leadops.lib import postgres
home = Path(sys.argv[1])
postgres.attach(home)
print("joined", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    # Not tmp_path: pytest closes its folders to the user that the server drops to.
    folder = Path(tempfile.mkdtemp(prefix="leadops-tests-pg-"))
    folder.chmod(0o755)
    yield folder
    postgres.stop(folder)
    shutil.rmtree(folder)


class User:
    """Another process that joins the server and stays until told to leave."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def joined(self) -> User:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "joined\n"
        return self

    def leave(self) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def query(home: Path, sql: str) -> object:
    with psycopg.connect(**postgres.conninfo(home)) as connection:  # type: ignore[arg-type]
        row = connection.execute(sql).fetchone()  # type: ignore[arg-type]
        return row and row[0]


def execute(home: Path, sql: str) -> None:
    with psycopg.connect(**postgres.conninfo(home)) as connection:  # type: ignore[arg-type]
        connection.execute(sql)  # type: ignore[arg-type]


def wait_for(condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def main_pid(home: Path) -> int:
    return int(postgres.place(home).pid_file.read_text().split()[0])


def test_it_makes_a_server_and_the_last_user_stops_it(home: Path) -> None:
    one, other = User(home).joined(), User(home).joined()
    assert query(home, "SHOW jit") == "off"
    assert query(home, "SHOW fsync") == "on"
    assert query(home, "SHOW server_encoding") == "UTF8"
    assert query(home, "SELECT 'B' < 'a' AND upper('ä') = 'Ä'") is True
    one.leave()
    assert postgres.answers(home)
    other.leave()
    assert postgres.pids(home) == []


def test_it_listens_on_no_network(home: Path) -> None:
    user = User(home).joined()
    assert query(home, "SHOW listen_addresses") == ""
    assert postgres.place(home).sockets.stat().st_mode & 0o077 == 0
    user.leave()


def test_racing_processes_start_one_server(home: Path) -> None:
    users = [User(home) for _ in range(6)]
    pids = {main_pid(home) for user in users if user.joined()}
    assert len(pids) == 1
    for user in users:
        user.leave()
    assert postgres.pids(home) == []


def test_racing_leavers_leave_no_server_behind(home: Path) -> None:
    users = [User(home) for _ in range(6)]
    for user in users:
        user.joined()
    for user in users:
        assert user.process.stdin is not None
        user.process.stdin.close()
    for user in users:
        user.process.wait(30)
    assert postgres.pids(home) == []


def test_what_was_committed_survives_kill_9_of_the_server(home: Path) -> None:
    user = User(home).joined()
    execute(home, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(main_pid(home), signal.SIGKILL)
    wait_for(lambda: not postgres.answers(home))
    assert postgres.ensure(home) is True
    assert query(home, "SELECT answer FROM kept") == 42
    user.leave()


def test_what_was_committed_survives_kill_9_of_every_process(home: Path) -> None:
    user = User(home).joined()
    execute(home, "CREATE TABLE kept AS SELECT 42 AS answer")
    for pid in postgres.pids(home):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not postgres.answers(home))
    other = User(home).joined()
    assert query(home, "SELECT answer FROM kept") == 42
    user.leave()
    other.leave()
    assert postgres.pids(home) == []


def test_a_busy_backend_does_not_keep_the_server_down(home: Path) -> None:
    user = User(home).joined()
    busy = "SELECT sum(sqrt(n)) FROM generate_series(1, 10000000000) AS n"
    connection = psycopg.connect(**postgres.conninfo(home))  # type: ignore[arg-type]
    connection.pgconn.send_query(busy.encode())
    os.kill(main_pid(home), signal.SIGKILL)
    wait_for(lambda: not postgres.answers(home))
    assert postgres.ensure(home) is True
    connection.close()
    user.leave()


def test_a_server_left_by_a_killed_parent_is_joined_and_stopped(home: Path) -> None:
    User(home).joined().kill()
    left = main_pid(home)
    assert postgres.answers(home)
    assert not postgres.in_use(home)
    user = User(home).joined()
    assert main_pid(home) == left
    user.leave()
    assert postgres.pids(home) == []


@pytest.mark.parametrize("owner", ["ourselves", "init", "nobody"])
def test_a_stale_pid_file_is_no_obstacle(home: Path, owner: str) -> None:
    """As after a power cut, when the pid may belong to a stranger by now."""
    pid = {"ourselves": os.getpid(), "init": 1, "nobody": 4_000_000}[owner]
    User(home).joined().leave()
    at = postgres.place(home)
    at.pid_file.write_text(f"{pid}\n{at.data}\n1700000000\n5432\n{at.sockets}\n\n  1  1\nready\n")
    (at.sockets / ".s.PGSQL.5432").touch()
    (at.sockets / ".s.PGSQL.5432.lock").write_text(f"{pid}\n")
    user = User(home).joined()
    assert query(home, "SELECT 1") == 1
    user.leave()


def test_a_half_made_data_folder_is_made_anew(home: Path) -> None:
    draft = postgres.place(home).folder / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    User(home).joined().leave()


def test_a_second_start_is_quick(home: Path) -> None:
    User(home).joined().leave()
    started = time.monotonic()
    postgres.ensure(home)
    assert time.monotonic() - started < 10


def test_it_falls_back_to_a_short_socket_path() -> None:
    sockets = postgres.place(Path("/tmp") / ("deep" * 25)).sockets
    assert len(str(sockets / ".s.PGSQL.5432.lock")) <= place.SOCKET_PATH_LIMIT
    assert sockets.parent == Path("/tmp")


def test_it_works_from_a_deep_home(home: Path) -> None:
    deep = home / ("deep" * 25)
    user = User(deep).joined()
    assert query(deep, "SELECT 1") == 1
    user.leave()
    assert postgres.pids(deep) == []
    postgres.place(deep).sockets.rmdir()


def test_it_refuses_a_socket_folder_that_someone_else_made(home: Path) -> None:
    sockets = postgres.place(home / ("deep" * 25)).sockets
    sockets.symlink_to("/tmp")
    try:
        with pytest.raises(postgres.ServerError, match="belongs to someone else"):
            postgres.attach(home / ("deep" * 25))
    finally:
        sockets.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused by PostgreSQL")
def test_as_root_it_runs_as_someone_else(home: Path) -> None:
    user = User(home).joined()
    owner = Path(f"/proc/{main_pid(home)}").stat().st_uid
    assert owner != 0
    user.leave()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_as_root_in_a_closed_folder_it_moves_the_data(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "STATE_HOME", home / "state")
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    found = postgres.place(closed / "project" / ".leadops")
    assert home / "state" in found.folder.parents
