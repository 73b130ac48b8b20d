"""A recorded request as a command: what a shell makes of it."""

from __future__ import annotations

import shlex
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from events import curl

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@given(TEXT)
def test_a_shell_reads_every_text_as_the_one_word_that_it_is(text: str):
    text = text.replace("•••", "")
    assert shlex.split(curl.quoted(text)) == [text]


def test_a_real_shell_gets_the_request_and_puts_the_secret_in():
    body = '{"a": "it\'s $HOME `id` $(id) \\\\ é"}\n@/etc/passwd'
    made = curl.command(
        "POST",
        "https://buyer.example/leads?key=•••&x=[1]",
        {"Authorization": "Bearer •••", "X-Empty": "", "Content-Length": "9", "Host": "a"},
        body,
    )
    shown = made.replace("curl ", "printf '%s\\0' ", 1)
    run = subprocess.run(
        ["/bin/sh", "-c", shown], env={"TOKEN": "s'e \"c"}, capture_output=True, check=True
    )
    assert run.stdout.decode().split("\0")[:-1] == [
        "--globoff", "--request", "POST",
        "--url", "https://buyer.example/leads?key=s'e \"c&x=[1]",
        "--header", "Authorization: Bearer s'e \"c",
        "--header", "X-Empty;",
        "--data-raw", body,
    ]  # fmt: skip


def test_it_gives_no_command_for_what_curl_cannot_send():
    assert curl.command("EMAIL", "mailto:a@b.example", {}, "") == ""
    assert curl.command("PUT", "sftp://host/path", {}, "") == ""
