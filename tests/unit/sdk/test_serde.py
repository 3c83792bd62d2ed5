"""What a task returns comes back as it was."""

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.serde import decode, encode, length_of

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.datetimes(timezones=st.sampled_from([UTC, ZoneInfo("Europe/Berlin"), None]))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers() | st.just("__type__"), inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_any_known_value_comes_back_equal_and_of_its_type(value):
    back = decode(encode(value))

    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        frozenset({"a"}),
        {1: "a", (1, 2): "b"},
        {"__type__": "date", "__value__": "x"},
        2**100,
        Decimal("1.10"),
        UUID(int=5),
        date(2026, 4, 20),
        time(1, 2, tzinfo=UTC),
        timedelta(microseconds=1),
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 4, 20, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        pendulum.datetime(2026, 4, 20, tz="Europe/Berlin"),
        pendulum.naive(2026, 4, 20),
        float("inf"),
    ],
)
def test_particular_values(value):
    back = decode(encode(value))

    assert back == value
    assert type(back) is type(value)


def test_the_second_half_past_two_of_autumn_stays_the_second():
    late = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))

    assert decode(encode(late)).utcoffset() == timedelta(hours=1)


def test_not_a_number_comes_back_and_the_text_is_json_all_the_same():
    assert math.isnan(decode(encode(float("nan"))))
    assert encode(float("nan")) == b'{"__type__":"float","__value__":"nan"}'


def test_plain_values_stay_plain_json():
    assert encode({"a": [1, "ü", None]}) == '{"a":[1,"ü",null]}'.encode()


def test_a_named_tuple_comes_back_as_a_tuple():
    assert decode(encode(Place(1, 2))) == (1, 2)


class Place(NamedTuple):
    x: int
    y: int


class Order: ...


def test_an_unknown_type_is_named_with_its_place():
    with pytest.raises(AirflowException, match=r"value\['rows'\]\[1\] is of type .*Order"):
        encode({"rows": [1, Order()]})


def test_a_value_that_holds_itself_is_refused():
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(AirflowException, match="cannot hold itself"):
        encode(loop)


def test_one_value_in_two_places_is_fine():
    shared = [1]

    assert decode(encode([shared, shared])) == [[1], [1]]


@pytest.mark.parametrize(
    ("value", "length"), [([1, 2], 2), ((1,), 1), ({"a": 1}, 1), ("abc", None), (5, None)]
)
def test_only_lists_and_dicts_have_a_length_to_map_over(value, length):
    assert length_of(value) == length
