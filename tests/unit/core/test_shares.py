"""Whose turn it is among equals."""

from tradewind.core.shares import Flow, Shares

SALES, STOCK, OLD = ("sales", None), ("stock", None), ("stock", 3)


def given(shares: Shares, places: int, *flows: Flow, line: str = "pool") -> list[Flow]:
    """Give so many places to whoever is next; ties go down the list."""
    found = []
    for _ in range(places):
        found.append(min(flows, key=lambda flow: shares.place(line, flow)))
        shares.give(line, found[-1])
    return found


def test_dags_take_turns() -> None:
    assert given(Shares(), 6, SALES, STOCK) == [SALES, STOCK] * 3


def test_a_backfill_gets_one_place_for_three_of_a_dag() -> None:
    places = given(Shares(), 40, SALES, OLD)

    assert places.count(SALES) == 30
    assert len(places) - 1 - places[::-1].index(OLD) >= 36


def test_who_was_away_has_saved_up_nothing() -> None:
    shares = Shares()
    given(shares, 100, SALES)

    assert given(shares, 8, SALES, STOCK).count(STOCK) in (4, 5)


def test_each_line_counts_by_itself() -> None:
    shares = Shares()
    given(shares, 50, SALES, line="other")

    assert shares.place("pool", SALES) == 0


def test_thousands_of_flows_are_forgotten_once_nothing_is_held_against_them() -> None:
    shares = Shares()
    for number in range(20_000):
        shares.give("pool", (f"d{number}", None))
        shares.give("pool", SALES)

    assert len(shares._given) < 5_000
