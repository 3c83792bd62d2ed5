"""The digests of bundles and of what one file imported."""

from tradewind.core.manifest import closure_digest, manifest_digest


def test_a_bundle_digest_is_that_of_its_content_and_paths() -> None:
    one = manifest_digest({"a.py": "1", "b.py": "2"})
    assert one == manifest_digest({"b.py": "2", "a.py": "1"})
    assert one != manifest_digest({"a.py": "2", "b.py": "1"})
    assert one != manifest_digest({"a.py": "1"})
    assert len(one) == 64


def test_a_closure_digest_changes_with_its_files_alone() -> None:
    files = {"a.py": "1", "lib.py": "1", "other.py": "1"}
    one = closure_digest(files, ["a.py", "lib.py"])
    assert one == closure_digest({**files, "other.py": "2"}, ["lib.py", "a.py", "a.py"])
    assert one != closure_digest({**files, "lib.py": "2"}, ["a.py", "lib.py"])
    assert one != closure_digest({"a.py": "1"}, ["a.py", "lib.py"])
    assert one != closure_digest(files, ["a.py", "lib.py"], generation=1)
