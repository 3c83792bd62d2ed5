"""What is kept of template fields."""

import msgspec
import pytest

from tradewind.protocol.masking import Masker
from tradewind.worker.rendered import MAX_FIELD_LENGTH, hide_fields


def kept(fields, secrets=()):
    return msgspec.json.decode(hide_fields(msgspec.json.encode(fields), Masker(secrets)))


@pytest.mark.parametrize(
    ("fields", "hidden"),
    [
        ({"sql": "connect s3cret"}, {"sql": "connect ***"}),
        ({"env": {"deep": ["s3cret", 1]}}, {"env": {"deep": ["***", 1]}}),
        ({"env": {"API_TOKEN": "not known", "region": "eu"}},
         {"env": {"API_TOKEN": "***", "region": "eu"}}),
        ({"password": ["a", None]}, {"password": ["***", None]}),
        ({"port": 4711, "flag": True}, {"port": "***", "flag": True}),
    ],
)  # fmt: skip
def test_secrets_are_hidden_by_value_and_by_name(fields, hidden):
    assert kept(fields, ["s3cret", "4711"]) == hidden


def test_long_fields_are_cut_after_secrets_were_hidden():
    secret = "s" * 50
    text = kept({"sql": "x" * (MAX_FIELD_LENGTH - 20) + secret + "y" * 500}, [secret])["sql"]
    assert len(text) == MAX_FIELD_LENGTH
    assert "ss" not in text
    assert len(kept({"rows": list(range(5000))})["rows"]) == MAX_FIELD_LENGTH


def test_no_fields_and_nonsense_leave_nothing():
    assert hide_fields(b"", Masker()) == b""
    assert hide_fields(b"[", Masker()) == b""
