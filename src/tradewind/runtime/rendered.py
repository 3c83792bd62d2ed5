"""What a try leaves to look at: its template fields as rendered, its label, its links."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from tradewind.sdk.sentinels import SET_DURING_EXECUTION
from tradewind.sdk.templating import render

MAX_FIELD_BYTES = 64 * 1024
"""More of a field never leaves its process; what is kept in the end is far less."""

MAX_LABEL = 250

log = logging.getLogger("tradewind.task")


def rendered_fields(task: Any) -> bytes:
    """Answer the template fields of an operator as a JSON object; empty where all are empty.

    What JSON has no form for is told as text. Secrets are still in it: the worker hides them, who
    knows them all.
    """
    fields = {}
    for name in task.template_fields:
        value = getattr(task, name, None)
        if (
            value is None
            or value is SET_DURING_EXECUTION
            or (isinstance(value, list | tuple | dict | str | set) and not value)
        ):
            continue
        fields[name] = _told(value)
    return msgspec.json.encode(fields) if fields else b""


def _told(value: Any) -> msgspec.Raw:
    try:
        encoded = msgspec.json.encode(value, enc_hook=str)
    except (TypeError, ValueError, RecursionError):
        encoded = msgspec.json.encode(str(value))
    if len(encoded) > MAX_FIELD_BYTES:
        text = value if isinstance(value, str) else encoded.decode()
        encoded = msgspec.json.encode(text[:MAX_FIELD_BYTES])
    return msgspec.Raw(encoded)


def map_label(task: Any, context: Mapping[str, Any]) -> str:
    """Answer the task's ``map_index_template`` rendered; empty where there is none.

    Raises:
        jinja2.TemplateError: The template names something that the context lacks.
    """
    template = context["map_index_template"]
    if template is None or not isinstance(template, str):
        return ""
    return str(render(task.get_template_env().from_string(template), context))[:MAX_LABEL]


def extra_links(task: Any, ti: Any) -> dict[str, str]:
    """Answer the operator's links by name; one that cannot be made is logged and left out."""
    found = {}
    for link in task.operator_extra_links:
        try:
            address = link.get_link(task, ti_key=ti.key)
        except Exception:
            log.exception("Link '%s' could not be made", link.name)
            continue
        if address:
            found[str(link.name)] = str(address)
    return found
