"""The page served to a browser on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import re
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
from scaling_bayes.explore.settings import FieldError, check_fields, read_settings
from scaling_bayes.text import legible

if TYPE_CHECKING:
    import xarray as xr

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 5006

_FOLDER = Path(__file__).resolve().parent
_LAST_PORT = 65535
#: Part of what `project` says of a year in which a target would take less than one operation.
_IMPOSSIBLE = "No training takes less than one operation"
#: Arguments of the library, and the fields that give them where they have another name.
_ARGUMENTS = {"years": "year", "region": "grid", "device_class": "hardware", "device": "hardware"}
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
        ``html`` of the results, ``spoken``, the sentence to be read out, and ``serial``, that of the fields;
        where they cannot be answered, ``spoken`` and ``html`` say why, and ``field`` names the one that is
        wrong, or is empty.
    """

    def answered(texts: Mapping[str, str]) -> tuple[str, str]:
        settings = read_settings(texts)
        answer = explorer.answer(replace(settings, task=page.task(settings.task)))
        return page.results(answer), page.sentence(answer)

    return replied(fields, answered)


def replied(fields: Any, answered: Callable[[Mapping[str, str]], tuple[str, str]]) -> dict[str, Any]:
    """Reply with the results, as HTML and as a sentence, or with what is wrong and where."""
    given = fields if isinstance(fields, Mapping) else {}
    reply: dict[str, Any] = {"serial": serial if isinstance(serial := given.get("serial"), int) else 0}
    try:
        html, spoken = answered(check_fields(fields))
    except ScalingBayesError as error:
        reply["field"], spoken = _at_field(error, given)
        html = Page.problem(spoken)
    except Exception as error:  # noqa: BLE001 - whatever a question breaks, the next one is answered
        spoken = f"These fields cannot be answered ({type(error).__name__})."
        html = Page.problem(spoken)
        reply["field"] = ""
    return {**reply, "html": html, "spoken": spoken}


def _at_field(error: ScalingBayesError, fields: Mapping[Any, Any]) -> tuple[str, str]:
    """The field that an error is about, empty where it is about none, and what to say there."""
    said = legible(error, _LONGEST)
    if isinstance(error, FieldError):
        return error.field, said
    if _IMPOSSIBLE in said:
        return "year", (
            "By then the error would take less than one operation: past progress cannot go on that long. "
            "Choose an earlier year or a lower error."
        )
    match = re.match(r"(\w+)(=|: )(.*)", said)
    field = _ARGUMENTS.get(match[1], match[1]) if match else "task" if said.startswith("task ") else ""
    if field not in fields:
        return "", said
    return field, said if match is None else f"Found {match[3]}" if match[2] == "=" else match[3]


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
    page, one = Page(idata, trace), RunPage(idata, trace)
    explorer = Explorer(idata, {name: opened for name, (_, opened) in page.others.items()})
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
