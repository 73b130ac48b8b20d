"""The environment, read once and typed. Every variable is described in docs/operations.md."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.fernet import Fernet

from leadops.lib import durations

PROJECT = Path(__file__).resolve().parent.parent
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadEnvironment(ValueError):
    """A variable cannot be read; the text names it and what it takes."""


@dataclass(frozen=True)
class Mail:
    """The site's mail server."""

    host: str
    port: int
    starttls: bool
    tls: bool
    username: str
    password: str


@dataclass(frozen=True)
class Environment:
    """What the environment says, with defaults filled in."""

    home: Path
    database_url: str  # empty: the embedded server
    secret_key: str
    secrets_key: str  # Fernet keys, newest first, separated by commas
    allowed_hosts: tuple[str, ...]
    debug: bool
    lease_seconds: float
    private_networks: tuple[Network, ...]
    pump_threads: int  # attempts under way at once, for each pump
    log_level: str
    trust_proxy: bool  # behind a proxy that sets X-Forwarded-Proto
    trusted_proxies: tuple[Network, ...]  # whose X-Forwarded-For says where callers are
    intake_rate: int  # leads a second from one source; 0: as many as come
    api_rate: int  # other calls a second by one caller; 0: as many as come
    web_workers: int
    streams: int  # of events, open at once on this machine
    caller_streams: int  # and of one caller
    mail: Mail
    mail_from: str


def read(environ: Mapping[str, str] = os.environ) -> Environment:
    """The environment; makes and keeps the two secrets when none are given.

    Raises BadEnvironment when a variable does not parse.
    """
    home = Path(environ.get("LEADOPS_HOME") or PROJECT / ".leadops").absolute()
    return Environment(
        home=home,
        database_url=environ.get("DATABASE_URL", ""),
        secret_key=environ.get("SECRET_KEY")
        or kept(home / "secret_key", secrets.token_urlsafe(50)),
        secrets_key=environ.get("LEADOPS_SECRETS_KEY")
        or kept(home / "secrets_key", Fernet.generate_key().decode()),
        allowed_hosts=_words(environ.get("ALLOWED_HOSTS") or "localhost,127.0.0.1,[::1]"),
        debug=flag(environ, "DEBUG"),
        lease_seconds=duration(environ, "LEADOPS_LEASE", "90s"),
        private_networks=networks(environ, "LEADOPS_PRIVATE_NETWORKS"),
        pump_threads=count(environ, "LEADOPS_PUMP_THREADS", 128),
        log_level=(environ.get("LEADOPS_LOG_LEVEL") or "INFO").upper(),
        trust_proxy=flag(environ, "LEADOPS_TRUST_PROXY"),
        trusted_proxies=networks(environ, "LEADOPS_TRUSTED_PROXIES"),
        intake_rate=count(environ, "LEADOPS_INTAKE_RATE", 1000, least=0),
        api_rate=count(environ, "LEADOPS_API_RATE", 50, least=0),
        web_workers=web_workers(environ),
        streams=count(environ, "LEADOPS_STREAMS", 500),
        caller_streams=count(environ, "LEADOPS_CALLER_STREAMS", 20),
        mail=mail(environ.get("EMAIL_URL") or "smtp://localhost"),
        mail_from=environ.get("DEFAULT_FROM_EMAIL") or "leadops@localhost",
    )


def kept(path: Path, fresh: str) -> str:
    """The secret in `path`; `fresh` is stored there first (mode 600) when it has none.

    Safe when several processes come first: one secret wins, all return it.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(fresh + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # unlike rename, fails where another process was faster
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()


def flag(environ: Mapping[str, str], name: str) -> bool:
    """1, true, yes, on; empty and everything that says no is False."""
    text = environ.get(name, "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("", "0", "false", "no", "off"):
        return False
    raise BadEnvironment(f"{name} takes yes or no, not “{text}”.")


def duration(environ: Mapping[str, str], name: str, default: str) -> float:
    """Seconds, more than none, from `90s`, `1.5m`, `500ms`; a bare number is seconds."""
    try:
        seconds = durations.parse(environ.get(name) or default)
    except ValueError as error:
        raise BadEnvironment(f"{name}: {error}") from error
    if seconds == 0:
        raise BadEnvironment(f"{name} must be longer than 0 s.")
    return seconds


def count(environ: Mapping[str, str], name: str, default: int, *, least: int = 1) -> int:
    """A whole number of `least` or more."""
    text = (environ.get(name) or str(default)).strip()
    if not text.isascii() or not text.isdigit() or int(text) < least:
        wanted = "above 0" if least == 1 else f"from {least} on"
        raise BadEnvironment(f"{name} takes a whole number {wanted}, not “{text}”.")
    return int(text)


def web_workers(environ: Mapping[str, str] = os.environ) -> int:
    """Processes of the web server: one for each core, at least two."""
    return count(environ, "LEADOPS_WEB_WORKERS", max(2, os.cpu_count() or 1))


def networks(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """Networks from `127.0.0.0/8, ::1`; a bare address is a network of one."""
    try:
        return tuple(ipaddress.ip_network(word) for word in _words(environ.get(name, "")))
    except ValueError as error:
        raise BadEnvironment(f"{name} takes CIDRs such as 10.0.0.0/8: {error}.") from error


def database(url: str) -> dict[str, object]:
    """Django's settings for a `postgresql://user:password@host:port/name?option=value`.

    `host` may be a percent-encoded socket folder, or an option, as libpq has it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql", "psql"):
        raise BadEnvironment("DATABASE_URL takes postgresql://user:password@host/name.")
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "leadops",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": options.pop("port", "") or str(parts.port or ""),
        "OPTIONS": options,
    }


# Schemes of EMAIL_URL, as other Django projects write them: usual port, STARTTLS, TLS.
_MAIL = {
    "smtp": (25, False, False),
    "smtp+tls": (587, True, False),
    "smtps": (465, False, True),
    "smtp+ssl": (465, False, True),
}


def mail(url: str) -> Mail:
    """The server of `smtp+tls://user:password@host:port`; raises BadEnvironment."""
    try:
        parts = urlsplit(url)
        usual, starttls, tls = _MAIL[parts.scheme]
        if not parts.hostname:
            raise ValueError("no host")
        return Mail(
            host=parts.hostname,
            port=parts.port or usual,
            starttls=starttls,
            tls=tls,
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )
    except (KeyError, ValueError) as error:
        raise BadEnvironment(
            "EMAIL_URL takes smtp+tls://user:password@host:587, smtps:// or smtp://host:25."
        ) from error


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
