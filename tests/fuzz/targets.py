"""What is run on random input. Each returns, or raises: whatever it raises is a crash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import orjson
from lxml import etree

from leadops.lib.http.messages import Reply
from recipients import mapping
from recipients.mapping import MappingError, RenderError, Row
from recipients.mapping.markup import xml_text
from recipients.options import OptionError, compile_options
from recipients.outcomes import Outcome
from recipients.plan import BodyFormat, EndpointPlan
from recipients.responses import ReaderError, ReaderSpec, RuleSpec, compile_reader
from recipients.transports import Job, NotSendable, bodies, soap
from tests.fuzz import inputs

TYPES: Final = (
    "application/json", "text/xml; charset=utf-16", "text/html", "text/plain", "",
    "x/y; charset=idna",
)  # fmt: skip
Case = tuple[Any, ...]
REFUSED: Final = (MappingError, RenderError, ReaderError, OptionError, NotSendable)


def _context(random: Random) -> dict[str, Any]:
    return {
        "lead": {"x": inputs.value(random), "y": inputs.value(random), "a b": 1},
        "source": {"z": inputs.value(random)},
        "now": datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
    }


def make_template(random: Random) -> Case:
    return inputs.template(random), _context(random)


def run_template(text: str, context: Mapping[str, Any]) -> None:
    compiled = mapping.compile_template(text)
    compiled.text(context, escape=xml_text)
    orjson.dumps(compiled.render(context), default=float)


def make_block(random: Random) -> Case:
    wild = random.random() < 0.3
    text = inputs.pieces(random, inputs.SIGNS, inputs.WORDS) if wild else inputs.block(random)
    return text, _context(random)


def run_block(text: str, context: Mapping[str, Any]) -> None:
    payload = mapping.compile_text(text).render(context)
    rows = mapping.rows_of_text(text)
    again = mapping.rows_of(mapping.document_of(rows))
    for other in (rows, again):
        rendered = mapping.compile_rows(other).render(context)
        if repr(rendered) != repr(payload):  # NaN is not equal to itself
            raise AssertionError(f"its rows render as {rendered!r}, the text as {payload!r}")


def make_rows(random: Random) -> Case:
    names = ("a", "b", "0", "1", "\\.", "#json", "#xml", "@c", "p:d", "")
    rows = [
        Row(
            ".".join(random.choice(names) for _ in range(random.randint(1, 4))),
            inputs.template(random),
            inputs.expression(random) if random.random() < 0.3 else "",
            keep_blank=random.random() < 0.3,
        )
        for _ in range(random.randint(1, 6))
    ]
    return rows, _context(random)


def run_rows(rows: list[Row], context: Mapping[str, Any]) -> None:
    compiled = mapping.compile_rows(rows)
    compiled.missing(context)
    orjson.dumps(compiled.render(context), default=float)


def _choices(random: Random) -> dict[str, Any]:
    chosen = [each for each in bodies.OPTIONS if each.choices and random.random() < 0.5]
    written: dict[str, Any] = {option.name: random.choice(option.choices) for option in chosen}
    if random.random() < 0.2:
        written["xml_namespaces"] = {"p": "urn:p"}
    return {**written, "csv_header": random.random() < 0.5, "json_list": random.random() < 0.2}


def make_body(random: Random) -> Case:
    payload = {inputs.name(random): inputs.value(random) for _ in range(random.randint(0, 5))}
    return payload, random.choice(list(BodyFormat)), random.random() < 0.3, _choices(random)


def run_body(payload: Any, format: BodyFormat, ascii: bool, written: Mapping[str, Any]) -> None:
    payload = mapping.compile_rows([Row("a", "{{lead}}")]).render({"lead": payload}).get("a", {})
    options = compile_options(bodies.OPTIONS, written)
    endpoint = _endpoint(format=format, ascii=ascii, options=options)
    message = bodies.message_of(payload, endpoint)
    message.query.encode("ascii")
    if format is BodyFormat.JSON:
        orjson.loads(message.body)
    elif format is BodyFormat.XML:
        etree.fromstring(message.body, etree.XMLParser(huge_tree=True))


def make_soap(random: Random) -> Case:
    payload = {inputs.name(random): inputs.value(random) for _ in range(random.randint(0, 4))}
    written: dict[str, Any] = {
        "version": random.choice(("1.1", "1.2")),
        "security": random.choice(("none", "text", "digest")),
        "elements": random.choice(("qualified", "unqualified")),
        "namespace": random.choice(("", "urn:a", 'x"<')),
        "username": inputs.noise(random),
    }
    return payload, written, f"<a b='{inputs.template(random)}'>{inputs.template(random)}</a>"


def run_soap(payload: Any, written: Mapping[str, Any], header: str) -> None:
    mapping.compile_template(header)
    payload = mapping.compile_rows([Row("a", "{{lead}}")]).render({"lead": payload})
    options = compile_options(soap.OPTIONS, {**written, "header": header})
    context = {"lead": {"x": "<"}, "now": datetime(2024, 1, 15, tzinfo=UTC)}
    job = Job(payload, _endpoint(options=options), context, 1, "dlv_1", 5.0)
    etree.fromstring(soap.SoapTransport().build(job).body, etree.XMLParser(huge_tree=True))


def _endpoint(**settings: Any) -> EndpointPlan:
    return EndpointPlan("ept_1", mapping.compile_template("https://b.example/"), **settings)


def make_reply(random: Random) -> Case:
    kind = random.random()
    sources = (inputs.MARKUP,) if kind < 0.4 else (inputs.JSONISH,) if kind < 0.8 else (
        inputs.MARKUP, inputs.JSONISH, inputs.SIGNS)  # fmt: skip
    text = inputs.pieces(random, *sources, most=60)
    charset = random.choice(("utf-8", "utf-16", "latin-1", "cp1252"))
    body = text.encode(charset, "replace") if random.random() < 0.8 else random.randbytes(200)
    types = (
        "application/json",
        "text/xml; charset=utf-16",
        "text/html",
        "text/plain",
        "",
        "x/y; charset=idna",
    )
    headers = {"content-type": random.choice(types), "retry-after": inputs.noise(random)}
    return _spec(random), Reply(
        random.choice((200, 201, 302, 400, 409, 429, 500, 99)), headers, body
    )


def _spec(random: Random) -> ReaderSpec:
    def path() -> str:
        wild = random.random() < 0.2
        return inputs.noise(random) if wild else random.choice((*inputs.PATHS, ""))

    def condition() -> str:
        operator = random.choice(("=", "!=", "<", ">=", "~", ""))
        text = f'{path()} {operator} "{random.choice(("accepted", "1", "(a+)+", ""))}"'
        return text if operator else path()

    rule = RuleSpec(
        random.choice(list(Outcome)),
        status=random.choice(("", "200", "5xx", "200-299, 409", "6xx")),
        when=condition() if random.random() < 0.5 else "",
        contains=random.choice(("", "DUP")),
        matches=random.choice(("", "a+b", "(?i)ok", "(a|aa)+$")),
    )
    return ReaderSpec(
        success=condition(), lead_id=path(), price=path(), message=path(), reason=path(),
        fallback_price=random.choice(("", "5.00", "a.b")), capture={"c": path()},
        rules=(rule,) if random.random() < 0.5 else (),
    )  # fmt: skip


def run_reply(spec: ReaderSpec, reply: Reply) -> None:
    compile_reader(spec).read(reply)


TARGETS: Final[Mapping[str, tuple[Callable[[Random], Case], Callable[..., None]]]] = {
    "template": (make_template, run_template),
    "block": (make_block, run_block),
    "rows": (make_rows, run_rows),
    "body": (make_body, run_body),
    "soap": (make_soap, run_soap),
    "reply": (make_reply, run_reply),
}


def case_of(seed: str, number: int) -> tuple[str, Case]:
    """The same case for the same seed and number."""
    target = list(TARGETS)[number % len(TARGETS)]
    make, _ = TARGETS[target]
    return target, make(Random(f"{seed}:{number}"))


def run_case(seed: str, number: int) -> None:
    """Returns where the case is well written or refused as it should be; else raises."""
    target, case = case_of(seed, number)
    _, run = TARGETS[target]
    try:
        run(*case)
    except REFUSED as refused:
        if isinstance(refused, RenderError) and "Could not be rendered" in refused.message:
            raise AssertionError(f"a helper broke: {refused.__cause__!r}") from refused
