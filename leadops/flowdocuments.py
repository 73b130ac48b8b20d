"""Flows as documents of a configuration bundle: what their versions are made of."""

from __future__ import annotations

import re
from typing import Any, Final

from django.db import transaction

from flows import versions
from flows.loading import load_plans
from flows.models import Flow
from flows.plan import Plans
from flows.versions import NotPossible
from leadops.config import loading
from leadops.config.concealing import ForFile
from leadops.config.problems import BundleError
from leadops.config.sections.flows import Flows
from leadops.config.writing import write

HEAD: Final = f"leadops: {loading.VERSION}\nflows:\n"
SLUG: Final = re.compile(r"^(  - slug: ).*$", re.MULTILINE)
PARTS: Final = (
    "fields",
    "suppress",
    "sources__source",
    "steps__remediation",
    "steps__enhancement",
    "steps__recipients__recipient",
)
STEPS: Final = re.compile(r"\s*(steps:|- *(filter|enhance|deliver):)")  # a list of steps alone


class FlowDocuments:
    """See `flows.versions.Documents`. A content is one item of a bundle's list of flows."""

    def write(self, flow: Flow) -> str:
        loaded = Flow.objects.prefetch_related(*PARTS).get(pk=flow.pk)
        document: dict[str, Any] = Flows().write(loaded, ForFile())
        text = write({"flows": [document]}, head="")
        return text[text.index("  - ") :]

    def restore(self, flow: Flow, content: str, *, by: str, name: str) -> None:
        try:
            loading.load(_bundle(flow, content), name=name, by=by)
        except BundleError as error:
            raise NotPossible([_said(each.path, each.message) for each in error.problems]) from None

    def compiled(self, flow: Flow, content: str) -> Plans:
        """By loading it, compiling everything, and taking it back."""
        with transaction.atomic():
            self.restore(flow, content, by="nobody", name="the draft")
            found = load_plans()
            transaction.set_rollback(True)
        if flow.pk not in found.flows:
            raise NotPossible(["The flow would not compile"])
        return found


def _bundle(flow: Flow, content: str) -> bytes:
    """A bundle of the content, whatever the flow was called then. Raises NotPossible."""
    if not _lines(content):
        raise NotPossible(["There is nothing written"])
    if STEPS.match("\n".join(_lines(content)[:1])):
        content = _with_steps(FlowDocuments().write(flow), content)
    elif not content.startswith("  - "):
        content = _indented(content)
    return (HEAD + SLUG.sub(rf"\g<1>{flow.slug}", content, count=1)).encode()


def _with_steps(content: str, steps: str) -> str:
    """The flow as it is with other steps: they stand last in what is written of it."""
    lines = _lines(steps)
    kept = content.split("\n    steps:\n")[0].rstrip("\n")
    if lines[0].strip() == "steps:":
        lines = lines[1:]
    elif lines[0].lstrip().startswith("steps:"):  # all of it beside the word
        return "\n".join([kept, *(f"    {line}" for line in lines), ""])
    margins = (len(line) - len(line.lstrip()) for line in lines if line.strip())
    margin = min(margins, default=0)
    return f"{kept}\n    steps:\n" + "".join(f"      {line[margin:]}\n" for line in lines)


def _indented(content: str) -> str:
    """A flow, a list of one, or a bundle with one, as an item of a bundle's list."""
    lines = _lines(content)
    if lines and lines[0].startswith("leadops:"):
        lines = lines[1:]
    if lines and lines[0].startswith("flows:"):
        lines = lines[1:]
    if lines and lines[0].lstrip().startswith("- "):
        margin = len(lines[0]) - len(lines[0].lstrip())
        return "\n".join(f"  {line[margin:]}" for line in lines) + "\n"
    return "\n".join(("  - " if not n else "    ") + line for n, line in enumerate(lines)) + "\n"


def _lines(text: str) -> list[str]:
    """Without blank lines and remarks before the first."""
    lines = text.rstrip().splitlines()
    while lines and (not lines[0].strip() or lines[0].lstrip().startswith("#")):
        lines = lines[1:]
    return lines


def _said(path: str, message: str) -> str:
    where = re.sub(r"^flows\[0\]\.?", "", path)
    return f"{where}: {message}" if where else message


def install() -> None:
    versions.write_with(FlowDocuments())
