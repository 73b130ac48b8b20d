"""Small documents as people write them: YAML, of which JSON is a part.

Stricter than YAML 1.1 where that surprises: `NO` and `on` stay text, dates stay text, a key stands
once, and there are no anchors (a few lines of them could grow beyond memory).
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, SequenceNode

MAX_LENGTH = 100_000  # characters
BOOL = "tag:yaml.org,2002:bool"
TIMESTAMP = "tag:yaml.org,2002:timestamp"


class DocumentError(ValueError):
    """A text that does not parse. `line` counts from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(f"Line {line}: {message}")
        self.message = message
        self.line = line


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            mark = event.start_mark
            raise ConstructorError(None, None, "anchors are not taken here", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ConstructorError(None, None, f"{key.value} stands here twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag not in (BOOL, TIMESTAMP)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(BOOL, re.compile(r"(?:true|True|false|False)\Z"), list("tTfF"))


class _Dumper(yaml.SafeDumper):
    """Lists stand indented under their key, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def read(text: str) -> Any:
    """The document's value; raises DocumentError."""
    if len(text) > MAX_LENGTH:
        raise DocumentError(f"longer than {MAX_LENGTH} characters")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError(
            error.problem or "not readable", mark.line + 1 if mark else 1
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DocumentError(str(error).splitlines()[0]) from error


def write(value: Any) -> str:
    """The value as YAML, short lists and objects on one line."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True
    ).rstrip("\n")


def line_of(text: str, path: str) -> int | None:
    """The line, from 1, on which the part at `path` (`all.1.op`) stands; None when it is not there.

    Of a path that leads further than the document goes, the last part that exists.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return None
    if node is None:
        return None
    line = node.start_mark.line
    for part in path.split(".") if path else ():
        found = _child(node, part)
        if found is None:
            break
        node, line = found
    return int(line) + 1


def _child(node: Node, part: str) -> tuple[Node, int] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark.line
    if isinstance(node, SequenceNode) and part.isdigit() and int(part) < len(node.value):
        value = node.value[int(part)]
        return value, value.start_mark.line
    return None
