"""Random texts and values: known good pieces put together wrongly, and noise."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from recipients.mapping import HELPERS

WORDS: Final = (
    "lead.x", "lead.y", "lead.y.0.a", "source.z", "now", "this", "this.a", "@index", "@key", "x",
    "delivery.attempt", "lead.[a b]", "true", "null", "-1", "0", "1.5e3", "99999999999999999999",
    '"YYYY-MM-DD"', '"(###) ###-####"', '"$0,0.00"', '"0.[00]%"', '"[at] h:mm a z"', '"UTC"',
    '"America/New_York"', '"+05:30"', '"md5"', '"a=b"', '"[a-z]+"', '"(a|b)*c"', '"DD/MM/YY"',
    "salt=lead.y", "default=1", "ignore_case=true", "decimals=2", "key=lead.x", 'end="…"',
    '"days"', '"+"', '"=="', '""', "'it'",
)  # fmt: skip
SIGNS: Final = (
    "{{", "}}", "{{{", "}}}", "{{#if ", "{{/if}}", "{{else}}", "{{else if ", "{{#each ",
    "{{/each}}", "{{#unless ", "{{/unless}}", "{{#compare ", "{{/compare}}", "{{! c }}", "{{~",
    "~}}", "(", ")", "==", "!=", ">", "<=", " and ", " or ", " not ", " in ", " contains ", " ",
    "\n", "\n  ", "\n    ", ": ", "- ", "a:", "b.c: ", "@id: ", "#text: ", "#cdata: ", "#json:",
    "#xml:", "p:q: ", "# ", "|", ">-", "[", "]", "{a: 1}", "\\", '"', "'", "\t", "\r\n", "\x00",
    "\ud800", "é", "你", "\u2028", "---",
)  # fmt: skip
MARKUP: Final = (
    "<", ">", "</", "/>", "<a>", "</a>", "<a b='c'>", "<![CDATA[", "]]>", "<!--", "-->", "<?xml ",
    "version='1.0' encoding='utf-16'?>", "<!DOCTYPE a [<!ENTITY e 'x'>]>", "&e;", "&lt;", "&#0;",
    "&#x10FFFF;", "xmlns:p='urn:p'", "<p:b>", "</p:b>", "<html>", "<body>", "<script>", "result",
    "accepted", "<result>accepted</result>", "<id>1</id>", "\xa0", "é",
)  # fmt: skip
JSONISH: Final = (
    "{", "}", "[", "]", ":", ",", '"', '"a"', '"status":"accepted"', '"price":"$1,045.50"', "null",
    "true", "-", "1e999", "0", "NaN", '{"a":[{"b":1}]}', "\\u", "\\ud800", " ", "\n", "[[[[[[[[",
)  # fmt: skip
PATHS: Final = (
    "a", "a.b.0", "a.*.b", "*.*.*", "response.id", "status", "//result", "//a/@b", "/a/b[1]",
    "//a[b='c']", "count(//a)", "string(//id)", "css:a.b", "css:#x > a@href", "css:a:first-child",
    "regex:id=(\\d+)", "regex:(a|b)+c", "regex:(?i)ok", "header:X-Id", "header:Retry-After",
    "$.a[0].b", "a['b']", "//p:b | //id", "a | b", "..", "//", "css:", "regex:(", "a b",
)  # fmt: skip


def pieces(random: Random, *sources: tuple[str, ...], most: int = 25) -> str:
    """Pieces of the sources one behind the other, now and then noise."""
    found = []
    for _ in range(random.randint(0, most)):
        source = random.choice(sources)
        found.append(noise(random) if random.random() < 0.05 else random.choice(source))
    return "".join(found) * (random.randint(2, 400) if random.random() < 0.03 else 1)


def noise(random: Random) -> str:
    """Up to eight characters of any plane, half surrogates too."""
    return "".join(chr(random.choice((128, 0x3000, 0x10FFFF))) if random.random() < 0.1
                   else chr(random.randrange(0x300 if random.random() < 0.9 else 0x110000))
                   for _ in range(random.randint(1, 8)))  # fmt: skip


def expression(random: Random, depth: int = 0) -> str:
    """Mostly a right one."""
    if depth > 3 or random.random() < 0.3:
        return random.choice(WORDS)
    if random.random() < 0.2:
        operator = random.choice(("==", "<", "and", "or", "in", "contains"))
        return f"({expression(random, depth + 1)} {operator} {expression(random, depth + 1)})"
    name = random.choice(sorted(HELPERS))
    arguments = [expression(random, depth + 1) for _ in range(random.randint(0, 3))]
    call = " ".join([name, *arguments])
    return f"({call})" if depth else call


def template(random: Random) -> str:
    """Text with expressions and blocks, mostly right."""
    kind = random.random()
    if kind < 0.2:
        return pieces(random, SIGNS, WORDS)
    if kind < 0.7:
        return f"{{{{{expression(random)}}}}}"
    inner = template(random)
    word = random.choice(("if", "unless", "each"))
    return f"a {{{{#{word} {expression(random)}}}}}{inner}{{{{else}}}}b{{{{/{word}}}}}"


def block(random: Random) -> str:
    """A mapping in the block form, its lines sometimes shuffled."""
    lines = []
    for number in range(random.randint(1, 12)):
        indent = " " * random.choice((0, 0, 2, 2, 4, 1))
        name = random.choice(("a", "b.c", "@id", "#text", "#json", "#xml", "p:q", '"x y"', "- d"))
        value = random.choice((template(random), "", "|", "[1, 2]", '{a: "b"}', "'c'", "# d"))
        lines.append(f"{indent}{name}{number if random.random() < 0.7 else ''}: {value}")
        if random.random() < 0.2:
            lines.append(f"{indent}{{{{#if {expression(random)}}}}}")
            lines.append(f"{indent}  e{number}: {template(random)}")
            lines.append(f"{indent}{{{{/if}}}}")
    return "\n".join(lines)


def value(random: Random, depth: int = 0) -> Any:
    """A value that a lead, or an appended reply, may hold."""
    kind = random.randrange(16 if depth < 4 else 11)
    if kind > 12:
        return [value(random, depth + 1) for _ in range(random.randint(0, 4))]
    if kind > 10:
        return {name(random): value(random, depth + 1) for _ in range(random.randint(0, 4))}
    return random.choice(_SCALARS)(random)


def name(random: Random) -> str:
    usual = ("a", "b", "@c", "#text", "#cdata", "p:d", "@xmlns:p", "@xmlns", "e[]", "f g", "0", "")
    return random.choice(usual) if random.random() < 0.9 else noise(random)


_ENDS: Final = (datetime.min, datetime.max, datetime.max.replace(tzinfo=UTC))  # noqa: DTZ901

_SCALARS: Final = (
    noise,
    lambda r: pieces(r, SIGNS, WORDS, MARKUP, most=6),
    lambda r: r.choice(("+1 (555) 555-1234 x9", "2024-02-29T23:59:60Z", "1/31/2024", "$1,045.50")),
    lambda r: r.choice((0, -1, 2**63, 10**30, r.randrange(-(10**12), 10**12))),
    lambda r: r.choice((0.1, -0.0, float("nan"), float("inf"), 1e308, r.random())),
    lambda r: Decimal(r.choice(("NaN", "1E+999", "-0.00", "45.00", "1E-30"))),
    lambda r: r.choice((True, False, None, "")),
    lambda r: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=r.randrange(-(10**10), 10**10)),
    lambda r: r.choice((date.min, date.max, *_ENDS)),
    lambda r: r.randbytes(r.randint(0, 9)),
    lambda r: "a" * r.choice((10, 1000, 100_000)) if r.random() < 0.2 else "a",
)
