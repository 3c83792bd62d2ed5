"""Params: defaults, rules, and a run's conf over them."""

from typing import Any

import pytest

from tradewind import Param, ParamsDict
from tradewind.sdk.exceptions import ParamValidationError


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (Param(5, type="integer", minimum=1), 0),
        (Param("a", enum=["a", "b"]), "c"),
        (Param("2026-04-20", type="string", format="date"), "yesterday"),
        (Param(type="string"), 5),
        (Param([1], type="array", items={"type": "integer"}), ["x"]),
    ],
)
def test_a_value_that_breaks_the_rules_is_refused_by_name(param, value):
    params = ParamsDict({"p": param})

    with pytest.raises(ParamValidationError, match="Invalid input for param 'p'"):
        params["p"] = value


def test_a_param_without_value_is_asked_for():
    with pytest.raises(ParamValidationError, match="param 'p': No value passed"):
        ParamsDict({"p": Param(type="string")}).validate()


def test_none_is_a_value_where_null_is_allowed():
    assert ParamsDict({"p": Param(None, type=["null", "string"])}).validate() == {"p": None}


def test_a_value_must_be_json():
    with pytest.raises(ParamValidationError, match="must be JSON"):
        Param(object()).resolve()


def test_conf_is_merged_key_by_key_and_may_add_names():
    params = ParamsDict({"source": {"host": "a", "port": 1}, "limit": 5})
    params.deep_merge({"source": {"host": "b"}, "extra": True})

    assert params.validate() == {
        "source": {"host": "b", "port": 1},
        "limit": 5,
        "extra": True,
    }


def test_a_copy_does_not_reach_back():
    params = ParamsDict({"p": Param(1, type="integer")})
    params.copy()["p"] = 2

    assert params["p"] == 1


def test_words_for_the_form_are_no_rules():
    assert Param("x", title="T", section="S", description_md="d").resolve() == "x"


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("date", "2026-04-20", "20.4.2026"),
        ("date-time", "2026-04-20T06:00:00+02:00", "2026-04-20T06:00:00"),
        ("time", "06:30:00", "half past six"),
        ("duration", "P1DT2H", "a day"),
        ("multiline", "a\nb", None),
    ],
)
def test_formats_are_checked(form, good, bad):
    param = Param(good, type="string", format=form)

    assert param.resolve() == good
    if bad is not None:
        with pytest.raises(ParamValidationError):
            param.resolve(bad)


def test_keywords_of_draft_2020_12_have_their_effect():
    rows = [{"type": "integer"}, {"type": "string"}]
    schema: dict[str, Any] = {"prefixItems": rows, "items": False}
    param = Param([1, "a"], type="array", **schema)

    assert param.resolve() == [1, "a"]
    with pytest.raises(ParamValidationError):
        param.resolve([1, "a", 2])
    with pytest.raises(ParamValidationError, match="schema is wrong"):
        Param(1, type="no such type").resolve()
