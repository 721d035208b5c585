"""The server of the what-if pages: five addresses, and nothing else.

``/`` and ``/run`` are the pages, ``/explore.js`` their script; ``/answer`` and ``/run-answer`` take the
fields of a page as JSON and reply with the results. Nothing of a request names a file or a module, and none
leaves anything behind.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from tornado.httpserver import HTTPServer
from tornado.web import Application, HTTPError, RequestHandler

if TYPE_CHECKING:
    from tornado.iostream import IOStream

    from scaling_bayes.explore.guard import Guard

#: Bytes of a message that is read, of one that is turned away with a reason, and of the headers.
_MESSAGE_BYTES: Final = 2**14
_BODY_BYTES: Final = 2**20
_HEADER_BYTES: Final = 2**14
#: Connections at a time, and seconds that one may be idle or take to send what it sends.
_CONNECTIONS: Final = 64
_SECONDS: Final = 20.0

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


type Reply = Callable[[Any], Mapping[str, Any]]


class _Handler(RequestHandler):
    """Any address; one that is not served is not found."""

    def initialize(self, guard: Guard) -> None:
        self.guard = guard

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in _HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")

    def prepare(self) -> None:
        refusal = self.guard.refusal(self.request.headers)
        if refusal:
            raise HTTPError(403, reason="Forbidden", log_message=refusal)
        if self.guard.token and not self.guard.knows(self.get_cookie(self.guard.cookie) or ""):
            if not self.guard.knows(self.get_query_argument("token", "")):
                raise HTTPError(403, log_message="Open the address that was printed, with its token.")
            self.set_cookie(self.guard.cookie, self.guard.token, httponly=True, samesite="Strict")
            if self.request.method == "GET":
                self.redirect(self.request.path, status=303)

    def get(self) -> None:
        raise HTTPError(404)

    def head(self) -> None:
        raise HTTPError(404)

    def write_error(self, status_code: int, **more: Any) -> None:
        """Say what was refused, and nothing of the inside."""
        error = more.get("exc_info", (None, None, None))[1]
        said = error.log_message if isinstance(error, HTTPError) and status_code == 403 else None
        self.finish(f"{status_code}: {said or self._reason}\n")

    def log_exception(self, *_: object) -> None:
        """Leave the terminal alone: what is logged would be the sender's text, or hold the token."""


class _Text(_Handler):
    """A text that never changes."""

    def initialize(self, guard: Guard, text: str = "", kind: str = "text/plain") -> None:
        super().initialize(guard)
        self.text, self.kind = text, kind

    def get(self) -> None:
        self.set_header("Content-Type", f"{self.kind}; charset=UTF-8")
        self.finish(self.text)

    head = get


class _Answer(_Handler):
    """The results for the fields of the page."""

    def initialize(self, guard: Guard, reply: Reply | None = None) -> None:
        super().initialize(guard)
        self.reply = reply

    def get(self) -> None:
        raise HTTPError(405)

    head = get

    def post(self) -> None:
        # No form of another page can have this type.
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            raise HTTPError(415)
        if len(self.request.body) > _MESSAGE_BYTES:
            raise HTTPError(413)
        try:
            fields = json.loads(self.request.body.decode("utf-8"))
        except (ValueError, RecursionError):
            raise HTTPError(400) from None
        assert self.reply is not None
        answer = json.dumps(self.reply(fields), allow_nan=False)
        self.set_header("Content-Type", "application/json")
        self.finish(answer)


class _Server(HTTPServer):
    """A server that turns away more connections than it can hold."""

    def initialize(self, *args: Any, **more: Any) -> None:
        super().initialize(*args, **more)
        self._streams: weakref.WeakSet[IOStream] = weakref.WeakSet()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        if sum(not each.closed() for each in self._streams) >= _CONNECTIONS:
            stream.close()
            return
        self._streams.add(stream)
        super().handle_stream(stream, address)


def make_server(guard: Guard, pages: Mapping[str, tuple[str, Reply]], script: str) -> HTTPServer:
    """Make a server that has yet to be given its sockets.

    Parameters
    ----------
    pages : mapping
        By name, a page and what answers its fields: a callable that takes what was sent, any JSON value, and
        returns what is replied. The page without a name is at ``/``, and answered at ``/answer``.
    """
    common = {"guard": guard}
    served: list[Any] = [
        (r"/explore\.js", _Text, {**common, "text": script, "kind": "text/javascript"}),
    ]
    for name, (page, reply) in pages.items():
        served.append((f"/{name}", _Text, {**common, "text": page, "kind": "text/html"}))
        answer = f"/{name}-answer" if name else "/answer"
        served.append((answer, _Answer, {**common, "reply": reply}))
    application = Application(
        served,
        default_handler_class=_Handler,
        default_handler_args=common,
        log_function=lambda _: None,
    )
    return _Server(
        application,
        max_header_size=_HEADER_BYTES,
        max_body_size=_BODY_BYTES,
        max_buffer_size=_BODY_BYTES + _HEADER_BYTES,
        idle_connection_timeout=_SECONDS,
        body_timeout=_SECONDS,
    )
