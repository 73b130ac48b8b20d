"""Templates: text with `{{…}}`, compiled to closures.

The text is cut into literal pieces and tags; blocks nest. A lead's own values are only ever
written, never read as templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from recipients.mapping.errors import RenderError, Source
from recipients.mapping.expressions import Compiling, Expression, Parser, tokens_of
from recipients.mapping.helpers.lists import items_of
from recipients.mapping.scope import MAX_DEPTH, MAX_LOOP, Evaluate, Loop, Scope, Write
from recipients.mapping.values import is_object, is_true, plain, text_of

MAX_TEXT: Final = 64 * 1024

_BLOCKS: Final = frozenset({"if", "unless", "compare", "each"})


class Tag(NamedTuple):
    """One `{{…}}`: `start` and `end` enclose its inside, `opens` and `closes` the whole."""

    opens: int
    start: int
    end: int
    closes: int


Rendered = TypeVar("Rendered")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled text. `paths` are the paths that it reads."""

    source: Source
    paths: frozenset[str]
    write: Write
    evaluate: Evaluate | None = None
    """Set where the text is exactly one expression, so that the value keeps its type."""

    @property
    def is_constant(self) -> bool:
        """Whether the text holds no tag at all."""
        return not self.paths and self.evaluate is None and "{{" not in self.source.text

    def value(self, scope: Scope) -> Any:
        """The value in a scope; typed where the text is exactly one expression."""
        return self.write(scope) if self.evaluate is None else self.evaluate(scope)

    def render(self, context: Mapping[str, Any]) -> Any:
        """The value; RenderError where a bound is reached.

        Text, unless the template is exactly one expression: then the type of that.
        """
        return guarded(lambda: plain(self.value(Scope(context))), self.source.path)

    def text(
        self, context: Mapping[str, Any], *, escape: Callable[[str], str] | None = None
    ) -> str:
        """The value as text. `escape` is applied to each value, not to the template's own text:

        quoting for a URL, JSON or XML, so that a lead's value cannot change the document.
        """
        return guarded(lambda: self.write(Scope(context, escape=escape)), self.source.path)


def guarded(render: Callable[[], Rendered], path: str) -> Rendered:
    """What `render` gives, its failures as RenderError with this path."""
    try:
        return render()
    except RenderError as exc:
        raise (exc if exc.path or not path else RenderError(exc.message, path)) from None
    except Exception as exc:
        # Values come from outside: whatever they provoke must not stop a delivery's worker.
        raise RenderError(f"Could not be rendered: {type(exc).__name__}", path) from exc


def compile_template(
    text: str, *, line: int = 1, column: int = 1, path: str = "", roots: Collection[str] = ()
) -> Template:
    """The template of a text. MappingError, with line and column, where it is wrong.

    `roots` are further names that paths may begin with, beside those of every mapping.
    """
    return compile_source(Source(text, line, column, path), Compiling.with_roots(roots))


def compile_source(source: Source, compiling: Compiling) -> Template:
    """The template of a piece of a larger whole; its paths are added to `compiling.read` too."""
    if len(source.text) > MAX_TEXT:
        raise source.error(f"The text is longer than {MAX_TEXT // 1024} KiB")
    own = Compiling(roots=compiling.roots)
    parts = _Builder(source, own).build()
    compiling.read |= own.read
    only = parts[0] if len(parts) == 1 else None
    return Template(
        source=source,
        paths=frozenset(own.read),
        write=_write_all([_writer(part) for part in parts]),
        evaluate=only.evaluate if isinstance(only, Expression) else None,
    )


def tags_of(source: Source) -> Iterator[Tag]:
    """The tags of a text, in order. Quotes inside a tag may hold braces."""
    text, at = source.text, 0
    while (opens := text.find("{{", at)) != -1:
        if opens and text[opens - 1] == "\\":
            at = opens + 2
            continue
        tag = _tag_at(source, opens)
        yield tag
        at = tag.closes


def _tag_at(source: Source, opens: int) -> Tag:
    text = source.text
    if text.startswith("{{!--", opens):
        closes = text.find("--}}", opens)
        if closes == -1:
            raise source.error("The comment is not closed by --}}", opens)
        return Tag(opens, opens + 2, closes + 2, closes + 4)
    brace = "}}}" if text.startswith("{{{", opens) else "}}"
    start = at = opens + len(brace)
    quote = ""
    is_comment = text.startswith("!", start)
    while at < len(text):
        char = text[at]
        if quote:
            if text.startswith(quote, at):
                at += len(quote) - 1
                quote = ""
            elif char == "\\":
                at += 1
        elif text.startswith(brace, at):
            return Tag(opens, start, at, at + len(brace))
        elif not is_comment and (opening := _OPENING.match(text, at)):
            quote = opening[0]
            at += len(quote) - 1
        at += 1
    raise source.error("A string is not closed" if quote else "{{ is not closed by }}", opens)


# A text that stands in quotes itself, as in YAML, has its inner ones escaped.
_OPENING: Final = re.compile(r"""\\?["']""")

Part = str | Expression | Write


class _Builder:
    """Builds the parts of one text; each block is a recursion."""

    def __init__(self, source: Source, compiling: Compiling) -> None:
        self._source = source
        self._compiling = compiling
        self._tags = list(tags_of(source))
        self._next = 0
        self._at = 0
        self._depth = 0

    def build(self) -> list[Part]:
        parts, stop = self._parts()
        if stop is not None:
            word = self._inside(stop)
            raise self._source.error(f"{{{{{word}}}}} stands outside a block", stop.opens)
        return parts

    def _parts(self) -> tuple[list[Part], Tag | None]:
        """The parts up to the next {{else}} or {{/…}}, and that tag."""
        parts: list[Part] = []
        while self._next < len(self._tags):
            tag = self._tags[self._next]
            self._next += 1
            self._literal(parts, tag)
            inside = self._inside(tag)
            if inside.startswith("!"):
                continue
            if inside.startswith("/") or _is_else(inside):
                return parts, tag
            parts.append(self._block(tag) if inside.startswith("#") else self._expression(tag))
        if self._at < len(self._source.text):
            parts.append(_unescape(self._source.text[self._at :]))
        return parts, None

    def _literal(self, parts: list[Part], tag: Tag) -> None:
        """The text before a tag; a block's tag alone on its line takes the line with it."""
        text = self._source.text
        before, self._at = text[self._at : tag.opens], tag.closes
        if text[tag.start : tag.start + 1] == "~":
            before = before.rstrip()
        elif self._is_alone(tag):
            before = before[: before.rfind("\n") + 1]
            self._at = _after_line(text, tag.closes)
        if text[tag.end - 1 : tag.end] == "~":
            while self._at < len(text) and text[self._at].isspace():
                self._at += 1
        if before:
            parts.append(_unescape(before))

    def _is_alone(self, tag: Tag) -> bool:
        text = self._source.text
        inside = self._inside(tag)
        if "\n" not in text or not (inside.startswith(("#", "/", "!")) or _is_else(inside)):
            return False
        begins = text.rfind("\n", 0, tag.opens) + 1
        ends = text.find("\n", tag.closes)
        after = text[tag.closes : ends if ends != -1 else len(text)]
        return not text[begins : tag.opens].strip() and not after.strip()

    def _inside(self, tag: Tag) -> str:
        return self._source.text[tag.start : tag.end].strip("~ \t\r\n")

    def _parser(self, tag: Tag, *, skip: int = 0) -> Parser:
        """A parser of the tag's inside, without its first `skip` characters that count."""
        text = self._source.text
        start, end = tag.start, tag.end
        while start < end and text[start] in "~ \t\r\n":
            start += 1
        while end > start and text[end - 1] in "~":
            end -= 1
        tokens = tokens_of(self._source, start + skip, end)
        return Parser(self._source, tokens, self._compiling, end=tag.end)

    def _expression(self, tag: Tag) -> Expression:
        if self._inside(tag).startswith((">", "&")):
            raise self._source.error("Partials are not part of the language", tag.opens)
        return self._parser(tag).whole()

    def _block(self, tag: Tag) -> Write:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._source.error(f"Blocks nest deeper than {MAX_DEPTH} levels", tag.opens)
        word = self._inside(tag)[1:].split(None, 1)[:1]
        name = word[0] if word else ""
        if name not in _BLOCKS:
            known = ", ".join(f"#{each}" for each in sorted(_BLOCKS))
            raise self._source.error(f"Unknown block #{name}: use {known}", tag.opens)
        built = self._each(tag) if name == "each" else self._branches(tag, name)
        self._depth -= 1
        return built

    def _branches(self, tag: Tag, name: str) -> Write:
        branches: list[tuple[Evaluate, Write]] = []
        test: Evaluate | None = self._test(tag, name, skip=1 + len(name))
        opened = tag
        while True:
            parts, stop = self._parts()
            body = _write_all([_writer(part) for part in parts])
            if stop is None:
                raise self._source.error(f"{{{{#{name}}}}} is not closed", opened.opens)
            if test is None:
                self._close(stop, name, allow_else=False)
                return _choose(branches, body)
            branches.append((test, body))
            if self._close(stop, name, allow_else=True):
                return _choose(branches, None)
            test = self._else_test(stop)

    def _else_test(self, tag: Tag) -> Evaluate | None:
        rest = self._inside(tag).removeprefix("else").split()
        if not rest:
            return None
        if rest[0] not in ("if", "unless", "compare"):
            raise self._source.error("Write {{else}} or {{else if …}}", tag.opens)
        inside = self._inside(tag)
        return self._test(tag, rest[0], skip=inside.index(rest[0], 4) + len(rest[0]))

    def _test(self, tag: Tag, name: str, *, skip: int) -> Evaluate:
        parser = self._parser(tag, skip=skip)
        if name == "compare":
            left, compare, right = parser.argument(), parser.operator(), parser.argument()
            parser.expect_end()
            first, second = left.evaluate, right.evaluate
            return lambda scope: compare(first(scope), second(scope))
        test = parser.whole().evaluate
        if name == "unless":
            return lambda scope: not is_true(test(scope))
        return test

    def _each(self, tag: Tag) -> Write:
        items = self._parser(tag, skip=5).whole().evaluate
        self._compiling.loops += 1
        parts, stop = self._parts()
        self._compiling.loops -= 1
        body = _write_all([_writer(part) for part in parts])
        otherwise: Write | None = None
        if stop is not None and not self._close(stop, "each", allow_else=True):
            if self._else_test(stop) is not None:
                raise self._source.error("An #each has a plain {{else}}", stop.opens)
            parts, stop = self._parts()
            otherwise = _write_all([_writer(part) for part in parts])
            if stop is not None:
                self._close(stop, "each", allow_else=False)
        if stop is None:
            raise self._source.error("{{#each}} is not closed", tag.opens)
        return _repeat(items, body, otherwise)

    def _close(self, tag: Tag, name: str, *, allow_else: bool) -> bool:
        """True for the closing tag of this block, False for its {{else}}."""
        inside = self._inside(tag)
        if not inside.startswith("/"):
            if allow_else:
                return False
            raise self._source.error("A block has one {{else}}, and it stands last", tag.opens)
        if inside[1:].strip() != name:
            raise self._source.error(
                f"{{{{{inside}}}}} closes nothing: {{{{/{name}}}}} is expected", tag.opens
            )
        return True


def _is_else(inside: str) -> bool:
    return inside.split(None, 1)[:1] == ["else"]


def _after_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end == -1 else end + 1


def _unescape(text: str) -> str:
    return text.replace("\\{{", "{{") if "\\{{" in text else text


def _writer(part: Part) -> str | Write:
    if not isinstance(part, Expression):
        return part
    evaluate = part.evaluate

    def write(scope: Scope) -> str:
        value = evaluate(scope)
        text = value if type(value) is str else text_of(value)
        text = text if scope.escape is None else scope.escape(text)
        scope.grow(len(text))
        return text

    return write


def _write_all(parts: list[str | Write]) -> Write:
    """One closure for all parts; the plain cases have their own, for speed."""
    if not parts:
        return lambda _: ""
    if all(isinstance(part, str) for part in parts):
        constant = "".join(str(part) for part in parts)
        return lambda _: constant
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    return lambda scope: "".join([part if isinstance(part, str) else part(scope) for part in parts])


def _choose(branches: list[tuple[Evaluate, Write]], otherwise: Write | None) -> Write:
    def write(scope: Scope) -> str:
        for test, body in branches:
            if is_true(test(scope)):
                return body(scope)
        return otherwise(scope) if otherwise is not None else ""

    return write


def _repeat(items: Evaluate, body: Write, otherwise: Write | None) -> Write:
    def write(scope: Scope) -> str:
        value = items(scope)
        keys = list(map(text_of, value)) if is_object(value) else None
        found = items_of(value)
        if not found:
            return otherwise(scope) if otherwise is not None else ""
        if len(found) > MAX_LOOP:
            raise RenderError(f"A list has more than {MAX_LOOP} items")
        outer, written = scope.loop, []
        try:
            for index, item in enumerate(found):
                scope.tick()
                scope.loop = Loop(
                    item,
                    index,
                    keys[index] if keys else str(index),
                    first=index == 0,
                    last=index == len(found) - 1,
                )
                text = body(scope)
                scope.grow(len(text))
                written.append(text)
        finally:
            scope.loop = outer
        return "".join(written)

    return write
