"""The script by which provider packages run a function elsewhere, as in a container."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SCRIPT = """\
import sys

{name_of_lines} = []
if {reads_lines} and len(sys.argv) > 3:
    with open(sys.argv[3], encoding="utf-8") as file:
        {name_of_lines} = [line.rstrip("\\n") for line in file]

import {library}

{source}

call = {{"args": [], "kwargs": {{}}}}
if {has_arguments}:
    with open(sys.argv[1], "rb") as file:
        call = {library}.load(file)

try:
    answer = {function}(*call["args"], **call["kwargs"])
except Exception as error:
    if len(sys.argv) > 4:
        with open(sys.argv[4], "w", encoding="utf-8") as file:
            file.write(str(error))
    raise

with open(sys.argv[2], "wb") as file:
    if answer is not None:
        {library}.dump(answer, file)
"""
"""``script.py INPUT OUTPUT [LINES [ERROR]]``: a call is read from INPUT, its answer is written to
OUTPUT; LINES has what the function finds in ``virtualenv_string_args``."""


def write_python_script(
    jinja_context: Mapping[str, Any], filename: str, render_template_as_native_obj: bool = False
) -> None:
    """Write the script that calls a function; ``jinja_context`` says which, as callers have it.

    Args:
        jinja_context: ``python_callable`` (its name), ``python_callable_source``, ``op_args``,
            ``op_kwargs``, ``pickling_library`` and ``string_args_global``.
        filename: Where.
        render_template_as_native_obj: Accepted; a script is text.
    """
    told = jinja_context
    text = _SCRIPT.format(
        library=told["pickling_library"],
        source=told["python_callable_source"],
        function=told["python_callable"],
        has_arguments=bool(told["op_args"] or told["op_kwargs"]),
        reads_lines=bool(told.get("string_args_global", True)),
        name_of_lines="virtualenv_string_args",
    )
    Path(filename).write_text(text, encoding="utf-8")
