"""The page served to a browser on this machine, with Panel."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import OptionError, ScalingBayesError
from scaling_bayes.explore.answers import Explorer
from scaling_bayes.explore.page import Page, style_sheet
from scaling_bayes.explore.settings import read_settings

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DEFAULT_HOST", "DEFAULT_PORT", "check_extra", "reply", "serve"]

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 5006

_FOLDER = Path(__file__).resolve().parent
_LAST_PORT = 65535
_EVERYWHERE = "0.0.0.0"


def check_extra() -> Any:
    """Return Panel.

    Raises
    ------
    OptionError
        If it is not installed.
    """
    try:
        import panel
    except ImportError:
        raise OptionError(
            "the what-if page needs Panel, which is not installed; pip install 'scaling_bayes[explore]'."
        ) from None
    return panel


def reply(explorer: Explorer, page: Page, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the fields of the page.

    Returns
    -------
    dict
        ``html`` of the results, ``spoken``, the sentence to be read out, and ``serial``, that of the fields.
    """
    try:
        answer = explorer.answer(read_settings(fields))
    except ScalingBayesError as error:
        html, spoken = page.problem(str(error)), str(error)
    else:
        html, spoken = page.results(answer), page.sentence(answer)
    return {"html": html, "spoken": spoken, "serial": fields.get("serial", 0)}


def serve(
    idata: xr.DataTree,
    trace: str,
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    ready: Callable[[str], object],
) -> None:
    """Serve the page until interrupted.

    Parameters
    ----------
    idata : DataTree
        From `fit`, `stack` or `open_trace`.
    trace : str
        Its released name or path.
    host : str
        Address to listen on.
    port : int
        0 for any that is free.
    ready : callable
        Called with the address of the page as soon as it answers.

    Raises
    ------
    OptionError
        If Panel is missing, or nothing can listen on that address.
    TraceError
        If `idata` is not a fit.
    """
    panel = check_extra()
    from tornado.ioloop import IOLoop

    if not 0 <= port <= _LAST_PORT:
        raise OptionError(f"port={port} is none; expected 0 to {_LAST_PORT}.")
    if ":" in host:
        raise OptionError(f"host={host!r}: expected a name or an IPv4 address, such as {DEFAULT_HOST}.")
    explorer, page = Explorer(idata), Page(idata, trace)
    component = _component(panel, explorer, page)
    template = (_FOLDER / "page.html.j2").read_text(encoding="utf-8").replace("STYLE", style_sheet())

    def session() -> Any:
        # Scripts and styles come from this server, whatever the environment says of Bokeh's resources.
        panel.config.inline = False
        return panel.Template(
            template, items={"whatif": component(form=page.form(), sizing_mode="stretch_width")}
        )

    loop = IOLoop(make_current=False)
    try:
        port = port or _free_port(host)
        server = panel.io.server.get_server(
            session,
            address=host,
            port=port,
            loop=loop,
            title="What if? scaling_bayes",
            websocket_origin=_origins(host, port),
        )
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f"cannot listen on {host}, port {port} ({reason}); choose another with --port, or 0 for a free "
            "one."
        ) from error
    server.start()
    loop.add_callback(ready, f"http://{host}:{server.port}/")
    # Panel ends the loop on an interrupt.
    loop.start()
    server.stop()


def _component(panel: Any, explorer: Explorer, page: Page) -> Any:
    import param

    class WhatIf(panel.custom.JSComponent):  # type: ignore[misc]
        """The form and its results. The browser sends the fields, Python replies.

        Messages, as Panel holds back changes of a parameter for 50 ms.
        """

        form = param.String()

        _esm = (_FOLDER / "explore.js").read_text(encoding="utf-8")
        _stylesheets = (style_sheet(),)

        def _handle_msg(self, data: dict[str, Any]) -> None:
            self._send_msg(reply(explorer, page, data))

    return WhatIf


def _free_port(host: str) -> int:
    """Find a free port; a page may talk to its server only if its address is known beforehand."""
    with socket.create_server((host, 0)) as found:
        return int(found.getsockname()[1])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _origins(host: str, port: int) -> list[str]:
    """Addresses of pages that may talk to this server; any where it listens on every address."""
    if host == _EVERYWHERE:
        return [f"*:{port}"]
    names = {host, *(("127.0.0.1", "localhost") if is_loopback(host) else ())}
    return [f"{name}:{port}" for name in sorted(names)]
