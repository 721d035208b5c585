"""How the command line speaks: data on standard output, talk on standard error."""

from __future__ import annotations

import io
import json
import math
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.steering import csv_text, json_text, visible

if TYPE_CHECKING:
    from types import FrameType

    import pandas as pd
    import xarray as xr


#: What Python takes, after the option of the same meaning: ``--unit or unit=``, and of `--column` a mapping.
_OR_ARGUMENT = re.compile(r""" or [a-z_]+=(?:\{'\w+': (?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\}|(?=[,;.]))""")
_PICTURES = (".svg", ".png", ".pdf")


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Write text to standard output or error; every line of the command line goes through here.

    Characters that would steer the terminal, such as a colour or a window's title in a name, are escapes.
    """
    click.echo(visible(text), err=err, nl=nl)


def say(text: str) -> None:
    """Write a line to standard error, as a user of the shell knows its words."""
    echo(in_shell(text), err=True)


def in_shell(message: str) -> str:
    """A message that names an option and what Python has in its place, with the option alone."""
    return _OR_ARGUMENT.sub("", message)


def say_usage(error: click.ClickException) -> None:
    """Say why a command was not understood."""
    shown = io.StringIO()
    error.show(shown)
    say(shown.getvalue().rstrip("\n"))


def open_fit(source: str) -> xr.DataTree:
    """Open a fit whose numbers are asked for, and say every check that it did not pass."""
    from scaling_bayes.diagnostics.checks import failed_checks
    from scaling_bayes.diagnostics.criticism import doubts
    from scaling_bayes.trace.io import open_trace
    from scaling_bayes.trace.schema import FIT_KIND

    idata = open_trace(source, kind=FIT_KIND)
    for sentence in (*failed_checks(idata), *doubts(idata)):
        say(f"warning: {sentence}")
    return idata


def print_json(content: Any) -> None:
    """Write JSON to standard output; infinite numbers as the strings ``"inf"`` and ``"-inf"``."""
    echo(json_text(json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False)))


def print_csv(frame: pd.DataFrame) -> None:
    """Write a table to standard output as CSV, full precision."""
    echo(csv_text(frame), nl=False)


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
    tight: bool = False,
) -> None:
    """Write a table to standard output for reading; plain text without colour when piped.

    Columns in `right` are flush right; cells of columns in `whole`, such as intervals, stay on one line.
    Columns of a `tight` table are two spaces apart, else three.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=tight)
    for column in columns:
        table.add_column(
            Text(column),
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column in whole,
        )
    for row in rows:
        table.add_row(*(Text(visible(cell, keep="\n")) for cell in row))
    console = Console(file=sys.stdout, highlight=False)
    if not sys.stdout.isatty():
        console.width = max(console.width, 80)
    # A title of the table's own would be broken at the width of the table.
    console.print(Text(visible(title), style="italic"))
    console.print(table)


def check_figure(path: Path, *, overwrite: bool) -> None:
    """Refuse a figure that could not be written or would replace a file, before the work for it."""
    from scaling_bayes.cli.keep import refuse_replacing
    from scaling_bayes.files import check_writable

    refuse_replacing(path, overwrite=overwrite)
    check_writable(path)
    if path.suffix.lower() not in _PICTURES:
        raise click.UsageError(
            f"{path}: found a figure named {path.name}; expected a name in .svg, .png or .pdf."
        )


def write_figure(figure: Any, path: Path) -> None:
    """Write a matplotlib figure, in the format that its name says."""
    from scaling_bayes.files import replacing

    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower().removeprefix("."))


def written_trace(path: Path, failed: Sequence[str]) -> dict[str, Any]:
    """What ``--json`` prints of a trace just written: its path, its digest, and the checks it failed."""
    from scaling_bayes.trace.io import open_trace
    from scaling_bayes.trace.schema import ANY_KIND

    return {
        "path": str(path),
        "digest": open_trace(path, kind=ANY_KIND).attrs["digest"],
        "failed_checks": list(failed),
    }


@contextmanager
def steps_said(*, quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Show the step that is being done on a terminal's standard error; elsewhere nothing."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("reading the fit") as status:
        yield lambda step: status.update(visible(step))


@contextmanager
def warnings_said() -> Iterator[list[str]]:
    """Say warnings of this package as plain lines, also before an error; gather them too."""
    said: list[str] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield said
    finally:
        # Of a refusal too: they may say what led to it.
        for warning in caught:
            _say_warning(warning, said)


def _say_warning(warning: warnings.WarningMessage, said: list[str]) -> None:
    if issubclass(warning.category, UserWarning) and warning.category.__module__.startswith("scaling_bayes"):
        said.append(str(warning.message))
        say(f"warning: {warning.message}")
    elif not issubclass(warning.category, (DeprecationWarning, PendingDeprecationWarning, FutureWarning)):
        say(f"warning: {warning.category.__name__}: {warning.message}")


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at the end of the block if one was lost inside it.

    Python drops exceptions raised in weak-reference callbacks, and imports and compilation run many of them.
    """
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.default_int_handler(number, frame)

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if pressed:
        raise KeyboardInterrupt


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {str(key): _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else ("inf" if content > 0 else "-inf")
    return content
