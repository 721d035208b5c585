"""What a shell completes: values of options that have fixed ones, names of released traces.

The library is imported when a value is completed, never when a command starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def choices_of(values: Callable[[], Iterable[str]]) -> Completer:
    """Make a completer of what `values` gives when it is asked."""
    from click.shell_completion import CompletionItem

    def complete(
        _context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(value) for value in values() if value.startswith(incomplete)]

    return complete


def traces(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of released traces, and files."""
    from click.shell_completion import CompletionItem

    from scaling_bayes.trace.releases import read_index

    released = [release for release in read_index() if release.at_hand]
    named = [CompletionItem(each.name, help=each.title) for each in released]
    return [
        *(item for item in named if item.value.startswith(incomplete)),
        CompletionItem(incomplete, "file"),
    ]


def laws() -> Iterable[str]:
    """Names of laws."""
    from scaling_bayes.core.laws import LAW_NAMES

    return LAW_NAMES


def families() -> Iterable[str]:
    """Names of the families of shipped systems."""
    from scaling_bayes.systems.load import FAMILIES

    return FAMILIES


def editions() -> Iterable[str]:
    """Editions of the shipped systems."""
    from scaling_bayes.systems.editions import EDITIONS

    return EDITIONS


def poolings() -> Iterable[str]:
    """Names of poolings."""
    from scaling_bayes.core.options import POOLINGS

    return POOLINGS


def experiments() -> Iterable[str]:
    """Names of the experiments of ``calibrate``."""
    from scaling_bayes.trace.schema import EXPERIMENTS

    return EXPERIMENTS


def scenarios() -> Iterable[str]:
    """Names of scenarios, and of none."""
    from scaling_bayes.projection.scenario import SCENARIOS

    return (*SCENARIOS, "none")


def regions() -> Iterable[str]:
    """Grids without a space in their name, which shells split at: the world, codes, cloud regions."""
    from scaling_bayes.hardware.tables import load_table

    codes = load_table("grid_carbon_intensity", usable=True)["iso3"].dropna()
    clouds = load_table("cloud_regions", usable=True)["region"]
    return ("World", *sorted({str(code) for code in (*codes, *clouds)} - {"", "World"}))
