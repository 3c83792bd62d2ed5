"""Which names a server answers to."""

import socket

import pytest

from tradewind.auth.hosts import allowed_hosts, is_allowed_host

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound


@pytest.mark.parametrize(
    "header",
    ["localhost", "localhost.:80", "127.0.0.1:8080", "[::1]:8080", "[::1]", "10.1.2.3", "etl:9"],
)
def test_ours(header: str) -> None:
    assert is_allowed_host(header, allowed_hosts("ETL"))


@pytest.mark.parametrize(
    "header", ["", ":80", "evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "[]"]
)
def test_not_ours(header: str) -> None:
    assert not is_allowed_host(header, allowed_hosts("127.0.0.1"))


def test_a_server_on_every_address_is_known_by_the_machines_name() -> None:
    assert is_allowed_host(f"{socket.gethostname()}:8080", allowed_hosts(EVERYWHERE))
    assert not is_allowed_host("evil.example", allowed_hosts(EVERYWHERE))
