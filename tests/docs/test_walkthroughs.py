from pathlib import Path

import pytest

from tests.docs.console import ROOT, Checkout, matches


@pytest.mark.process
@pytest.mark.parametrize(("document", "least"), [("README.md", 4), ("docs/tutorial.md", 20)])
def test_following_the_document_gives_what_it_shows(
    document: str, least: int, tmp_path: Path
) -> None:
    checkout = Checkout(tmp_path)
    with checkout.running():
        assert checkout.follow(ROOT / document) >= least


@pytest.mark.process
@pytest.mark.parametrize(
    ("page", "steps"), [("backfill", 6), ("debug-a-dag", 5), ("keep-the-database-small", 6)]
)
def test_what_needs_no_server_works_without_one(page: str, steps: int, tmp_path: Path) -> None:
    assert Checkout(tmp_path).follow(ROOT / "docs" / "how-to" / f"{page}.md") == steps


@pytest.mark.parametrize(
    ("expected", "printed", "is_match"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a …\n", "a 2026\n", True),
        ("a\n…\nc\n", "a\nc\n", True),
        ("a\n…\nc\n", "a\nb\nb\nc\n", True),
        ("a\n", "a\nb\n", False),
        ("a (b.\n", "a (b.\n", True),
        ("x | y\n==+==\n", "x    | y\n=====+==\n", True),
    ],
)
def test_ellipsis_stands_for_what_differs(expected: str, printed: str, is_match: bool) -> None:
    assert matches(expected, printed) is is_match
