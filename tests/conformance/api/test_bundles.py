"""Bundles and sources of Dags, as clients read them."""

import hashlib
from pathlib import Path

import pytest

from tests.conformance.api.conftest import NOW, Stack
from tradewind.codestore.trees import Trees
from tradewind.core.manifest import Manifest
from tradewind.store import bundles
from tradewind.store.database import Tx
from tradewind.store.files import apply_discovery

pytestmark = pytest.mark.usefixtures("worker")


def test_bundles_say_what_they_hold_and_why_they_cannot_be_refreshed(stack: Stack) -> None:
    (main,) = stack.get("/api/own/bundles")["bundles"]
    assert (main["name"], main["kind"], main["is_pinned"]) == ("main", "local", False)
    assert (main["fault"], main["kept"]) == (None, 0)
    assert stack.get("/api/own/health")["bundle_faults"] == []

    def fail(tx: Tx) -> None:
        bundles.note_fault(tx, "main", "local", "It is away.", NOW)
        bundles.note_fault(tx, "other", "git", "Never seen.", NOW)

    stack.writer.write(fail)
    main, other = stack.get("/api/own/bundles")["bundles"]
    assert (main["fault"], main["version"] is None) == ("It is away.", False)
    assert (other["fault"], other["version"], other["path"]) == ("Never seen.", None, None)
    assert stack.get("/api/own/health")["bundle_faults"] == ["It is away.", "Never seen."]

    stack.writer.write(lambda tx: bundles.note_healed(tx, "main"))
    assert stack.get("/api/own/health")["bundle_faults"] == ["Never seen."]


def save(stack: Stack, worker: str, text: str) -> None:
    """Have the sales file hold this text, and parsed."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    Trees(stack.settings.code_folder).keep_source(digest, text.encode)
    files = {"dags/sales.py": digest}
    manifest = Manifest(files=files, dag_files=frozenset(files), digest=digest)
    stack.writer.write(lambda tx: apply_discovery(tx, "main", manifest, NOW))
    stack.engine.ring_all()
    stack.parse(worker)


def test_the_source_of_a_dag(stack: Stack, worker: str) -> None:
    save(stack, worker, "# first")
    found = stack.get("/api/v2/dagSources/daily_sales")
    assert found == {
        "content": "# first",
        "dag_id": "daily_sales",
        "version_number": 1,
        "dag_display_name": "daily_sales",
    }
    # Code that changes within a version is shown as it is.
    save(stack, worker, "# second")
    assert stack.get("/api/v2/dagSources/daily_sales?version_number=1")["content"] == "# second"

    reply = stack.call("GET", "/api/v2/dagSources/daily_sales", headers={"accept": "text/plain"})
    assert reply.body == b"# second"
    stack.get("/api/v2/dagSources/daily_sales?version_number=9", status=404)
    stack.get("/api/v2/dagSources/none", status=404)


def test_a_source_that_was_not_kept_is_read_where_it_lies(stack: Stack, tmp_path: Path) -> None:
    found = stack.get("/api/v2/dagSources/daily_sales", status=404)
    assert found["code"] == "dag-source-not-kept"


def test_a_file_can_be_parsed_before_all_others(stack: Stack, worker: str) -> None:
    token = stack.get("/api/v2/dags/daily_sales")["file_token"]
    assert stack.exchange(worker).parses == ()
    assert stack.call("PUT", f"/api/v2/parseDagFile/{token}").status == 201
    assert [order.file for order in stack.exchange(worker).parses] == ["dags/sales.py"]

    missing = stack.call("PUT", "/api/v2/parseDagFile/main/none.py")
    assert missing.status == 404
    assert missing.json()["code"] == "dag-file-not-found"
