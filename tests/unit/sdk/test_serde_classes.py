"""Instances of classes come back as they were, if their class is allowed."""

import dataclasses
import enum
from collections.abc import Iterator
from importlib import import_module
from typing import Any, ClassVar

import attrs
import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.serde import decode, deserialize, encode, pickling, serialize

pd: Any = import_module("pandas")

ALLOWED = "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES"


class Colour(enum.Enum):
    RED = 1


class Shade(enum.StrEnum):
    DARK = "dark"


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    label: str | None = None
    seen: dict[str, Any] = dataclasses.field(default_factory=dict)


@attrs.define
class Order:
    number: int
    _lines: list[Point] = attrs.field(factory=list)


class Customer(pydantic.BaseModel):
    name: str
    home: Point


class Money:
    __version__: ClassVar[int] = 2

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def serialize(self) -> dict[str, Any]:
        return {"cents": self.cents}

    @staticmethod
    def deserialize(data: dict[str, Any], version: int) -> "Money":
        return Money(data["cents"] * (100 if version == 1 else 1))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    __hash__ = None  # type: ignore[assignment]


class Plain:
    pass


@pytest.fixture(autouse=True, scope="module")
def allowed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ALLOWED, f"{__name__}.*")
        yield


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED,
        Point(1, "a", {"k": (1, 2)}),
        Order(7, [Point(1)]),
        Customer(name="Ada", home=Point(3)),
        Money(250),
        [Point(1), {"deep": Money(1)}],
        np.int32(4),
        np.datetime64("2026-04-20"),
    ],
    ids=repr,
)
def test_an_instance_comes_back_equal_and_of_its_class(value: Any) -> None:
    back = decode(encode(value))

    assert back == value
    assert type(back) is type(value)


def test_a_text_enum_travels_as_its_text() -> None:
    assert decode(encode(Shade.DARK)) == "dark"


@settings(max_examples=30)
@given(
    st.builds(Point, st.integers(), st.none() | st.text(), st.dictionaries(st.text(), st.uuids()))
)
def test_any_dataclass_comes_back(value: Point) -> None:
    assert deserialize(serialize(value)) == value


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype="int16").reshape(2, 3),
        np.array(3.5),
        np.array(["a", None], dtype=object),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.zeros((0, 2)),
    ],
    ids=repr,
)
def test_an_array_comes_back_with_its_shape_and_type(array: Any) -> None:
    back = decode(encode(array))

    np.testing.assert_array_equal(back, array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.flags.writeable


def test_a_table_comes_back_with_its_columns_and_index() -> None:
    table = pd.DataFrame(
        {
            "n": [1, 2],
            "share": [0.5, float("nan")],
            "name": ["a", None],
            "at": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True),
            "kind": pd.Categorical(["x", "y"]),
        },
        index=pd.Index(["p", "q"], name="id"),
    )

    pd.testing.assert_frame_equal(decode(encode(table)), table)
    pd.testing.assert_series_equal(decode(encode(table["n"])), table["n"])
    several = table.set_index("n", append=True)
    pd.testing.assert_frame_equal(decode(encode(several)), several)


def test_an_older_version_is_told_to_the_class_and_a_newer_one_refused() -> None:
    tree = serialize(Money(3))
    tree["__value__"]["version"] = 1
    assert deserialize(tree) == Money(300)

    tree["__value__"]["version"] = 3
    with pytest.raises(AirflowException, match="version 3"):
        deserialize(tree)


def test_a_class_that_is_not_allowed_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = encode(Point(1))
    monkeypatch.setenv(ALLOWED, "other.*")

    with pytest.raises(AirflowException, match=r"Point was not found in allow list.*setting"):
        decode(kept)

    monkeypatch.setenv("AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES_REGEXP", r".*\.Point$")
    assert decode(kept) == Point(1)


def test_nothing_is_pickled_or_unpickled_unless_the_task_asked_for_it() -> None:
    with pytest.raises(AirflowException, match="xcom_pickle=True"):
        encode(Plain())
    with pickling(allowed=True):
        kept = encode(Plain())
        assert isinstance(decode(kept), Plain)
    with pytest.raises(AirflowException, match="pickle"):
        decode(kept)


class DeltaTable:
    """Stands for the library's class: recognised by module and name."""

    table_uri = "s3://lake/sales"
    _storage_options: ClassVar[dict[str, str]] = {"region": "eu", "secret_access_key": "x"}

    def version(self) -> int:
        return 4


def test_a_lake_table_travels_without_its_secrets() -> None:
    DeltaTable.__module__ = "deltalake.table"

    assert serialize(DeltaTable())["__value__"] == {
        "uri": "s3://lake/sales",
        "version": 4,
        "options": {"region": "eu"},
    }
