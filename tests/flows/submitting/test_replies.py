"""Answers in four forms."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from flows.submitting.replies import Form, Outcome, Reply, form_for


@given(reason=st.text(), email=st.text(), accept=st.text(), content_type=st.text())
def test_whatever_was_posted_the_answer_is_whole(reason, email, accept, content_type):
    reply = Reply(Outcome.FAILURE, reason, {"id": "lead_1", "email": email}, Decimal("1.5"))
    root = etree.fromstring(reply.written(Form.XML).encode())
    assert [child.tag for child in root] == ["outcome", "reason", "lead", "price"]
    assert root.findtext("lead/id") == "lead_1"
    assert "<script" not in reply.written(Form.HTML).lower()
    lines = reply.written(Form.PLAIN).split("\n")
    assert len(lines) == 5
    assert form_for(accept, content_type) in Form


@pytest.mark.parametrize(
    ("accept", "content_type", "form"),
    [
        ("", "text/xml", Form.TEXT_XML),
        ("*/*", "application/xml; charset=utf-8", Form.XML),
        ("application/json", "text/xml", Form.JSON),
        ("text/html;q=0", "", Form.JSON),
        ("text/xml;q=0.2, text/html", "", Form.HTML),
    ],
)
def test_the_form_is_what_is_asked_for_or_what_came_in(accept, content_type, form):
    assert form_for(accept, content_type) is form
