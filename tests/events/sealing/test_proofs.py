"""An outsider checks a lead's proof with the script of the documentation, and Python alone."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from events.models import Head, Seal
from events.sealing import proofs, seals
from leadops.env import PROJECT
from tests.events.sealing.written import THIS_MONTH, sql, write

pytestmark = pytest.mark.django_db

SCRIPT = PROJECT / "docs" / "check_proof.py"


def check(proof: dict, folder: Path, heads: list | None = None) -> subprocess.CompletedProcess:
    file = folder / "proof.json"
    file.write_text(json.dumps(proof))
    given = [str(file)]
    if heads is not None:
        known = folder / "known.jsonl"
        known.write_text("\n".join(json.dumps(head) for head in heads))
        given.append(str(known))
    command = [sys.executable, "-I", str(SCRIPT), *given]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def record():
    """lead_1 is in the seals 1 and 4 of 5, among others."""
    for tx in (10, 11, 12, 13, 14, 16):
        write(tx, 4, lead="other", at=THIS_MONTH + timedelta(seconds=tx))
    for tx, seq in ((8, 1), (9, 2), (15, 3)):
        write(tx, lead="lead_1", seq=seq)
    seals.seal(batch=5)
    write(18, 5, lead="more")
    seals.seal(batch=5)
    return list(Seal.objects.order_by("n"))


def publish(seal: Seal) -> None:
    now = timezone.now()
    Head.objects.create(
        place="file", n=seal.n, hash=bytes(seal.hash), tried_at=now, published_at=now
    )


def test_the_script_finds_that_all_is_as_it_was_sealed(record, tmp_path):
    publish(record[1])
    write(20, lead="lead_1", seq=4)
    proof = proofs.proof("lead_1")
    assert [each["seal"] for each in proof["events"]] == [1, 1, 4]
    assert proof["not_sealed_yet"] == ["evt_00000000200000000000"]
    assert [head["n"] for head in proof["heads"]] == [2, record[-1].n]
    said = check(proof, tmp_path, heads=proof["heads"])
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("3 events are as they were sealed")


def test_the_script_finds_every_forgery(record, tmp_path):
    publish(record[1])
    whole = json.dumps(proofs.proof("lead_1"))

    def forged(change) -> str:
        proof = json.loads(whole)
        change(proof)
        said = check(proof, tmp_path, heads=json.loads(whole)["heads"])
        assert said.returncode != 0
        return said.stderr

    def of_event(**facts):
        return lambda proof: proof["events"][0].update(facts)

    text = json.loads(whole)["events"][0]["text"]
    assert "not what was sealed" in forged(of_event(text=text.replace('"a": 1.5', '"a": 1.6')))
    assert "not what was sealed" in forged(of_event(index=1))
    assert "another place" in forged(of_event(of=99))
    assert "not what was sealed" in forged(of_event(path=[]))
    assert "is not event 2 of the lead" in forged(lambda proof: proof["events"].pop(1))
    assert "is not event 1 of the lead" in forged(lambda proof: proof.update(lead="lead_2"))
    assert "does not lead to a head" in forged(lambda proof: proof["seals"].pop(1))
    assert "does not lead to a head" in forged(lambda proof: proof["heads"].pop())

    def anew(proof):
        """The last seal says something else, and the head is made to fit."""
        proof["seals"][-1][11] = "2020-01-01T00:00:00.000000Z"
        text = json.dumps(proof["seals"][-1], separators=(",", ":"))
        proof["heads"][-1]["hash"] = sha256(text.encode()).hexdigest()

    assert "not those that were published" in forged(anew)


def test_it_does_not_prove_what_was_changed(record):
    sql("UPDATE events_event SET reason = '' WHERE tx = '10'")
    with pytest.raises(proofs.Unproved, match="are not those of seal 1"):
        proofs.proof("lead_1")
    sql("DELETE FROM events_seal WHERE n = 1")
    with pytest.raises(proofs.Unproved, match="no seal covers it"):
        proofs.proof("lead_1")


def test_it_says_why_there_is_no_proof():
    with pytest.raises(proofs.Unproved, match="no events of lead_9"):
        proofs.proof("lead_9")
    write(10)
    with pytest.raises(proofs.Unproved, match="None of the 1 events of lead_1 is sealed yet"):
        proofs.proof("lead_1")


def test_the_command_writes_it(record, tmp_path, capsys):
    file = tmp_path / "lead.json"
    call_command("verify", "--lead", "lead_1", "--proof", str(file))
    assert "lead_1: 3 events are as they were sealed" in capsys.readouterr().out
    assert check(json.loads(file.read_text()), tmp_path).returncode == 0
    with pytest.raises(SystemExit):
        call_command("verify", "nobody")


def test_the_page_shows_the_script_as_it_is():
    assert SCRIPT.read_text() in (PROJECT / "docs" / "sealing.md").read_text()
