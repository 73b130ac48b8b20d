"""The values of XML and HTML, each with paths that lead to it, the shortest first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

_ATTRIBUTES: Final = frozenset({"href", "value", "content", "title", "id", "action", "src"})
_UNSEEN: Final = frozenset({"script", "style", "head", "meta", "link"})
_CSS_NAME: Final = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True, slots=True)
class Node:
    """An element or an attribute. `text` is blank for an element that only holds others."""

    depth: int
    label: str
    text: str
    paths: tuple[str, ...]
    all_path: str


def nodes(root: etree._Element, *, is_html: bool) -> Iterator[Node]:
    """All of the document's, in its order. Names are without namespaces, as documents are."""
    names = Counter(each.tag for each in root.iter() if isinstance(each.tag, str))
    yield from _below(root, f"/{root.tag}", 0, names, is_html)


def _below(
    element: etree._Element, path: str, depth: int, names: Counter[str], is_html: bool
) -> Iterator[Node]:
    name = str(element.tag)
    if is_html and name in _UNSEEN:
        return
    text = _own_text(element)
    own = _html_paths(element) if is_html else ()
    short = (f"//{name}",) if names[name] == 1 else ()
    parent = element.getparent()
    with_parent = () if parent is None else (f"//{parent.tag}/{name}",)
    paths = (*own, *short, *_unless_repeated(element, with_parent), path)
    label = f"<{name}>"
    alike = paths[0] if is_html or names[name] == 1 else (*with_parent, path)[0]
    yield Node(depth, label, text, paths, alike)
    for attribute, value in element.attrib.items():
        attribute = str(attribute)
        if not is_html or attribute in _ATTRIBUTES or attribute.startswith("data-"):
            yield Node(
                depth + 1,
                f"@{attribute}",
                str(value).strip(),
                tuple(_with_attribute(each, attribute) for each in paths),
                _with_attribute(alike, attribute),
            )
    children = [child for child in element if isinstance(child.tag, str)]
    repeated = Counter(child.tag for child in children)
    seen: Counter[str] = Counter()
    for child in children:
        tag = str(child.tag)
        seen[tag] += 1
        place = f"[{seen[tag]}]" if repeated[child.tag] > 1 else ""
        yield from _below(child, f"{path}/{tag}{place}", depth + 1, names, is_html)


def _own_text(element: etree._Element) -> str:
    """The element's whole text, where some of it is its own."""
    own = [element.text, *(child.tail for child in element)]
    if not any(part and part.strip() for part in own):
        return ""
    return "".join(str(part) for part in element.itertext()).strip()


def _unless_repeated(element: etree._Element, paths: tuple[str, ...]) -> tuple[str, ...]:
    parent = element.getparent()
    # Compared, not searched for: HTML has elements whose names no path can hold, such as <o:p>.
    is_alone = parent is None or sum(child.tag == element.tag for child in parent) == 1
    return paths if is_alone else ()


def _html_paths(element: etree._Element) -> tuple[str, ...]:
    """By id and class, which outlive a change of the page's layout."""
    name, found = str(element.tag), []
    if (id := element.get("id", "")) and _CSS_NAME.fullmatch(id):
        found.append(f"css:#{id}")
    for each in element.get("class", "").split()[:3]:
        if _CSS_NAME.fullmatch(each):
            found.append(f"css:{name}.{each}")
    if field := element.get("name", ""):
        found.append(f"//{name}[@name='{field}']" if "'" not in field else "")
    return tuple(filter(None, found))


def _with_attribute(path: str, attribute: str) -> str:
    return f"{path}@{attribute}" if path.startswith("css:") else f"{path}/@{attribute}"
