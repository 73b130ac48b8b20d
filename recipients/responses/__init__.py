"""Reading replies: a recipient's rules, compiled at save, make a Result of every reply."""

from recipients.responses.bulk import BulkReader, BulkSpec, Item, compile_bulk
from recipients.responses.documents import Document, Html, Json, Text, Xml
from recipients.responses.parsing import DocumentError
from recipients.responses.reader import Reader, compile_reader
from recipients.responses.rules import ReaderError, ReaderSpec, RuleSpec, spec_of
from recipients.responses.selectors import Selector, SelectorError, compile_selector

__all__ = [
    "BulkReader",
    "BulkSpec",
    "Document",
    "DocumentError",
    "Html",
    "Item",
    "Json",
    "Reader",
    "ReaderError",
    "ReaderSpec",
    "RuleSpec",
    "Selector",
    "SelectorError",
    "Text",
    "Xml",
    "compile_bulk",
    "compile_reader",
    "compile_selector",
    "spec_of",
]
