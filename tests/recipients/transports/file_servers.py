"""SFTP servers on loopback: OpenSSH's, and one that fails where it is told to."""

from __future__ import annotations

import contextlib
import io
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.leadops.http.servers import RawServer, free_port, raw_server

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SFTP_SERVER = "internal-sftp"
needs_sshd = pytest.mark.skipif(SSHD is None, reason="OpenSSH's server is not installed")
USER, PASSWORD = "ann", "s3cret"


@dataclass(frozen=True)
class Key:
    private: str
    public: str


def new_key(kind: str = "ed25519", *, format: PrivateFormat = PrivateFormat.OpenSSH) -> Key:
    private = (
        ed25519.Ed25519PrivateKey.generate()
        if kind == "ed25519"
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    return Key(
        private.private_bytes(Encoding.PEM, format, NoEncryption()).decode(),
        private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    )


@dataclass(frozen=True)
class Sshd:
    port: int
    user: str
    host_keys: tuple[Key, ...]


@contextlib.contextmanager
def sshd(folder: Path, client: Key, *, read_only: bool = False) -> Iterator[Sshd]:
    """OpenSSH's server as the current user, with a key of each kind."""
    keys = (new_key("rsa"), new_key("ed25519"))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it parts privileges
    (folder / "authorized").write_text(client.public + "\n")
    running = Sshd(free_port(), pwd.getpwuid(os.getuid()).pw_name, keys)
    lines = [
        f"Port {running.port}",
        "ListenAddress 127.0.0.1",
        *(f"HostKey {_key_file(folder / f'host_{place}', key)}" for place, key in enumerate(keys)),
        f"AuthorizedKeysFile {folder / 'authorized'}",
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        "PermitRootLogin prohibit-password",
        f"Subsystem sftp {SFTP_SERVER}{' -R' if read_only else ''}",
    ]
    (folder / "config").write_text("\n".join(lines) + "\n")
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [str(SSHD), "-D", "-e", "-f", str(folder / "config")], stderr=log, stdout=log
    )
    try:
        _wait_for(running.port, process, folder / "log")
        yield running
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _key_file(path: Path, key: Key) -> Path:
    path.touch(mode=0o600)
    path.write_text(key.private)
    return path


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"sshd did not start: {log.read_text()}")


@dataclass
class Faults:
    """What a server does wrong. `at` is open, write, close or rename; `how` drop, hang, or the
    status that it answers."""

    at: str = ""
    how: str | int = "drop"
    lacks_posix_rename: bool = False
    keeps: int | None = None  # bytes of a file that it keeps, silently


@dataclass
class FileServer:
    """A server in this process: `root` is where its files are."""

    root: Path
    host_key: Key
    faults: Faults = field(default_factory=Faults)
    served: RawServer | None = None

    @property
    def port(self) -> int:
        assert self.served is not None
        return self.served.port

    def __call__(self, conn: socket.socket) -> None:
        transport = paramiko.Transport(conn)
        transport.add_server_key(
            paramiko.Ed25519Key.from_private_key(io.StringIO(self.host_key.private))
        )
        transport.set_subsystem_handler("sftp", _Subsystem, _Files, self, transport)
        with contextlib.suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=_Logins())
            while transport.is_active():
                time.sleep(0.02)
        transport.close()


class _Subsystem(paramiko.SFTPServer):
    def _process(self, kind: int, number: int, message: Any) -> None:
        faulty = kind == 200 and self.server.of.faults.lacks_posix_rename
        if faulty:
            self._send_status(number, paramiko.SFTP_OP_UNSUPPORTED)
            return
        super()._process(kind, number, message)


class _Logins(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    def __init__(
        self, server: Any, of: FileServer, transport: paramiko.Transport, *args: Any
    ) -> None:
        super().__init__(server)
        self.of = of
        self.transport = transport

    def fail(self, at: str) -> int | None:
        faults = self.of.faults
        if faults.at != at:
            return None
        if faults.how == "hang":
            time.sleep(60)
        if isinstance(faults.how, int):
            return faults.how
        self.transport.sock.close()
        raise EOFError

    def path(self, path: str) -> Path:
        return self.of.root / path.lstrip("/")

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self.path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        if (failed := self.fail("open")) is not None:
            return failed
        try:
            fd = os.open(self.path(path), flags, 0o600)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        handle = _Handle(flags)
        handle.files = self
        handle.filename = str(self.path(path))
        handle.readfile = handle.writefile = os.fdopen(
            fd, "r+b" if flags & os.O_RDWR else "wb", buffering=0
        )
        return handle

    def remove(self, path: str) -> int:
        try:
            self.path(path).unlink()
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno))
        return paramiko.SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        if self.path(newpath).exists():
            return paramiko.SFTP_FAILURE
        return self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        if (failed := self.fail("rename")) is not None:
            return failed
        os.replace(self.path(oldpath), self.path(newpath))
        return paramiko.SFTP_OK


class _Handle(paramiko.SFTPHandle):
    files: _Files
    filename: str

    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.stat(self.filename))

    def write(self, offset: int, data: bytes) -> int:
        if (failed := self.files.fail("write")) is not None:
            return failed
        keeps = self.files.of.faults.keeps
        return int(super().write(offset, data if keeps is None else data[:keeps]))

    def close(self) -> None:
        super().close()


@contextlib.contextmanager
def file_server(root: Path, faults: Faults | None = None) -> Iterator[FileServer]:
    server = FileServer(root, new_key(), faults or Faults())
    with raw_server(server) as served:
        server.served = served
        yield server
