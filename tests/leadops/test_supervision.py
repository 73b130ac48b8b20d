from __future__ import annotations

import configparser
import shlex
import sys
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from leadops.supervision import SOCKET_PATH_LIMIT, Program, Supervisor, _make_private, programs


def options(supervisor: Supervisor, tmp_path: Path) -> ServerOptions:
    """The configuration as supervisord itself reads it."""
    path = tmp_path / "supervisord.conf"
    supervisor.logs.mkdir(parents=True, exist_ok=True)
    supervisor.run.mkdir(parents=True, exist_ok=True)
    path.write_text(supervisor.configuration())
    read = ServerOptions()
    read.realize(["-c", str(path)])
    return read


def test_supervisord_reads_what_is_meant(tmp_path: Path) -> None:
    awkward = tmp_path / "50% of, a “home” \\ here"
    program = Program("odd", [sys.executable, "-c", "print('%s', \"x\")"])
    read = options(Supervisor(awkward, [program], port=8000), tmp_path)
    assert read.logfile == str(awkward / "logs" / "supervisord.log")
    assert read.pidfile == str(awkward / "run" / "supervisord.pid")
    [group] = read.process_group_configs
    [process] = group.process_configs
    assert shlex.split(process.command) == list(program.command)
    assert process.environment["LEADOPS_PROCESS"] == "odd"
    assert process.stdout_logfile == str(awkward / "logs" / "odd.log")


def test_programs_stop_together_and_in_time(tmp_path: Path) -> None:
    parts = programs(host="127.0.0.1", port=8000, pumps=3, demo=True)
    [group] = options(Supervisor(tmp_path, parts, port=8000), tmp_path).process_group_configs
    assert [process.name for process in group.process_configs] == [part.name for part in parts]
    for process in group.process_configs:
        assert process.stopwaitsecs < 22
        assert process.killasgroup
        assert not process.stopasgroup


def test_the_parts_can_be_told_apart_by_their_command_lines() -> None:
    parts = {part.name: part for part in programs(host="::1", port=1, pumps=3, demo=False)}
    assert list(parts) == ["web", "pump", "misc", "streams"]
    assert "gunicorn" in parts["web"].command
    assert parts["pump"].command[-5:] == ["qcluster", "--name", "pump", "--workers", "3"]
    assert parts["misc"].command[2:5] == ["qcluster", "--name", "misc"]


def test_secrets_are_not_written_into_the_configuration(tmp_path: Path) -> None:
    supervisor = Supervisor(
        tmp_path, programs(host="127.0.0.1", port=1, pumps=1, demo=True), port=1
    )
    config = configparser.RawConfigParser()
    config.read_string(supervisor.configuration())
    names = {
        pair.split("=")[0]
        for section in config.sections()
        if section.startswith("program:")
        for pair in config[section]["environment"].split(",")
    }
    assert not {name for name in names if "KEY" in name or "DATABASE_URL" in name}


def test_the_socket_fits_whatever_the_home(tmp_path: Path) -> None:
    deep = Supervisor(tmp_path / ("deep" * 30), [], port=1)
    assert len(str(deep.socket)) + 12 <= SOCKET_PATH_LIMIT


def test_the_socket_is_not_put_where_someone_else_was_first(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.symlink_to("/tmp")
    with pytest.raises(PermissionError, match="belongs to someone else"):
        _make_private(taken)
    _make_private(tmp_path / "ours")
    assert (tmp_path / "ours").stat().st_mode & 0o077 == 0
