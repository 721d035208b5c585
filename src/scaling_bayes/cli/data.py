"""``scaling-bayes data``: the tables that come with the package, described and taken elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from scaling_bayes.cli.completion import choices_of
from scaling_bayes.cli.keep import overwrite_option, refuse_replacing
from scaling_bayes.cli.options import json_option
from scaling_bayes.cli.output import echo, print_json, print_table, say


def _tables() -> Iterable[str]:
    from scaling_bayes.archive.catalogue import list_tables

    return [row["table"] for row in list_tables()]


def _editions() -> Iterable[str]:
    from scaling_bayes.hardware.editions import EDITIONS

    return EDITIONS


_table_argument = click.argument("table", shell_complete=choices_of(_tables))
_edition_option = click.option(
    "--edition",
    shell_complete=choices_of(_editions),
    help="Edition of a hardware table; all by default.",
)


@click.group(short_help="List, describe and export the tables", invoke_without_command=True)
@json_option
@click.pass_context
def data(context: click.Context, as_json: bool) -> None:
    """List, describe and export the tables that come with the package.

    \b
    Example:
      scaling-bayes data
      scaling-bayes data describe language_systems
      scaling-bayes data export hardware/prices -o prices.parquet
    """
    if context.invoked_subcommand is None:
        _list(as_json)


@data.command("list", short_help="List the tables")
@json_option
def list_command(as_json: bool) -> None:
    """List the tables: name, rows, title.

    \b
    Example:
      scaling-bayes data list
    """
    _list(as_json)


@data.command(short_help="Columns, units, sources and licence of a table")
@_table_argument
@_edition_option
@json_option
def describe(table: str, edition: str | None, as_json: bool) -> None:
    """Print what TABLE holds and where it is from.

    \b
    Example:
      scaling-bayes data describe systems
    """
    from scaling_bayes.archive.catalogue import describe_table

    about = describe_table(table, edition=edition)
    if as_json:
        print_json(about)
        return
    echo(f"{about['title']}\n{about['description']}")
    print_table(
        f"{about['table']}: {about['rows']:,} rows",
        ("column", "type", "unit", "meaning"),
        [(each["name"], each["type"], each["unit"], each["meaning"]) for each in about["columns"]],
    )
    echo(f"Cite: {about['citation']}\nLicence: {about['licence']}\nSHA-256: {about['sha256']}")
    for source in about["sources"]:
        echo(f"Source: {source['title']}, {source['url']} ({source['licence']})")


@data.command(short_help="Write a table with its description")
@_table_argument
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write: .csv or .parquet."
)
@overwrite_option
@_edition_option
@json_option
def export(table: str, output: Path, overwrite: bool, edition: str | None, as_json: bool) -> None:
    """Write TABLE, with its sidecar and a Data Package descriptor (Frictionless) beside it.

    \b
    Example:
      scaling-bayes data export language_systems -o language.csv
    """
    from scaling_bayes.archive.catalogue import export_table, files_beside

    for path in (output, *files_beside(output)):
        refuse_replacing(path, overwrite=overwrite)
    files = export_table(table, output, edition=edition)
    if as_json:
        print_json({"files": [str(path) for path in files]})
    else:
        for path in files:
            say(f"wrote {path}")


def _list(as_json: bool) -> None:
    from scaling_bayes.archive.catalogue import list_tables

    rows = list_tables()
    if as_json:
        print_json(rows)
    else:
        print_table(
            "Tables",
            ("table", "rows", "what it is"),
            [(row["table"], f"{row['rows']:,}", row["title"]) for row in rows],
            right=("rows",),
        )
