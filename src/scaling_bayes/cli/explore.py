"""The command that serves the what-if page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scaling_bayes.cli.options import json_option, trace_or_reference
from scaling_bayes.cli.output import echo, open_fit, print_json, say

if TYPE_CHECKING:
    from scaling_bayes.explore.guard import Guard

INTERRUPTED = 130


@click.command(short_help="Explore projections interactively in a browser")
@trace_or_reference
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=5006, show_default=True, help="Port; 0 for any that is free.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Whether to open a browser.")
@json_option
def explore(trace: str, host: str, port: int, browser: bool, as_json: bool) -> int:
    """Serve a page to try targets, scenarios, prices, grids and budgets in a browser.

    Intervals follow at once. They are those of TRACE, by default the released reference fit. The page is for
    this machine alone unless --host says otherwise; then its address holds a token that every visitor needs.
    It loads nothing from elsewhere, and answers no other page. Ctrl-C ends it. Needs the extra: pip install
    'scaling_bayes[explore]'.

    \b
    Example:
      scaling-bayes explore trace.nc --port 0 --no-browser
    """
    from scaling_bayes.explore.app import check_extra, serve

    check_extra()
    idata = open_fit(trace)

    def ready(guard: Guard) -> None:
        if as_json:
            print_json({"address": guard.address})
        else:
            echo(guard.address)
        if guard.token:
            say(
                "warning: other machines can reach this server; whoever has the address with its token can "
                "open the page."
            )
        say("Ctrl-C ends it")
        if browser:
            import webbrowser

            webbrowser.open(guard.address)

    serve(idata, trace, host=host, port=port, ready=ready)
    say("interrupted; the page is no longer served")
    return INTERRUPTED
