"""The mapping language: what is sent to a recipient, written by staff.

docs/mapping-language.md is the page for those who write it.
Compile at save, render at run: compiling raises MappingError with line and column, rendering
raises RenderError where a bound is reached, and nothing else.
"""

from recipients.mapping.differences import Difference, differences
from recipients.mapping.documents import Row, document_of, rows_of
from recipients.mapping.errors import MappingError, RenderError
from recipients.mapping.helpers import REGISTRY as HELPERS
from recipients.mapping.mappings import (
    LeftOut,
    Mapping,
    compile_document,
    compile_rows,
    compile_text,
    rows_of_text,
)
from recipients.mapping.paths import ROOTS
from recipients.mapping.templates import Template, compile_template
from recipients.mapping.values import is_blank, json_of, text_of

__all__ = [
    "HELPERS",
    "ROOTS",
    "Difference",
    "LeftOut",
    "Mapping",
    "MappingError",
    "RenderError",
    "Row",
    "Template",
    "compile_document",
    "compile_rows",
    "compile_template",
    "compile_text",
    "differences",
    "document_of",
    "is_blank",
    "json_of",
    "rows_of",
    "rows_of_text",
    "text_of",
]
