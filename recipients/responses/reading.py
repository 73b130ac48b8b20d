"""One reply while it is read: its values by selector, parsed when first needed and once."""

from __future__ import annotations

from typing import Any

from leadops.lib.http.messages import Reply
from recipients.mapping.errors import RenderError
from recipients.mapping.values import is_blank, text_of
from recipients.responses.documents import Document, DocumentError, Text, decoded, document_of
from recipients.responses.selectors import Kind, Selector


class Reading:
    """A reply and its document. Nothing here raises, whatever the reply holds."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.problem = ""
        """Why the body could not be parsed; "" where it could, or was not looked at yet."""
        self._document: Document | None = None
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The body as text."""
        if self._text is None:
            self._text = decoded(self.reply)
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
            matched = selector.match(self.text)
            return [] if matched is None else [matched]
        return self.document.find(selector)

    def texts(self, selector: Selector) -> list[str]:
        """The values at the selector as texts, blank ones left out, lists taken apart."""
        return [text for value in self.values(selector) for text in _texts(value)]


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    try:
        return [] if is_blank(value) else [text_of(value).strip()]
    except RenderError:
        return []
