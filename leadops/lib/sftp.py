"""Putting files on a server that speaks SFTP, through the guarded door.

The server is known by its host key, which must be one of those given: there is no first time that
is believed. Paramiko speaks the protocol over a socket that the guard has opened.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

import paramiko

from leadops.lib.http import Door
from leadops.lib.http.errors import (
    ConnectionLost,
    ConnectTimeout,
    DeadlineExceeded,
    HttpError,
    Interrupted,
    NothingSent,
    TlsFailed,
)
from leadops.lib.http.lines import Line
from leadops.lib.ssh_keys import as_openssh, fingerprint_of, is_private_key

# Paramiko logs what servers say, and tracebacks of connections that end.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

# Bytes of a file that a repeated row is looked for in.
MAX_SCAN = 64 * 1024 * 1024
TAIL = 256 * 1024
# A row is one write, so that rows of others never end up within it.
MAX_ROW = 32_000
_NAMES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


class HostKeyRefused(NothingSent):
    """The server is not the one that it should be; `fingerprint` is what it showed."""

    category = "security"

    def __init__(self, message: str, fingerprint: str) -> None:
        super().__init__(message)
        self.fingerprint = fingerprint


class LoginRefused(NothingSent):
    category = "authentication"


class NotAccepted(Exception):
    """The server understood and said no; nothing is visible there. `status` is HTTP's for it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass(frozen=True, slots=True)
class Login:
    """`secret` is a password, or a private key in PEM."""

    user: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    host_keys: tuple[str, ...]
    login: Login


@dataclass(frozen=True, slots=True)
class Row:
    """`line` holds `key` and ends with a line break; `header` begins a new file."""

    key: str
    line: bytes
    header: bytes = b""


@contextlib.contextmanager
def session(server: Server, *, door: Door, timeout: float) -> Iterator[Session]:
    """A login at the server; `timeout` is in seconds, for all of it.

    Raises HttpError: with may_have_arrived only once a file's name was about to change. Raises
    NotAccepted where the server says no.
    """
    with door.line(server.host, server.port, timeout=timeout) as line:
        transport = None
        try:
            transport = _transport(line, timeout)
            _greet(transport, server)
            _log_in(transport, server.login)
            client = paramiko.SFTPClient.from_transport(transport)
            if client is None:
                raise paramiko.SSHException("no channel")
            client.get_channel().settimeout(timeout)
            yield Session(client, line)
        except (paramiko.SSHException, EOFError, OSError) as error:
            _explain(error, line, timeout)
        finally:
            if transport is not None:
                # Paramiko's thread notices at once that it is over, and not after its next pause.
                with contextlib.suppress(OSError):
                    line.sock.shutdown(socket.SHUT_RDWR)
                transport.close()


def _transport(line: Line, timeout: float) -> paramiko.Transport:
    transport = paramiko.Transport(line.sock)
    transport.banner_timeout = transport.auth_timeout = timeout
    transport.handshake_timeout = transport.channel_timeout = timeout
    return transport


def _greet(transport: paramiko.Transport, server: Server) -> None:
    """Agree on keys, and look whose they are. Raises HostKeyRefused."""
    kinds = dict.fromkeys(key.split()[0] for key in server.host_keys)
    if all(" " in key for key in server.host_keys):
        # A server has keys of several kinds: it is to show the one that is known.
        transport.get_security_options().key_types = tuple(
            name for kind in kinds for name in _NAMES.get(kind, (kind,))
        )
    try:
        transport.start_client(timeout=transport.handshake_timeout)
    except paramiko.IncompatiblePeer as error:
        raise TlsFailed(f"SSH failed: no common way ({_brief(error)})") from error
    shown = transport.get_remote_server_key()
    fingerprint = fingerprint_of(shown.asbytes())
    if not {fingerprint, f"{shown.get_name()} {fingerprint}"} & set(server.host_keys):
        raise HostKeyRefused(
            f"The server showed {shown.get_name()} {fingerprint}, which is not its host_key here. "
            "Ask whose it is before you take it over.",
            fingerprint,
        )


def _log_in(transport: paramiko.Transport, login: Login) -> None:
    try:
        if is_private_key(login.secret):
            transport.auth_publickey(login.user, _key(login.secret))
        else:
            transport.auth_password(login.user, login.secret)
    except paramiko.AuthenticationException as error:
        kind = "key" if is_private_key(login.secret) else "password"
        raise LoginRefused(f"The server does not take user and {kind}") from error
    except ValueError as error:
        raise LoginRefused(f"The private key cannot be used: {error}") from error


def _key(pem: str) -> paramiko.PKey:
    written = as_openssh(pem)
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with contextlib.suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(io.StringIO(written))
    raise ValueError("SSH has no keys of this kind")


class Session:
    """Logged in. Both ways to leave a lead say in a few words what they did."""

    def __init__(self, client: paramiko.SFTPClient, line: Line) -> None:
        self._client = client
        self._line = line

    def place(self, path: str, data: bytes | BinaryIO, *, key: str) -> str:
        """Write a file whole; one of that name is replaced, as only an earlier attempt's can be.

        An open file is read to its end, a piece at a time.
        """
        refusals = self._refusals(f"{path} cannot be put in place")
        with self._draft(path, data, key=key) as (draft, size), refusals:
            self._line.handed_over = True
            self._replace(draft, path)
        return f"{path}: {size} bytes"

    def _replace(self, draft: str, path: str) -> None:
        try:
            self._client.posix_rename(draft, path)
        except OSError as error:
            if error.errno is not None or not self._is_alive():
                raise
            # The server lacks OpenSSH's extension, and SFTP's own rename replaces nothing.
            with contextlib.suppress(FileNotFoundError):
                self._client.remove(path)
            self._client.rename(draft, path)

    def append(self, path: str, row: Row, *, is_repeated: bool) -> str:
        """Add a row once; the file begins with the header.

        The end of the file is always looked at for the row, all of it where `is_repeated`.
        """
        if len(row.line) > MAX_ROW:
            raise NotAccepted(413, f"The row is longer than {MAX_ROW} bytes")
        if self._size(path) is None and self._begin(path, row):
            return f"{path}: begun"
        with self._refusals(f"{path} cannot be added to"), self._client.open(path, "a+b") as file:
            size = file.stat().st_size or 0
            if size and _beginning(file, len(row.header)) != row.header:
                raise NotAccepted(422, f"{path} has other columns: give new files another name")
            end, is_there = _look(file, row.key.encode(), size, whole=is_repeated)
            if is_there:
                return f"{path}: the row is there already"
            before = (b"" if end == b"\n" else b"\n") if size else row.header
            self._line.handed_over = True
            file.write(before + row.line)
        return f"{path}: {len(row.line)} bytes added"

    def _begin(self, path: str, row: Row) -> bool:
        """Make the file with its header and first row; False where another was faster."""
        refusals = self._refusals(f"{path} cannot be begun")
        with self._draft(path, row.header + row.line, key=row.key) as (draft, _), refusals:
            self._line.handed_over = True
            try:
                self._client.rename(draft, path)  # replaces nothing
            except OSError:
                if self._size(path) is None:
                    raise
                self._line.handed_over = False
                self._client.remove(draft)
                return False
        return True

    @contextlib.contextmanager
    def _draft(self, path: str, data: bytes | BinaryIO, *, key: str) -> Iterator[tuple[str, int]]:
        """The data under a name that nobody reads, and its size; taken away again where the server
        says no."""
        folder, _, name = path.rpartition("/")
        draft = f"{folder}/.{name}.{key}.part" if folder else f".{name}.{key}.part"
        try:
            with self._refusals(f"No file can be written in {folder or '/'}"):
                with self._client.open(draft, "wb") as file:
                    file.set_pipelined(True)
                    size = _copy(data, file)
                if self._size(draft) != size:
                    raise NotAccepted(507, "The server kept only a part of the file")
            yield draft, size
        except NotAccepted:
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                self._client.remove(draft)
            raise

    def _size(self, path: str) -> int | None:
        try:
            found = self._client.stat(path)
        except FileNotFoundError:
            return None
        if found.st_mode is not None and stat.S_ISDIR(found.st_mode):
            raise NotAccepted(405, f"{path} is a folder")
        return found.st_size or 0

    def _is_alive(self) -> bool:
        channel = self._client.get_channel()
        return channel is not None and not channel.closed and not self._line.is_cut_off

    @contextlib.contextmanager
    def _refusals(self, what: str) -> Iterator[None]:
        """What the server says no to, as NotAccepted; lost connections pass."""
        try:
            yield
        except OSError as error:
            # Paramiko makes of SFTP's words: no such file, permission denied, and others without
            # a number, as of its own closed connections.
            if error.errno == errno.ENOENT:
                raise NotAccepted(404, f"{what}: no such folder") from error
            if error.errno == errno.EACCES:
                raise NotAccepted(403, f"{what}: permission denied") from error
            if error.errno is None and self._is_alive() and not isinstance(error, TimeoutError):
                raise NotAccepted(507, f"{what}: {_brief(error)}") from error
            raise


def _copy(data: bytes | BinaryIO, file: paramiko.SFTPFile) -> int:
    """How many bytes there were."""
    size = 0
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    while piece := source.read(1024 * 1024):
        file.write(piece)
        size += len(piece)
    return size


def _beginning(file: paramiko.SFTPFile, length: int) -> bytes:
    file.seek(0)
    return bytes(file.read(length)) if length else b""


def _look(file: paramiko.SFTPFile, key: bytes, size: int, *, whole: bool) -> tuple[bytes, bool]:
    """The file's last byte, and whether the key stands in it."""
    begin = 0 if whole else max(size - TAIL, 0)
    if size - begin > MAX_SCAN:
        raise NotAccepted(507, f"The file has more than {MAX_SCAN} bytes: it cannot be searched")
    file.seek(begin)
    kept = b""
    while piece := file.read(1024 * 1024):
        kept = kept[-len(key) :] + piece
        if key in kept:
            return kept[-1:], True
    return kept[-1:], False


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _explain(error: Exception, line: Line, timeout: float) -> NoReturn:
    failure: HttpError
    if line.handed_over:
        failure = ConnectionLost("The connection was closed before the server's word on the file")
        if line.is_cut_off:
            failure = DeadlineExceeded(f"No word on the file within {timeout:g} s")
    elif line.is_cut_off:
        failure = ConnectTimeout(f"The file was not written within {timeout:g} s")
    else:
        failure = Interrupted(f"SSH ended before the file was in place: {_brief(error)}")
    raise failure from error
