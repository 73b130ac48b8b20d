"""A bundle's document as YAML: block style, comments beside what could not be written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import yaml

from leadops.config.concealing import Remark

# Characters for private use mark the places of comments until YAML has been written.
_AT, _END = "\ue003", "\ue004"
_BESIDE = re.compile(f"{_AT}(\\d+){_END}")
_ALONE = re.compile(f"{_AT}(\\d+){_END}: null$", re.MULTILINE)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True  # the same list twice is written twice: files are read by people

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # lists stand further in than their key


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    block = (
        "\n" in text and not re.search(r"[ \t]\n|[ \t]$", text) and not text.startswith((" ", "\n"))
    )
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block else None)


def _decimal(dumper: _Dumper, value: Decimal) -> yaml.ScalarNode:
    text = f"{value:f}"
    kind = "float" if "." in text else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Decimal, _decimal)


def write(document: Mapping[str, Any], *, head: str = "") -> str:
    """The YAML of `document`. A Remark becomes its value with a comment, or a comment alone."""
    comments: list[str] = []
    text = yaml.dump(
        _marked(document, comments),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
    )
    text = _ALONE.sub(lambda found: f"# {comments[int(found[1])]}", text)
    text = _BESIDE.sub(lambda found: f"  # {comments[int(found[1])]}", text)
    text = re.sub(r"(?m)^(?=[a-z])(?!leadops:)", "\n", text)  # air between the sections
    return "".join(f"# {line}\n" for line in head.splitlines()) + text


def _marked(value: Any, comments: list[str]) -> Any:
    if isinstance(value, Remark):
        comments.append(value.comment)
        return f"{value.value}{_AT}{len(comments) - 1}{_END}"
    if isinstance(value, Mapping):
        marked: dict[str, Any] = {}
        for key, item in value.items():
            if isinstance(item, Remark) and item.value is None:
                comments.append(item.comment)
                marked[f"{_AT}{len(comments) - 1}{_END}"] = None
            elif item is not None:
                marked[key] = _marked(item, comments)
        return marked
    if isinstance(value, list | tuple):
        return [_marked(item, comments) for item in value]
    return value
