"""Commands on traces as things that are kept: listed, verified, cited, packed for a deposit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from scaling_bayes.cli.completion import choices_of
from scaling_bayes.cli.completion import traces as trace_names
from scaling_bayes.cli.keep import overwrite_option, refuse_replacing
from scaling_bayes.cli.options import json_option, trace_argument
from scaling_bayes.cli.output import echo, interrupts_kept, print_json, print_table, say

if TYPE_CHECKING:
    import pandas as pd

#: The citation style that is JSON.
_JSON_STYLE = "csl-json"
#: Items named one by one in a sentence; more are counted.
_LISTED = 3


@click.command(short_help="List the released traces")
@json_option
def traces(as_json: bool) -> None:
    """List the released traces; their names stand for files in every command.

    \b
    Example:
      scaling-bayes traces
    """
    from scaling_bayes.resources import archived_path
    from scaling_bayes.trace.releases import list_traces

    rows = list_traces().to_dict(orient="records")
    if as_json:
        print_json(rows)
    else:
        shown = [row for row in rows if archived_path(f"{row['name']}.nc") is None]
        print_table(
            "Released traces",
            ("name", "date", "digest", "what it is"),
            [(row["name"], row["date"], f"{row['digest'][:12]}…", row["title"]) for row in shown],
        )
        if len(shown) < len(rows):
            say(f"{len(rows) - len(shown)} earlier ones are archived in this checkout; --json lists them too")


@click.command(short_help="Check that a trace is unaltered and its numbers follow")
@click.argument("names", metavar="[TRACE]...", nargs=-1, type=click.Path(), shell_complete=trace_names)
@click.option("--refit", is_flag=True, help="Sample again, with another seed, and compare.")
@click.option("--random-seed", type=int, help="Seed of --refit; by default the one after the trace's.")
@click.option("--findings", is_flag=True, help="Print each item that was re-derived.")
@json_option
def verify(
    names: tuple[str, ...], refit: bool, random_seed: int | None, findings: bool, as_json: bool
) -> None:
    """Verify each TRACE, a file or a released name; by default every released trace.

    A trace must be complete, of a known schema and unchanged since it was written, and every summary and
    check in it must follow from its draws and data. With --refit the posterior is sampled again (this needs
    PyMC), and means and quantiles must agree within Monte Carlo error.

    A released name, and a file of the same content, is compared with the index of released traces. Any other
    file is checked against itself only: a consistent forgery passes, unless --refit finds other draws. The
    exit code is 1 if anything does not follow.

    \b
    Example:
      scaling-bayes verify reference-2026.12 --refit
    """
    from scaling_bayes.core.options import STACK
    from scaling_bayes.diagnostics.findings import SKIPPED
    from scaling_bayes.diagnostics.verification import verify_trace
    from scaling_bayes.trace.releases import list_traces
    from scaling_bayes.trace.schema import CALIBRATION_KIND

    shown = []
    for name in names or tuple(list_traces()["name"]):
        verified = verify_trace(name)
        items = verified.pop("findings")
        rows = items.to_dict(orient="records")
        shown.append(
            {
                **{key: verified[key] for key in ("path", "digest", "created", "notes", "proves")},
                "findings": rows,
            }
        )
        if not as_json:
            echo(f"{verified['digest']}  {verified['path']}")
        skipped = items[items["outcome"] == SKIPPED]
        say(f"{name}: {len(items) - len(skipped)} stored items follow from the draws and data")
        for row in rows if findings else []:
            say(f"  {row['item']}: {row['outcome']}, {row['detail']}")
        for why, alike in () if findings else skipped.groupby("detail", sort=False):
            say(f"  {_counted(list(alike['item']))}: {SKIPPED}, {why}")
        for note in verified["notes"]:
            say(f"  note: {note}")
        say(f"  {verified['proves']}")
        if refit and verified["manifest"].get("model", {}).get("law") == STACK:
            say(f"{name}: a stack is not sampled; sample again the fits it mixes")
        elif refit and verified["manifest"].get("kind") == CALIBRATION_KIND:
            say(f"{name}: hundreds of fits are not made again; give the command that made it")
        elif refit:
            shown[-1]["refit"] = _refitted(name, random_seed).to_dict(orient="records")
    if as_json:
        print_json(shown if len(shown) != 1 else shown[0])


def _counted(items: Sequence[str]) -> str:
    """The items, where there are few; else how many, and the groups they belong to."""
    if len(items) <= _LISTED:
        return ", ".join(items)
    groups = dict.fromkeys(item.partition("/")[0] for item in items)
    return f"{len(items)} items of {', '.join(groups)} (--findings lists them)"


def _refitted(name: str, random_seed: int | None) -> pd.DataFrame:
    from scaling_bayes.errors import OptionError, TraceError
    from scaling_bayes.trace.io import open_trace
    from scaling_bayes.trace.schema import ANY_KIND

    with interrupts_kept():
        try:
            from scaling_bayes.model.refit_check import resample
        except ImportError as error:
            raise OptionError(f"--refit samples again, which needs PyMC and nutpie ({error}).") from None
        frame = resample(open_trace(name, kind=ANY_KIND), random_seed=random_seed)
    worst = frame.iloc[int(frame["difference"].abs().argmax())]
    sentence = (
        f"{name}: sampled again, {len(frame)} means and quantiles compared; the largest difference is "
        f"{abs(worst['difference']):.2f} Monte Carlo errors ({worst['parameter']}, {worst['statistic']}), "
        f"limit {worst['limit']:.2f}"
    )
    apart = int((~frame["agrees"]).sum())
    if apart:
        raise TraceError(
            f"{sentence}; {apart} do not agree. The draws are not of the posterior they are said to be."
        )
    say(sentence)
    return frame


@click.command(short_help="What to cite for a trace")
@trace_argument
@click.option(
    "--style",
    default="bibtex",
    show_default=True,
    shell_complete=choices_of(lambda: ("bibtex", "csl-json", "apa", "cff")),
    help="bibtex, csl-json, apa or cff.",
)
@click.option("--author", help="Author of a fit of your own; by default git's user.name.")
@click.option("--with-hardware", is_flag=True, help="Add what numbers in USD, kWh and kg CO2e rest on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the same as --style csl-json.")
def cite(trace: str, style: str, author: str | None, with_hardware: bool, as_json: bool) -> None:
    """Print what to cite for TRACE: the trace, the software, the data and their sources.

    The author of a fit of your own is you; that of a released one is who released it.

    \b
    Example:
      scaling-bayes cite reference-2026.12 --style apa
    """
    from scaling_bayes.citing.cite import cite as cite_trace

    if as_json:
        source = click.get_current_context().get_parameter_source("style")
        if source is not ParameterSource.DEFAULT and style != _JSON_STYLE:
            raise click.UsageError(f"--json and --style {style} exclude each other.")
        style = _JSON_STYLE
    echo(cite_trace(trace, style, with_hardware=with_hardware, author=author or _git_user()), nl=False)


def _git_user() -> str | None:
    """Name in git's configuration, or None."""
    import subprocess

    try:
        asked = ["git", "config", "user.name"]
        found = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None


@click.command(short_help="Pack a trace with its report and data for a deposit")
@trace_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to make, or .zip file.")
@overwrite_option
@click.option("--check", is_flag=True, help="TRACE is a bundle; check it instead of making one.")
@json_option
def bundle(trace: str, output: Path | None, overwrite: bool, check: bool, as_json: bool) -> None:
    """Pack TRACE with manifest, report, data, environment and references for a deposit (RO-Crate).

    \b
    Example:
      scaling-bayes bundle reference-2026.12 -o reference-2026.12.zip
      scaling-bayes bundle --check reference-2026.12.zip
    """
    if check == (output is not None):
        raise click.UsageError("give either -o with the bundle to make, or --check.")
    if output is None:
        from scaling_bayes.archive.check import check_bundle

        sentences = list(check_bundle(trace))
        if as_json:
            print_json({"path": str(trace), "found": sentences})
        for sentence in [] if as_json else sentences:
            echo(sentence)
        return
    from scaling_bayes.archive.bundle import write_bundle

    refuse_replacing(output, overwrite=overwrite, inputs=[trace])
    path = write_bundle(trace, output)
    if as_json:
        print_json({"path": str(path)})
    else:
        echo(str(path))
