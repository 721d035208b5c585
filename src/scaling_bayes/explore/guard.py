"""`Guard`: who may ask the what-if server.

A browser lets any page it shows send requests to this machine. Such a page is told apart by the host it asks
for (DNS rebinding gives a foreign name this machine's address) and by what the browser says of the sender.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_HTTP_PORT = 80
#: What a browser says of a request that the user or the page itself made.
_OWN_SITES = ("same-origin", "none")


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach that IP address."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


@dataclass(frozen=True)
class Guard:
    """Judges requests by their headers."""

    #: Name or address the server was asked to listen on.
    host: str
    #: IP addresses it listens on.
    addresses: tuple[str, ...]
    port: int
    #: What a request has to know; empty where only this machine can reach the server.
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, host: str, addresses: tuple[str, ...], port: int) -> Guard:
        """Guard a server; with a new token if others than this machine can reach it."""
        reachable = not all(map(is_loopback, addresses))
        return cls(host, addresses, port, secrets.token_urlsafe(32) if reachable else "")

    @property
    def cookie(self) -> str:
        """Name of the cookie that holds the token; browsers share cookies between ports."""
        return f"scaling_bayes_{self.port}"

    @property
    def address(self) -> str:
        """Address of the page, with the token."""
        name = "127.0.0.1" if {"0.0.0.0", "::"} & set(self.addresses) else self.host
        return f"http://{name}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def refusal(self, headers: Mapping[str, str]) -> str:
        """Why a request with these headers is refused; empty if it is not.

        A request without the headers that browsers add is no page's, and is let through.
        """
        host = headers.get("Host", "").strip().lower()
        if not self._serves(host):
            return f"This server answers as {self.address.partition('?')[0]} only."
        sender = headers.get("Sec-Fetch-Site", "none").strip().lower()
        origin = headers.get("Origin", f"http://{host}").strip().lower()
        if sender not in _OWN_SITES or origin != f"http://{host}":
            return "Another page may not ask this server. Enter the address in the browser by hand."
        return ""

    def knows(self, given: str) -> bool:
        """Whether `given` is the token, compared in a time that tells nothing of it."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def _serves(self, host: str) -> bool:
        """Whether the server goes by that name; an IP address cannot be rebound, but a name can."""
        found = _HOST.fullmatch(host)
        if found is None or int(found["port"] or _HTTP_PORT) != self.port:
            return False
        name = found["name"].strip("[]")
        if name == self.host.lower():
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            names = {"localhost"} if not self.token else {"localhost", socket.gethostname().lower()}
            return name in names
        return bool(self.token) or address.is_loopback
