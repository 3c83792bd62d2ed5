"""Python files as the shape check sees them: their lines, functions, docstrings, excepts, calls.

Reads and counts; what is too much is decided in ``shape``.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

TYPE_IGNORE = re.compile(r"#\s*type:\s*ignore")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
DocumentedNode = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

NOT_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}
LOG_CALLS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
BROAD = {"Exception", "BaseException"}


@dataclass(frozen=True)
class Place:
    """A line of a file, with what is said about it."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Function:
    """A function or method and how long it is, its docstring not counted."""

    name: str
    line: int
    lines: int


@dataclass(frozen=True)
class Documentable:
    """A public module, class, function or method, and whether it has a docstring."""

    name: str
    line: int
    documented: bool


@dataclass(frozen=True)
class BroadExcept:
    """A handler that catches everything, and whether what it caught goes anywhere."""

    line: int
    handed_on: bool


class Source:
    """One Python file, parsed.

    Attributes:
        path: Where it is, from the root of the checkout, with forward slashes.
        text: What it says.
        tree: Its syntax tree.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.tree = ast.parse(text, filename=path)

    @cached_property
    def lines(self) -> int:
        """All lines of the file."""
        return len(self.text.splitlines())

    @cached_property
    def code_lines(self) -> int:
        """Lines that hold code: no blank lines, comments or docstrings."""
        held: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in NOT_CODE:
                held.update(range(token.start[0], token.end[0] + 1))
        for node in ast.walk(self.tree):
            if isinstance(node, DocumentedNode):
                held.difference_update(_docstring_lines(node))
        return len(held)

    @cached_property
    def type_ignores(self) -> list[int]:
        """Lines on which the type checker is told to look away."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [
            token.start[0]
            for token in tokens
            if token.type == tokenize.COMMENT and TYPE_IGNORE.search(token.string)
        ]

    def functions(self, *, count_signature: bool) -> list[Function]:
        """Measure every function and method, nested ones too.

        Args:
            count_signature: Count the lines of the argument list. Where a signature mirrors
                somebody else's, its length says nothing about the function.
        """
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, FunctionNode):
                first = node.lineno if count_signature else node.body[0].lineno - 1
                lines = (node.end_lineno or first) - first + 1 - len(_docstring_lines(node))
                found.append(Function(node.name, node.lineno, lines))
        return found

    def documentables(self) -> Iterator[Documentable]:
        """List what a reader expects a docstring on: everything public that is defined here.

        Left out are empty files, what is nested in a function, special methods, overloads,
        setters, and methods marked as overriding a documented one.
        """
        parts = Path(self.path).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts) or not self.lines:
            return
        yield Documentable("module", 1, ast.get_docstring(self.tree) is not None)
        yield from _documentables_in(self.tree.body, "")

    def broad_excepts(self) -> list[BroadExcept]:
        """List the handlers that catch everything.

        One hands on what it caught when it logs, raises, or uses the error it bound.
        """
        return [
            BroadExcept(node.lineno, _hands_on(node))
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ExceptHandler) and _is_broad(node.type)
        ]

    def late_imports(self, own: tuple[str, ...]) -> list[Function]:
        """List imports of the named packages inside functions, by the name of the function."""
        found: dict[int, Function] = {}
        for function in ast.walk(self.tree):
            if isinstance(function, FunctionNode):
                for node in ast.walk(function):
                    if isinstance(node, ast.Import | ast.ImportFrom) and _imports(node, own):
                        found[node.lineno] = Function(function.name, node.lineno, 1)
        return sorted(found.values(), key=lambda late: late.line)

    def mock_words(self) -> list[int]:
        """Lines of names that speak of mocks, or of replacing a part of the code under test."""
        return [
            node.lineno
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name | ast.Attribute | ast.arg | ast.alias)
            and _is_mock_word(node)
        ]

    def sleeps(self) -> list[int]:
        """Lines that wait for a fixed time; ``sleep(0)`` only lets others run."""
        return [
            node.lineno
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call)
            and _last_name(node.func) == "sleep"
            and not (
                node.args and isinstance(node.args[0], ast.Constant) and not node.args[0].value
            )
        ]


def _docstring_lines(node: DocumentedNode) -> range:
    if node.body and ast.get_docstring(node, clean=False) is not None:
        first = node.body[0]
        return range(first.lineno, (first.end_lineno or first.lineno) + 1)
    return range(0)


def _documentables_in(body: list[ast.stmt], prefix: str) -> Iterator[Documentable]:
    for node in body:
        if not isinstance(node, ast.ClassDef | FunctionNode) or node.name.startswith("_"):
            continue
        if any(_last_name(mark) in {"overload", "override", "setter"} for mark in _marks(node)):
            continue
        name = prefix + node.name
        yield Documentable(name, node.lineno, ast.get_docstring(node) is not None)
        if isinstance(node, ast.ClassDef):
            yield from _documentables_in(node.body, f"{name}.")


def _marks(node: ast.ClassDef | FunctionNode) -> list[ast.expr]:
    return [mark.func if isinstance(mark, ast.Call) else mark for mark in node.decorator_list]


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(_last_name(name) in BROAD for name in names)


def _hands_on(handler: ast.ExceptHandler) -> bool:
    for node in ast.walk(ast.Module(handler.body, [])):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call) and _last_name(node.func) in LOG_CALLS:
            return True
        if isinstance(node, ast.Name) and node.id == handler.name:
            return True
    return False


def _imports(node: ast.Import | ast.ImportFrom, packages: tuple[str, ...]) -> bool:
    if isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        names = [alias.name for alias in node.names]
    return any(name.partition(".")[0] in packages for name in names)


def _is_mock_word(node: ast.Name | ast.Attribute | ast.arg | ast.alias) -> bool:
    if isinstance(node, ast.Attribute):
        replaces = node.attr in {"setattr", "delattr"} and _last_name(node.value) == "monkeypatch"
        return replaces or "mock" in node.attr.lower()
    name = {ast.Name: "id", ast.arg: "arg", ast.alias: "name"}[type(node)]
    return "mock" in str(getattr(node, name)).lower()
