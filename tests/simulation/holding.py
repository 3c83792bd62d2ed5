"""What it means that an invariant does not hold."""


class BrokenError(AssertionError):
    """An invariant does not hold."""


def hold(invariant: str, holds: bool, said: str) -> None:
    """Hold an invariant.

    Raises:
        BrokenError: It does not hold; the message says which, and by what.
    """
    if not holds:
        raise BrokenError(f"{invariant}: {said}")
