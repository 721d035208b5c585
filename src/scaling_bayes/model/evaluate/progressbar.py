"""Progress of jobs of many fits, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def steps(title: str, *, shown: bool, total: int | None = None) -> Iterator[Callable[[str], None]]:
    """Give a function to call after each fit, with what was fitted."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[what]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(title, total=total, what="")

        def step(what: str) -> None:
            progress.update(bar, advance=1, what=what)

        yield step
