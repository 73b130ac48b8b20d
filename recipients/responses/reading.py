"""One reply while it is read: its values by selector, parsed when first needed and once."""

from __future__ import annotations

from typing import Any, Final

from leadops.lib.http.messages import Reply
from leadops.lib.patterns import Pattern
from recipients.mapping.errors import RenderError
from recipients.mapping.values import is_blank, text_of
from recipients.responses.budget import Budget
from recipients.responses.charsets import MAX_BODY, decoded
from recipients.responses.documents import Document, Text, document_of
from recipients.responses.parsing import DocumentError
from recipients.responses.selectors import Kind, Selector

_MAX_NESTED: Final = 2


class Reading:
    """A reply and its document. Nothing here raises, whatever the reply holds."""

    def __init__(self, reply: Reply, *, limit: int = MAX_BODY) -> None:
        self.reply = reply
        self._limit = limit
        self.problem = ""
        """Why the body could not be parsed; "" where it could, or was not looked at yet."""
        self._document: Document | None = None
        self._embedded: list[Document] | None = None
        self._text: str | None = None
        self.budget = Budget()

    @property
    def text(self) -> str:
        """The body as text."""
        if self._text is None:
            self._text = decoded(self.reply, limit=self._limit)
        return self._text

    @property
    def document(self) -> Document:
        """The parsed body; its bare text where it does not parse."""
        if self._document is None:
            try:
                self._document = document_of(self.reply, text=self.text)
            except DocumentError as exc:
                self.problem = str(exc)
                self._document = Text(self.text)
        return self._document

    @property
    def is_plain_text(self) -> bool:
        """Whether the body is meant as text, and says something."""
        return not is_blank(self.text) and self.text.lstrip()[0] not in "{[<"

    def values(self, selector: Selector) -> list[Any]:
        """The values at the selector, in order."""
        if selector.kind is Kind.HEADER:
            value = self.reply.headers.get(selector.segments[0])
            return [] if value is None else [value]
        if selector.kind is Kind.PATTERN:
            matched = selector.match(self.text, self.budget)
            return [] if matched is None else [matched]
        found = self.document.find(selector, budget=self.budget)
        return found or self._embedded_values(selector)

    def matches(self, pattern: Pattern) -> bool:
        """Whether the pattern is found in the body, in time."""
        return self.budget.search(pattern, self.text) is not None

    def _embedded_values(self, selector: Selector) -> list[Any]:
        """The values in the first document inside of the body's that has any."""
        if self._embedded is None:
            self._embedded = _embedded(self.document, depth=_MAX_NESTED)
        for document in self._embedded:
            if found := document.find(selector, budget=self.budget):
                return found
        return []

    def texts(self, selector: Selector) -> list[str]:
        """The values at the selector as texts, blank ones left out, lists taken apart."""
        return [text for value in self.values(selector) for text in _texts(value)]


def _embedded(document: Document, *, depth: int) -> list[Document]:
    """The documents inside of a document, and those inside of them."""
    found: list[Document] = []
    for text in document.embedded() if depth else ():
        try:
            inner = document_of(Reply(200, {}, b""), text=text)
        except DocumentError:
            continue
        found += [inner, *_embedded(inner, depth=depth - 1)]
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    try:
        return [] if is_blank(value) else [text_of(value).strip()]
    except RenderError:
        return []
