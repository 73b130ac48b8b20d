from __future__ import annotations

import ipaddress
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leadops import env


def test_it_keeps_one_secret_when_many_come_first(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret_key"
    with ThreadPoolExecutor(16) as pool:
        kept = set(pool.map(lambda number: env.kept(path, f"secret {number}"), range(64)))
    assert len(kept) == 1
    assert kept == {path.read_text().strip()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_it_fills_in_what_the_contract_promises(tmp_path: Path) -> None:
    read = env.read({"LEADOPS_HOME": str(tmp_path)})
    assert read.lease_seconds == 90
    assert read.private_networks == ()
    assert read.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")
    assert read.debug is False
    assert read.database_url == ""
    assert env.read({"LEADOPS_HOME": str(tmp_path)}).secret_key == read.secret_key


def test_given_secrets_are_not_written_down(tmp_path: Path) -> None:
    read = env.read(
        {"LEADOPS_HOME": str(tmp_path), "SECRET_KEY": "one", "LEADOPS_SECRETS_KEY": "two"}
    )
    assert (read.secret_key, read.secrets_key) == ("one", "two")
    assert list(tmp_path.iterdir()) == []


def test_it_reads_networks_and_bare_addresses() -> None:
    assert env.networks({"N": "127.0.0.0/8, ::1,10.1.2.3"}, "N") == (
        ipaddress.ip_network("127.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
        ipaddress.ip_network("10.1.2.3/32"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEADOPS_LEASE", "soon"),
        ("LEADOPS_LEASE", "0s"),
        ("LEADOPS_PRIVATE_NETWORKS", "10.0.0.1/8"),
        ("LEADOPS_PRIVATE_NETWORKS", "loopback"),
        ("DEBUG", "maybe"),
        ("EMAIL_URL", "mail.example.com"),
        ("EMAIL_URL", "smtp://"),
        ("EMAIL_URL", "smtp://mail.example.com:port"),
    ],
)
def test_it_names_the_variable_that_does_not_parse(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(env.BadEnvironment, match=name):
        env.read({"LEADOPS_HOME": str(tmp_path), name: value})


def test_it_reads_a_database_url() -> None:
    read = env.database("postgresql://ann:p%40ss@db.example:5433/leads?sslmode=require")
    assert read == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "leads",
        "USER": "ann",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require"},
    }


def test_it_reads_a_socket_folder_in_a_database_url() -> None:
    assert env.database("postgresql:///leads?host=/run/postgresql")["HOST"] == "/run/postgresql"
    assert env.database("postgresql://%2Frun%2Fpostgresql/leads")["HOST"] == "/run/postgresql"


def test_it_refuses_another_kind_of_database() -> None:
    with pytest.raises(env.BadEnvironment, match="DATABASE_URL"):
        env.database("mysql://localhost/leads")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", env.Mail("mail.example", 25, False, False, "", "")),
        (
            "smtp+tls://ann%40x.example:p%2Fw@mail.example:2587",
            env.Mail("mail.example", 2587, True, False, "ann@x.example", "p/w"),
        ),
        ("smtps://u:p@mail.example", env.Mail("mail.example", 465, False, True, "u", "p")),
    ],
)
def test_it_reads_the_mail_server(url: str, expected: env.Mail) -> None:
    assert env.mail(url) == expected


def test_a_limit_may_be_none_and_workers_may_not(tmp_path: Path) -> None:
    home = {"LEADOPS_HOME": str(tmp_path)}
    read = env.read({**home, "LEADOPS_INTAKE_RATE": "0", "LEADOPS_WEB_WORKERS": "7"})
    assert (read.intake_rate, read.api_rate, read.web_workers) == (0, 50, 7)
    assert env.read(home).web_workers >= 2
    with pytest.raises(env.BadEnvironment, match="above 0"):
        env.read({**home, "LEADOPS_WEB_WORKERS": "0"})
    with pytest.raises(env.BadEnvironment, match="LEADOPS_API_RATE takes a whole number from 0"):
        env.read({**home, "LEADOPS_API_RATE": "-1"})
