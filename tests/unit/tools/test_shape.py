"""The shape check finds each kind of breach, says where it is, and lets good code be."""

from pathlib import Path

import pytest

from tools import shape
from tools.sources import Source

GOOD = '''"""A module."""


def double(number: int) -> int:
    """Double a number."""
    return 2 * number
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write(tmp_path, "src/tradewind/core/numbers.py", GOOD)
    write(tmp_path, "tests/test_numbers.py", "def test_nothing():\n    assert 1 + 1 == 2\n")
    return tmp_path


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def over(root: Path) -> dict[str, list[str]]:
    """Every figure over its limit, with the places told."""
    figures = shape.measure(
        shape.read_sources(root, shape.CODE), shape.read_sources(root, ["tests"])
    )
    return {each.name.strip(): list(map(str, each.places)) for each in figures if not each.kept}


def test_good_code_is_within_every_limit(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert over(tree) == {}
    assert shape.main(tree) == 0
    assert "OVER" not in capsys.readouterr().out


def test_a_breach_fails_the_check_with_file_and_line(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tree, "src/tradewind/core/numbers.py", GOOD + "\n\ndef bare() -> None:\n    pass\n")
    assert shape.main(tree) == 1
    assert "src/tradewind/core/numbers.py:9: bare has no docstring" in capsys.readouterr().out


def test_an_empty_checkout_has_nothing_over_a_limit(tmp_path: Path) -> None:
    assert over(tmp_path) == {}


def test_a_long_file_is_over(tree: Path) -> None:
    write(tree, "tests/test_long.py", "\n" * 600)
    assert over(tree) == {}
    write(tree, "tests/test_long.py", "\n" * 601)
    assert over(tree) == {"file lines, max": ["tests/test_long.py:601: the file has 601 lines"]}


def test_many_middling_files_are_over_the_p95(tree: Path) -> None:
    write(tree, "benchmarks/long.py", "\n" * 401)
    assert "file lines, p95" in over(tree)
    for number in range(20):
        write(tree, f"benchmarks/short_{number}.py", "\n")
    assert over(tree) == {}


def function(lines: int, docstring: str = '    """Count."""\n') -> str:
    return "def count() -> None:\n" + docstring + "    pass\n" * (lines - 1)


def test_a_long_function_is_over_and_its_docstring_does_not_count(tree: Path) -> None:
    for number in range(40):
        write(tree, f"tools/short_{number}.py", GOOD)
    docstring = '    """Count.\n' + "\n" * 50 + '    """\n'
    write(tree, "tools/long.py", function(70, docstring))
    assert over(tree) == {}
    write(tree, "tools/long.py", function(71, docstring))
    assert over(tree) == {"function lines, max": ["tools/long.py:1: count has 71 lines"]}


def test_the_longest_functions_are_told_when_the_p95_is_over(tree: Path) -> None:
    write(tree, "tools/long.py", function(36))
    assert over(tree) == {
        "function lines, p95": ["tools/long.py:1: count is among the longest: 36 lines"]
    }


def test_a_signature_counts_but_where_it_mirrors_anothers() -> None:
    text = "def make(\n" + "".join(f"    a{n},\n" for n in range(50)) + "):\n    return a0\n"
    source = Source("src/tradewind/sdk/make.py", text)
    assert [each.lines for each in source.functions(count_signature=True)] == [53]
    assert [each.lines for each in source.functions(count_signature=False)] == [2]


def test_a_tenth_of_the_public_items_may_go_without_docstring_but_not_in_core(tree: Path) -> None:
    write(tree, "src/tradewind/store/rows.py", GOOD + "\n\ndef bare() -> None:\n    pass\n")
    for number in range(9):
        write(tree, f"src/tradewind/store/good_{number}.py", GOOD)
    assert over(tree) == {}
    write(tree, "src/tradewind/sdk/rows.py", GOOD.replace('    """Double a number."""\n', ""))
    assert list(over(tree)) == ["in sdk"]


def test_what_needs_no_docstring() -> None:
    text = '''"""A module."""

class _Hidden:
    def shown(self): ...

class Shown:
    """Shown."""
    def __repr__(self): ...
    def _private(self): ...
    @property
    def size(self):
        """How big."""
    @size.setter
    def size(self, value): ...
    @override
    def resize(self): ...

@typing.overload
def pick(one): ...
'''
    source = Source("src/tradewind/store/rows.py", text)
    assert [(item.name, item.documented) for item in source.documentables()] == [
        ("module", True),
        ("Shown", True),
        ("Shown.size", True),
    ]
    assert list(Source("src/tradewind/store/_private.py", text).documentables()) == []
    assert list(Source("src/tradewind/store/__init__.py", "").documentables()) == []


@pytest.mark.parametrize(
    "imports",
    ["from tradewind.core import states", "import tools.shape", "import json, tradewind.core.runs"],
)
def test_own_code_is_imported_at_the_top(tree: Path, imports: str) -> None:
    write(tree, "tools/late.py", f"def late():\n    def inner():\n        {imports}\n")
    (place,) = over(tree)["late imports of own code"]
    assert place.startswith("tools/late.py:3: ")


def test_others_code_may_be_imported_late(tree: Path) -> None:
    write(tree, "tools/late.py", "def late():\n    import pendulum\n    from x.tools import y\n")
    assert over(tree) == {}


@pytest.mark.parametrize("caught", ["", " Exception", " (ValueError, BaseException)"])
def test_a_broad_except_must_not_swallow(tree: Path, caught: str) -> None:
    write(tree, "tools/broad.py", f"try:\n    go()\nexcept{caught}:\n    pass\n")
    assert over(tree)["broad excepts that swallow"] == [
        "tools/broad.py:3: catches everything and neither logs, raises nor tells"
    ]


@pytest.mark.parametrize("handler", ["raise", "log.exception('no')", "answer = told(error)"])
def test_a_broad_except_that_hands_on_counts_but_does_not_swallow(tree: Path, handler: str) -> None:
    broad = f"try:\n    go()\nexcept Exception as error:\n    {handler}\n"
    write(tree, "tools/broad.py", broad)
    assert list(over(tree)) == ["broad excepts"]
    for number in range(4):
        write(tree, f"tools/plain_{number}.py", "a = 1\n" * 200)
    assert over(tree) == {}


def test_type_ignores_are_counted_but_not_in_strings() -> None:
    source = Source(
        "a.py", "a = 1  # type: ignore[x]\nb = '# type: ignore'\n# noqa # type: ignore\n"
    )
    assert source.type_ignores == [1, 3]


@pytest.mark.parametrize(
    "line",
    ["from unittest.mock import Mock", "def test(mocker): pass", "monkeypatch.setattr(a, 'b', 1)"],
)
def test_mocks_are_rare(tree: Path, line: str) -> None:
    write(tree, "tests/test_mocked.py", f"{line}\n")
    assert "mock words in tests" in over(tree)


def test_what_is_no_mock(tree: Path) -> None:
    write(tree, "tests/test_free.py", "monkeypatch.setenv('A', '1')\nclient.patch('/a')\n")
    assert over(tree) == {}


def test_tests_do_not_sleep_but_their_dags_may(tree: Path) -> None:
    write(tree, "tests/dags/slow.py", "import time\ntime.sleep(60)\n")
    write(tree, "tests/test_yield.py", "await asyncio.sleep(0)\n")
    assert over(tree) == {}
    write(tree, "tests/test_slow.py", "import time\ntime.sleep(0.1)\n")
    assert over(tree) == {"sleeps in tests": ["tests/test_slow.py:2: sleeps in tests"]}


def test_code_lines_are_lines_of_code() -> None:
    text = '"""Told\nat length."""\n\n# Why.\nnumbers = [\n    1,\n]\nlong = """a\nb"""\n'
    assert Source("a.py", text).code_lines == 5


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.95, 0), ([7], 0.95, 7), (range(1, 101), 0.95, 95), (range(1, 21), 0.95, 19)],
)
def test_percentile(values: list[int], share: float, expected: int) -> None:
    assert shape.percentile(values, share) == expected
