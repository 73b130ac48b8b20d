"""Pages of the console as a browser would send them back."""

from __future__ import annotations

from typing import Any

from django.test import Client
from lxml import html

from leadops.lib.admin import change_url


def form_of(page: Any) -> dict[str, Any]:
    """What the page's form would post, were it sent as it stands."""
    tree = html.fromstring(page.content.decode())
    form = next(form for form in tree.forms if form.get("id", "").endswith("_form"))
    data: dict[str, Any] = {}
    for name, value in form.form_values():
        if "__prefix__" in name:
            continue
        if name in data:
            data[name] = [*(data[name] if isinstance(data[name], list) else [data[name]]), value]
        else:
            data[name] = value
    return data


def submit(client: Client, url: str, **changes: Any) -> Any:
    """Open a page, change some of its fields, save. `__` in a name stands for `-`."""
    page = client.get(url)
    assert page.status_code == 200, page.status_code
    data = form_of(page)
    for name, value in changes.items():
        name = name.replace("__", "-")
        if value is None:
            data.pop(name, None)
        else:
            data[name] = value
    return client.post(url, data)


def errors_of(page: Any) -> list[str]:
    """The texts in red."""
    tree = html.fromstring(page.content.decode())
    found = tree.xpath("//*[contains(@class, 'text-red-600') or contains(@class, 'errornote')]")
    return [" ".join(element.text_content().split()) for element in found]


def text_of(page: Any) -> str:
    tree = html.fromstring(page.content.decode())
    for element in tree.xpath("//style | //script"):
        element.drop_tree()
    return " ".join(tree.text_content().split())


def page_of(obj: Any) -> str:
    return change_url(type(obj), obj.pk)


def sign_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client
