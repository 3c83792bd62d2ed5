"""Which names a server answers to, so that a web page cannot reach it through a name of its own.

A page on ``evil.example`` may point that name at 127.0.0.1 once it is loaded, and then speak to a
local server as if to its own (DNS rebinding). The browser still sends the page's name as ``Host``.
"""

import socket
from ipaddress import ip_address

_ANY_ADDRESS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to


def allowed_hosts(configured: str) -> frozenset[str]:
    """Answer the names to accept beside addresses: loopback's, and the configured one.

    A server that listens on every address is also known by the machine's own name.

    Example:
        >>> sorted(allowed_hosts("Etl.Example.com"))
        ['etl.example.com', 'localhost']
    """
    name = configured.lower()
    if name not in _ANY_ADDRESS:
        return frozenset({"localhost", name})
    machine = socket.gethostname().lower()
    return frozenset({"localhost", machine, machine.partition(".")[0]})


def is_allowed_host(header: str, allowed: frozenset[str]) -> bool:
    """Tell whether a ``Host`` header names this server.

    A bare address is always fine: no page can be loaded under it by way of a name.

    Example:
        >>> names = allowed_hosts("127.0.0.1")
        >>> [
        ...     is_allowed_host(host, names)
        ...     for host in ("localhost:8080", "[::1]:80", "evil.example")
        ... ]
        [True, True, False]
    """
    name = _name_of(header.strip().lower())
    if name in allowed:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _name_of(host: str) -> str:
    """Take the port off, and the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")
