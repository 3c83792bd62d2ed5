"""The limits on the shape of the code that ruff has no rule for.

Prints a table of figures beside their limits, then every place that is over one, as
``file:line: what``. How the figures are counted is in ``sources``.
"""

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tools.sources import Documentable, Function, Place, Source

FILE_LINES = 600
FILE_LINES_P95 = 400
FUNCTION_LINES = 70
FUNCTION_LINES_P95 = 35
DOCUMENTED = 0.90
BROAD_EXCEPTS_PER_1000 = 1.5
TYPE_IGNORES_PER_1000 = 2.0
MOCK_WORDS_PER_1000 = 5.0
SLEEPS_PER_1000 = 0.5

CODE = ("src", "tools", "benchmarks", "examples")
OWN_PACKAGES = ("tradewind", "tools", "benchmarks")
FULLY_DOCUMENTED = ("src/tradewind/core/", "src/tradewind/sdk/")
MIRRORED_SIGNATURES = ("src/tradewind/sdk/", "src/tradewind/cli/")
"""Where argument lists are as long as those they mirror, or as a command has options."""
LONGEST_SHOWN = 10


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, how much may be, and where it is too much."""

    name: str
    limit: str
    found: str
    kept: bool
    places: list[Place] = field(default_factory=list)


def read_sources(root: Path, folders: Iterable[str]) -> list[Source]:
    """Read every Python file below some folders of a checkout; folders may be missing."""
    paths = [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]
    return [
        Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
    ]


def measure(code: list[Source], tests: list[Source]) -> list[Figure]:
    """Measure a code base and its tests against every limit."""
    src = [source for source in code if source.path.startswith("src/")]
    return [
        *_file_figures(code, tests),
        *_function_figures(code, tests),
        _documented("public items documented", DOCUMENTED, src),
        *(
            _documented(
                f"  in {folder.split('/')[-2]}",
                1.0,
                [source for source in src if source.path.startswith(folder)],
            )
            for folder in FULLY_DOCUMENTED
        ),
        _late_imports(code),
        _broad_excepts(code),
        _unhandled(code),
        _density("type ignores", TYPE_IGNORES_PER_1000, code, lambda each: each.type_ignores),
        _density("mock words in tests", MOCK_WORDS_PER_1000, tests, lambda each: each.mock_words()),
        _density("sleeps in tests", SLEEPS_PER_1000, _not_dags(tests), lambda each: each.sleeps()),
        _tests_to_code(src, tests),
    ]


def percentile(values: Iterable[int], share: float) -> int:
    """Find the smallest value that this share of the values does not exceed; 0 for none.

    Example:
        >>> percentile([3, 1, 2, 100], 0.75)
        3
    """
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0


def render(figures: list[Figure]) -> str:
    """Lay figures out as a table, with the places over a limit below it."""
    rows = [("figure", "limit", "found", ""), *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    places = [str(place) for figure in figures if not figure.kept for place in figure.places]
    return "\n".join([*lines, *([""] if places else []), *places])


def main(root: Path) -> int:
    """Check the shape of a checkout; returns the exit code."""
    figures = measure(read_sources(root, CODE), read_sources(root, ["tests"]))
    print(render(figures))
    return int(not all(figure.kept for figure in figures))


def _file_figures(code: list[Source], tests: list[Source]) -> list[Figure]:
    longest = max((source.lines for source in [*code, *tests]), default=0)
    too_long = [
        Place(source.path, FILE_LINES + 1, f"the file has {source.lines} lines")
        for source in [*code, *tests]
        if source.lines > FILE_LINES
    ]
    p95 = percentile([source.lines for source in code], 0.95)
    by_length = sorted(code, key=lambda source: -source.lines)[:LONGEST_SHOWN]
    long = [
        Place(source.path, FILE_LINES_P95 + 1, f"among the longest files: {source.lines} lines")
        for source in by_length
        if source.lines > FILE_LINES_P95
    ]
    return [
        _at_most("file lines, max", FILE_LINES, longest, too_long),
        _at_most("file lines, p95", FILE_LINES_P95, p95, long),
    ]


def _function_figures(code: list[Source], tests: list[Source]) -> list[Figure]:
    found = [(source, each) for source in code for each in _functions(source)]
    in_tests = [(source, each) for source in tests for each in _functions(source)]
    longest = max((each.lines for _, each in [*found, *in_tests]), default=0)
    too_long = [
        Place(source.path, each.line, f"{each.name} has {each.lines} lines")
        for source, each in [*found, *in_tests]
        if each.lines > FUNCTION_LINES
    ]
    p95 = percentile([each.lines for _, each in found], 0.95)
    by_length = sorted(found, key=lambda pair: -pair[1].lines)[:LONGEST_SHOWN]
    long = [
        Place(source.path, each.line, f"{each.name} is among the longest: {each.lines} lines")
        for source, each in by_length
        if each.lines > FUNCTION_LINES_P95
    ]
    return [
        _at_most("function lines, max", FUNCTION_LINES, longest, too_long),
        _at_most("function lines, p95", FUNCTION_LINES_P95, p95, long),
    ]


def _functions(source: Source) -> list[Function]:
    return source.functions(count_signature=not source.path.startswith(MIRRORED_SIGNATURES))


def _documented(name: str, limit: float, sources: list[Source]) -> Figure:
    items: list[tuple[Source, Documentable]] = [
        (source, item) for source in sources for item in source.documentables()
    ]
    bare = [
        Place(source.path, item.line, f"{item.name} has no docstring")
        for source, item in items
        if not item.documented
    ]
    share = 1 - len(bare) / len(items) if items else 1.0
    return Figure(name, f">= {limit:.0%}", f"{share:.1%}", share >= limit, bare)


def _late_imports(code: list[Source]) -> Figure:
    places = [
        Place(source.path, late.line, f"{late.name} imports our own code when it is called")
        for source in code
        for late in source.late_imports(OWN_PACKAGES)
    ]
    return _at_most("late imports of own code", 0, len(places), places)


def _broad_excepts(code: list[Source]) -> Figure:
    return _density(
        "broad excepts",
        BROAD_EXCEPTS_PER_1000,
        code,
        lambda source: [each.line for each in source.broad_excepts()],
    )


def _unhandled(code: list[Source]) -> Figure:
    places = [
        Place(source.path, each.line, "catches everything and neither logs, raises nor tells")
        for source in code
        for each in source.broad_excepts()
        if not each.handed_on
    ]
    return _at_most("broad excepts that swallow", 0, len(places), places)


def _density(
    name: str, limit: float, sources: list[Source], lines: Callable[[Source], list[int]]
) -> Figure:
    places = [Place(source.path, line, name) for source in sources for line in lines(source)]
    code_lines = sum(source.code_lines for source in sources)
    rate = 1000 * len(places) / code_lines if code_lines else 0.0
    return Figure(name, f"<= {limit:g}/k", f"{rate:.2f}/k", rate <= limit, places)


def _tests_to_code(src: list[Source], tests: list[Source]) -> Figure:
    code_lines = sum(source.code_lines for source in src)
    ratio = sum(source.code_lines for source in tests) / code_lines if code_lines else 0.0
    return Figure("test lines to code lines", "(told)", f"{ratio:.2f}", kept=True)


def _not_dags(tests: list[Source]) -> list[Source]:
    # A Dag file among the tests is somebody's task, which may well take its time.
    return [source for source in tests if "dags" not in Path(source.path).parts]


def _at_most(name: str, limit: int, found: int, places: list[Place]) -> Figure:
    return Figure(name, f"<= {limit}", str(found), found <= limit, places)


def _row(figure: Figure) -> tuple[str, str, str, str]:
    return figure.name, figure.limit, figure.found, "" if figure.kept else "OVER"


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
