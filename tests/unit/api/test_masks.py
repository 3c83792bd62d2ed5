"""What of an extra is shown, and what comes back of it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tradewind.api.public.masks import MASK, mask_extra, unmask_extra
from tradewind.core.sensitive import is_sensitive

names = st.sampled_from(["region", "token", "api-key", "my_password", "host", "Secret"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=5).filter(lambda t: t != MASK),
    lambda inner: st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
extras = st.dictionaries(names, values, max_size=4)


@given(extras)
def test_no_secret_is_shown(extra: dict[str, Any]) -> None:
    def check(value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                assert not is_sensitive(name) or inner in (MASK, None, "")
                check(inner)

    check(json.loads(mask_extra(json.dumps(extra)) or "null"))


@given(extras)
def test_what_was_read_hidden_and_is_sent_back_changes_nothing(extra: dict[str, Any]) -> None:
    stored = json.dumps(extra)
    back = unmask_extra(mask_extra(stored), stored)
    assert json.loads(back or "null") == extra


def test_what_is_no_json_is_hidden_whole() -> None:
    assert mask_extra("password=x") == MASK
    assert unmask_extra(MASK, "password=x") == "password=x"
    assert mask_extra(None) is None
    assert mask_extra("") == ""
    assert unmask_extra("new", "old") == "new"
    assert unmask_extra("not *** json", "old") == "not *** json"
