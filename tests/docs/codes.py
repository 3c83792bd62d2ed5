"""Every error code that the source can answer with, found where errors are made."""

import ast
import re
from pathlib import Path

from tradewind import errors

SOURCE = Path(__file__).parents[2] / "src" / "tradewind"
_MAKERS = {
    *(name for name in dir(errors) if name.endswith("Error")),
    "problem",
    "_refusal",
    "BundleError",
}
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def find_codes() -> dict[str, Path]:
    """Answer each code, and a file that makes an error of it."""
    found: dict[str, Path] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in _MAKERS:
                code = _code_of(node)
                if code is not None:
                    found[code] = path
    return found


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _code_of(call: ast.Call) -> str | None:
    words = [arg for arg in call.args[:2] if isinstance(arg, ast.Constant)]
    texts = [word.value for word in words if isinstance(word.value, str)]
    return texts[0] if texts and _CODE.fullmatch(texts[0]) else None
