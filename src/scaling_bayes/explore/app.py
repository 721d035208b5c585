"""The page served to a browser on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import OptionError, ScalingBayesError
from scaling_bayes.explore.answers import Explorer
from scaling_bayes.explore.guard import Guard
from scaling_bayes.explore.page import Page
from scaling_bayes.explore.run_page import RunPage
from scaling_bayes.explore.settings import check_fields, read_settings
from scaling_bayes.text import legible

if TYPE_CHECKING:
    import xarray as xr

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 5006

_FOLDER = Path(__file__).resolve().parent
_LAST_PORT = 65535
#: Characters of an error that are shown.
_LONGEST = 1000


def check_extra() -> None:
    """Refuse to go on without the server's library."""
    try:
        import tornado  # noqa: F401
    except ImportError:
        raise OptionError(
            "the what-if page needs Tornado, which is not installed; pip install 'scaling_bayes[explore]'."
        ) from None


def reply(explorer: Explorer, page: Page, fields: Any) -> dict[str, Any]:
    """Answer what the page, or anybody else, sent.

    Parameters
    ----------
    fields : object
        The fields of the page by name, and ``serial``, their number; any other value is told what it lacks.

    Returns
    -------
    dict
        ``html`` of the results, ``spoken``, the sentence to be read out, and ``serial``, that of the fields.
    """

    def answered(texts: Mapping[str, str]) -> tuple[str, str]:
        settings = read_settings(texts)
        answer = explorer.answer(replace(settings, task=page.task(settings.task)))
        return page.results(answer), page.sentence(answer)

    return replied(fields, answered)


def replied(fields: Any, answered: Callable[[Mapping[str, str]], tuple[str, str]]) -> dict[str, Any]:
    """Reply with the results, as HTML and as a sentence, or with what is wrong."""
    serial = fields.get("serial") if isinstance(fields, Mapping) else None
    try:
        html, spoken = answered(check_fields(fields))
    except ScalingBayesError as error:
        spoken = legible(error, _LONGEST)
        html = Page.problem(spoken)
    except Exception as error:  # noqa: BLE001 - whatever a question breaks, the next one is answered
        spoken = f"These fields cannot be answered ({type(error).__name__})."
        html = Page.problem(spoken)
    return {"html": html, "spoken": spoken, "serial": serial if isinstance(serial, int) else 0}


def serve(
    idata: xr.DataTree,
    trace: str,
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    ready: Callable[[Guard], object],
) -> None:
    """Serve the page until interrupted.

    Parameters
    ----------
    port : int
        0 for any that is free.
    ready : callable
        Called as soon as the page answers, with the guard, which has its address.

    Raises
    ------
    OptionError
        If Tornado is missing, or nothing can listen on that address.
    TraceError
        If `idata` is not a fit.
    """
    check_extra()

    if not 0 <= port <= _LAST_PORT:
        raise OptionError(f"port={port} is none; expected 0 to {_LAST_PORT}.")
    if ":" in host or not host.strip():
        raise OptionError(f"host={host!r}: expected a name or an IPv4 address, such as {DEFAULT_HOST}.")
    explorer, page, one = Explorer(idata), Page(idata, trace), RunPage(idata, trace)
    try:
        listening = socket.create_server((host, port))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f"cannot listen on {host}, port {port} ({reason}); choose another with --port, or 0 for a free "
            "one."
        ) from error
    listening.setblocking(False)
    address, bound = listening.getsockname()[:2]
    guard = Guard.of(host, (address,), int(bound))

    async def run() -> None:
        from scaling_bayes.explore.server import make_server

        script = (_FOLDER / "explore.js").read_text(encoding="utf-8")
        pages = {
            "": (page.whole(), lambda fields: reply(explorer, page, fields)),
            "run": (one.whole(), lambda fields: replied(fields, one.answered)),
        }
        server = make_server(guard, pages, script)
        server.add_socket(listening)
        ready(guard)
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
