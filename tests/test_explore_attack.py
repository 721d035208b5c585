"""The what-if server, attacked from another page, another machine and a raw socket.

Whatever is sent, nothing is imported, written or told of the inside, and the server goes on.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.synthetic import synthetic_fit

from scaling_bayes import save_trace
from scaling_bayes.explore import app
from scaling_bayes.explore.answers import Explorer
from scaling_bayes.explore.guard import Guard
from scaling_bayes.explore.page import Page

pytestmark = pytest.mark.long

pytest.importorskip("tornado", reason="the extra explore is not installed")

FIELDS = {"task": "imagenet", "error": "5", "year": "2030", "scenario": "trend"}
JSON = {"Content-Type": "application/json"}


@dataclass
class Served:
    """A server in a process and a folder of its own."""

    process: subprocess.Popen[str]
    address: str
    folder: Path

    @property
    def port(self) -> int:
        return int(urlsplit(self.address).port or 80)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            sent = {"Host": self.host, **{name.replace("_", "-"): text for name, text in headers.items()}}
            connection.putrequest(method, path, skip_host=True)
            if body is not None:
                body = body.encode() if isinstance(body, str) else body
                sent["Content-Length"] = str(len(body))
            for name, text in sent.items():
                connection.putheader(name, text)
            connection.endheaders(body)
            reply = connection.getresponse()
            return reply.status, {name.lower(): text for name, text in reply.getheaders()}, reply.read()

    def raw(self, sent: bytes) -> bytes:
        """What comes back for these bytes; nothing if the server hangs up."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        with connection, contextlib.suppress(OSError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        return b""

    def answer(self, fields: Any, **headers: str) -> dict[str, Any]:
        body = fields if isinstance(fields, (bytes, str)) else json.dumps(fields)
        status, _, found = self.ask("POST", "/answer", body, **JSON, **headers)
        assert status == 200, found
        return dict(json.loads(found))

    def held(self) -> None:
        """The server answers, and its folder is as empty as it was."""
        assert self.process.poll() is None
        assert "getting ImageNet error to 5 % " in self.answer(FIELDS)["spoken"]
        assert sorted(self.folder.iterdir()) == []


@contextlib.contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Served]:
    trace = save_trace(fitted(), folder / "trace.nc")
    here = folder / "here"
    here.mkdir()
    command = [sys.executable, "-m", "scaling_bayes", "explore", str(trace), "--no-browser", "--port", "0"]
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here
    ) as process:
        assert process.stdout is not None
        try:
            yield Served(process, process.stdout.readline().strip(), here)
        finally:
            process.send_signal(signal.SIGINT)
            _, talk = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the page is no longer served" in talk
    assert "Traceback" not in talk
    assert "nothing was written" not in talk


@cache
def fitted() -> Any:
    return synthetic_fit(("imagenet", "my task"), law="saturating")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("local")) as server:
        yield server


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("open"), "--host", "0.0.0.0") as server:
        yield server


# Addresses


@pytest.mark.parametrize(
    "path",
    [
        "/components/venv.__main__/x/_css/y",
        "/components/antigravity/x/_css/y",
        "/components/scaling_bayes.explore.app/__doc__/a",
        "/static/js/bokeh.min.js",
        "/static/extensions/panel/panel.min.js",
        "/static/extensions/../../../../../../etc/passwd",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/..%2f..%2fetc/passwd",
        "/../explore.js",
        "//explore.js",
        "/explore.js/",
        "/explore.jsx",
        "/exploreXjs",
        "/explore.js%00.txt",
        "/explore.css",
        "/form.html.j2",
        "/favicon.ico",
        "/robots.txt",
        "/metadata",
        "/autoload.js?bokeh-autoload-element=1",
        "/liveness",
        "/rest/session_info",
        "/ws",
        "/admin",
        "/login",
        "/index",
        "/%",
        "/%ff%fe",
        "/" + "a" * 8000,
    ],
)
def test_nothing_but_the_page_is_there(local: Served, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"):
        status, _, body = local.ask(method, path, **JSON)
        assert status in (403, 404, 405), (method, path)
        assert b"Traceback" not in body
        assert b"site-packages" not in body
    assert local.ask("GET", "/explore.js")[0] == 200
    assert sorted(local.folder.iterdir()) == []


def test_the_page_is_there_and_shut(local: Served) -> None:
    for path, kind in (("/", "text/html"), ("/run", "text/html"), ("/explore.js", "text/javascript")):
        status, headers, body = local.ask("GET", path)
        assert status == 200
        assert headers["content-type"].startswith(kind)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
        assert body
        status, _, body = local.ask("HEAD", path)
        assert (status, body) == (200, b"")
        assert local.ask("POST", path, "{}", **JSON)[0] == 405
    assert local.ask("GET", "/answer")[0] == 405


# Other pages and other hosts


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "localhost.evil.example:{port}"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Host": "127.0.0.1:1"},
        {"Host": "127.0.0.1"},
        {"Host": "10.0.0.1:{port}"},
        {"Host": "0.0.0.0:{port}"},
        {"Host": ""},
        {"Host": "evil.example:{port}", "X_Forwarded_Host": "127.0.0.1:{port}"},
        {"Host": "evil.example:{port}", "X_Real_IP": "127.0.0.1", "X_Forwarded_For": "127.0.0.1"},
        {"Host": "127.0.0.1:{port}@evil.example"},
        {"Host": "evil.example:{port}/127.0.0.1:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "Cross-Site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
        {"Sec_Fetch_Site": "something-new"},
    ],
)
def test_another_page_or_host_gets_nothing(local: Served, headers: dict[str, str]) -> None:
    sent = {name: text.format(port=local.port) for name, text in headers.items()}
    for method, path, body in (
        ("GET", "/", None),
        ("GET", "/explore.js", None),
        ("GET", "/run", None),
        ("POST", "/run-answer", b"{}"),
        ("GET", "/components/venv.__main__/x/_css/y", None),
        ("POST", "/answer", json.dumps(FIELDS)),
    ):
        status, found, text = local.ask(method, path, body, **JSON, **sent)
        assert status in (400, 403), (method, path)
        assert b"imagenet" not in text
        assert b"evil" not in text
        assert "access-control-allow-origin" not in found
    local.held()


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"],
)
def test_a_form_of_another_page_is_no_message(local: Served, kind: str) -> None:
    assert local.ask("POST", "/answer", json.dumps(FIELDS), Content_Type=kind)[0] in (400, 415)
    local.held()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "127.0.0.2", "[::1]"])
def test_this_machine_has_several_names(local: Served, name: str) -> None:
    host = f"{name}:{local.port}"
    for more in (
        {},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "same-origin", "Origin": f"http://{host}"},
    ):
        assert local.ask("GET", "/", Host=host, **more)[0] == 200
        assert local.answer(FIELDS, Host=host, **more)["html"]


# Messages


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ([], "Found a list; expected the fields"),
        ([FIELDS], "Found a list; expected the fields"),
        ('"task"', "Found a text; expected the fields"),
        (7, "Found a number; expected the fields"),
        (None, "Found null; expected the fields"),
        (True, "Found true; expected the fields"),
        ({}, "Enter a target error"),
        ({**FIELDS, "task": ["imagenet"]}, "Found a list in the field 'task'"),
        ({**FIELDS, "task": {"a": 1}}, "Found a mapping in the field 'task'"),
        ({**FIELDS, "error": 5}, "Found a number in the field 'error'"),
        ({**FIELDS, "year": None}, "Found null in the field 'year'"),
        ({**FIELDS, "price": False}, "Found false in the field 'price'"),
        ({**FIELDS, "grid": float("nan")}, "Found a number in the field 'grid'"),
        ({**FIELDS, "grid": float("-inf")}, "Found a number in the field 'grid'"),
        ({**FIELDS, "task": "x" * 5000}, "Found 5,000 characters in the field 'task'"),
        ({**FIELDS, "x" * 5000: 1}, "Found a number in the field 'xxxx"),
        ({**FIELDS, "task": "\ud800"}, "task"),
        ({**FIELDS, "task": "\x1b]0;title\x07\u202e"}, "task"),
        ({**FIELDS, "year": "1e999999"}, "year"),
        ({**FIELDS, "error": "1e-999999"}, "error"),
        ({**FIELDS, "budget_usd": "1e999999"}, "budget"),
        ({**FIELDS, "scenario": "wild"}, "expected one of"),
        ({**FIELDS, "hardware": "device:../../etc/passwd"}, "device"),
        ({**FIELDS, "grid": "../../etc/passwd"}, "region"),
        ({**FIELDS, "trace": "../../etc/passwd"}, "expected one that the page offers"),
    ],
)
def test_what_is_no_question_gets_a_clear_answer(local: Served, message: Any, said: str) -> None:
    reply = local.answer(message)
    assert said in reply["spoken"]
    assert 'class="problem"' in reply["html"]
    assert len(reply["spoken"]) <= 1000
    assert reply["spoken"].isprintable()
    assert "cannot be answered" not in reply["spoken"]
    local.held()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 16000, 400),
        (b'{"a":' * 2500 + b"1" + b"}" * 2500, (200, 400)),
        (b"1" * 16000, 400),
        (json.dumps({**FIELDS, "task": "x" * 20_000}).encode(), 413),
        (os.urandom(1000) + b"\xff", 400),
    ],
    ids=["empty", "cut", "not UTF-8", "deep list", "deep mapping", "long number", "long", "noise"],
)
def test_what_is_no_message_is_refused(local: Served, body: bytes, status: Any) -> None:
    found, _, text = local.ask("POST", "/answer", body, **JSON)
    assert found in (status if isinstance(status, tuple) else (status,))
    assert b"Traceback" not in text
    assert len(text) < 1000
    local.held()


REQUESTS: dict[str, bytes] = {
    "nothing": b"",
    "noise": bytes(range(256)) * 8,
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "HTTP/1.0 without host": b"GET / HTTP/1.0\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n",
    "two hosts, evil first": b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: HOST\r\n\r\n",
    "two origins": b"GET / HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\nOrigin: http://evil.example\r\n\r\n",
    "two sites": b"GET / HTTP/1.1\r\nHost: HOST\r\n"
    b"Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n\r\n",
    "absolute": b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "absolute, own host": b"GET http://evil.example/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"x" * 10**6 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: HOST\r\n" + b"X: x\r\n" * 10**5 + b"\r\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: evil\r\n HOST\r\n\r\n",
    "5 MB": b"POST /answer HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n"
    b"Content-Length: 5000000\r\n\r\n" + b"x" * 5_000_000,
    "5 MB in chunks": b"POST /answer HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n4c4b40\r\n" + b"x" * 5_000_000 + b"\r\n0\r\n\r\n",
    "length of 10^18": b"POST /answer HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1000000000000000000\r\n\r\nx",
    "negative length": b"POST /answer HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n",
    "length and chunks": b"POST /answer HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "websocket": b"GET /ws HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: bokeh, token\r\n\r\n\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("name", list(REQUESTS))
def test_bytes_that_are_no_request_of_the_page_get_nothing(local: Served, name: str) -> None:
    found = local.raw(REQUESTS[name].replace(b"HOST", local.host.encode()))
    assert not found.startswith(b"HTTP/1.1 2"), found[:200]
    assert not found.startswith(b"HTTP/1.1 101")
    assert b"Traceback" not in found
    assert len(found) < 2000
    local.held()


def test_more_connections_than_it_holds_are_turned_away_and_it_goes_on(local: Served) -> None:
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_connection(("127.0.0.1", local.port), timeout=10))
            for _ in range(100)
        ]
        for each in opened:
            with contextlib.suppress(ConnectionError):
                each.sendall(b"GET / HT")
        turned_away = 0
        for each in opened[64:]:
            with contextlib.suppress(ConnectionError):
                assert each.recv(1) == b""
            turned_away += 1
        assert turned_away == 36
    for _ in range(100):  # until it has seen them close
        with contextlib.suppress(ConnectionError):
            local.held()
            break
        time.sleep(0.1)
    else:
        pytest.fail("it turns everyone away after all have gone")


@cache
def asked() -> tuple[Explorer, Page]:
    return Explorer(fitted()), Page(fitted(), "t.nc")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), st.lists, max_leaves=3
)
NUMBERS = st.sampled_from(["5", "1e999999", "1e-999999", "-0", "NaN", "sNaN1", "Infinity", "1_0", "٣", " 7 "])
NAMES = [*FIELDS, "kind", "price", "hardware", "grid", "usd_per_chip_hour", "own_year", "grid_kg_per_kwh"]
NAMES += ["algorithmic_progress", "budget_usd", "carbon_kg", "trace", "serial"]


@given(
    st.one_of(
        VALUES,
        st.dictionaries(
            st.sampled_from(NAMES), st.one_of(NUMBERS, st.just("own"), st.text(max_size=20), VALUES)
        ).map(lambda fields: FIELDS | fields),
    )
)
def test_every_json_value_is_answered_in_words(fields: Any) -> None:
    reply = app.reply(*asked(), fields)
    assert json.dumps(reply, allow_nan=False)
    assert reply["spoken"]
    assert "cannot be answered" not in reply["spoken"]


def test_a_question_that_breaks_something_is_answered_and_tells_nothing() -> None:
    class Broken(Explorer):
        def answer(self, settings: Any) -> Any:
            raise KeyError("/home/me/secret")

    reply = app.reply(Broken(fitted()), asked()[1], FIELDS)
    assert reply["spoken"] == "These fields cannot be answered (KeyError)."
    assert "secret" not in reply["html"]


# Other machines


def test_other_machines_need_the_token(open_to_all: Served) -> None:
    address = urlsplit(open_to_all.address)
    token = address.query.removeprefix("token=")
    assert address.hostname == "127.0.0.1"
    assert len(token) >= 40
    for given_token in (
        "",
        "?token=",
        f"?token={token[:-1]}",
        f"?token={token}x",
        "?token=%ff",
        "?token=%C3%A9",
    ):
        for path in ("/", "/explore.js", "/nothing"):
            status, headers, body = open_to_all.ask("GET", path + given_token)
            assert status in (400, 403)
            assert token.encode() not in body
            assert "set-cookie" not in headers
        assert open_to_all.ask("POST", f"/answer{given_token}", json.dumps(FIELDS), **JSON)[0] in (400, 403)
    status, headers, body = open_to_all.ask("GET", f"/?token={token}")
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    sent = cookie.partition(";")[0]
    for host in (
        open_to_all.host,
        f"192.0.2.7:{open_to_all.port}",
        f"{socket.gethostname()}:{open_to_all.port}",
    ):
        status, _, body = open_to_all.ask("GET", "/", Host=host, Cookie=sent)
        assert status == 200
        assert token.encode() not in body
        assert open_to_all.answer(FIELDS, Host=host, Cookie=sent)["html"]
    assert open_to_all.ask("GET", "/", Host=open_to_all.host, Cookie=sent[:-1])[0] == 403


def test_the_token_does_not_make_up_for_another_page(open_to_all: Served) -> None:
    query = urlsplit(open_to_all.address).query
    for headers in ({"Host": f"evil.example:{open_to_all.port}"}, {"Origin": "http://evil.example"}):
        status, found, _ = open_to_all.ask("GET", f"/?{query}", **headers)
        assert status == 403
        assert "set-cookie" not in found


@pytest.mark.parametrize(
    ("host", "addresses", "needs_token"),
    [
        ("127.0.0.1", ("127.0.0.1",), False),
        ("localhost", ("127.0.0.1", "::1"), False),
        ("127.1", ("127.0.0.1",), False),
        ("0.0.0.0", ("0.0.0.0",), True),
        ("0", ("0.0.0.0",), True),
        ("box", ("127.0.1.1", "10.0.0.5"), True),
        ("10.0.0.5", ("10.0.0.5",), True),
    ],
)
def test_what_others_can_reach_has_a_token(host: str, addresses: tuple[str, ...], needs_token: bool) -> None:
    guard = Guard.of(host, addresses, 5006)
    assert bool(guard.token) == needs_token
    assert guard.token not in repr(guard) or not needs_token
    served_as = urlsplit(guard.address).netloc
    assert guard.refusal({"Host": served_as}) == ""
    assert guard.refusal({"Host": "evil.example:5006"})
