"""Which tables come with the package, what each holds, and one taken elsewhere with its description.

A sidecar is written anew as a Data Package descriptor (Frictionless Data, specification version 1), which
other tools read: names, types, units and meanings of columns, sources, licence, digest.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tomllib
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.files import write_bytes
from scaling_bayes.hardware.editions import EDITIONS, check_edition
from scaling_bayes.hardware.tables import TABLE_NAMES, load_table
from scaling_bayes.resources import data_path
from scaling_bayes.trace.io import check_writable

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (".csv", ".parquet")
_SIDECAR = ".meta.toml"
_MEDIA = {".csv": "text/csv", ".parquet": "application/vnd.apache.parquet"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_PANDAS = {"number": "float64", "integer": "Int64", "boolean": "boolean"}


def _folder() -> Path:
    return data_path("systems.csv").parent


def list_tables() -> list[dict[str, Any]]:
    """Name, title and number of rows of every table, by name.

    A table of a folder is named with it, such as ``hardware/prices``.
    """
    return [
        {"table": name, "rows": len(_cells(name)[1]), "title": _sidecar(name)["title"]} for name in _names()
    ]


def describe_table(name: str, *, edition: str | None = None) -> dict[str, Any]:
    """What a table holds and where it is from.

    Parameters
    ----------
    name : str
        Of `list_tables`; the last part is enough where one table has it.
    edition : str, optional
        Edition of a hardware table; by default the file with the rows of all.

    Returns
    -------
    dict
        ``table``, ``title``, ``description``, ``citation``, ``licence``, ``rows``, ``sha256`` of the shipped
        file, ``sources`` (title, address, licence) and ``columns`` (name, type, unit, meaning).

    Raises
    ------
    OptionError
        If there is no such table or edition.
    """
    name = _resolved(name)
    about = _sidecar(name)
    frame = read_shipped(name, edition=edition)
    stated = _columns(about)
    return {
        "table": name,
        "title": about["title"],
        "description": about["description"],
        "citation": about["citation"],
        "licence": about.get("licence_of_facts", about.get("licence", "")),
        "rows": len(frame),
        "sha256": about["sha256"],
        "sources": [
            {
                "title": source.get("title", source.get("name")),
                "url": source["url"],
                "licence": source["licence"],
            }
            for source in about.get("sources", [])
        ],
        "columns": [
            {"name": column, "type": _type_of(frame[column]), **stated[column]} for column in frame.columns
        ],
    }


def read_shipped(name: str, *, edition: str | None = None) -> pd.DataFrame:
    """Read a shipped table with typed columns.

    Parameters
    ----------
    name, edition
        As in `describe_table`.

    Returns
    -------
    pandas.DataFrame
        Numbers, whole numbers, truth values and dates as such where every cell of a column is one; else text.
        Empty cells are missing values, in text too.

    Raises
    ------
    OptionError
        If there is no such table, or the table has no editions.
    """
    import pandas as pd

    name = _resolved(name)
    header, rows = _cells(name)
    if edition is not None:
        rows = _rows_of_edition(name, header, edition)
    frame = pd.DataFrame(rows, columns=header, dtype=str)
    for column in header:
        frame[column] = _typed(frame[column])
    return frame


def data_package(name: str, path: str, content: bytes, *, edition: str | None = None) -> dict[str, Any]:
    """The Data Package descriptor of one table as it was written to a file.

    Returns
    -------
    dict
        To be written as ``datapackage.json``; https://specs.frictionlessdata.io/data-package/.
    """
    about = describe_table(name, edition=edition)
    slug = re.sub(r"[^a-z0-9]+", "-", about["table"].lower()).strip("-")
    suffix = Path(path).suffix
    sources = [{"title": source["title"], "path": source["url"]} for source in about["sources"]]
    return {
        "profile": "tabular-data-package" if suffix == ".csv" else "data-package",
        "name": f"scaling-bayes-{slug}",
        "title": about["title"],
        "description": about["description"],
        "licenses": [{"name": "other-at", "title": about["licence"]}],
        **({"sources": sources} if sources else {}),
        "resources": [
            {
                "profile": "tabular-data-resource" if suffix == ".csv" else "data-resource",
                "name": slug,
                "path": path,
                "format": suffix.removeprefix("."),
                "mediatype": _MEDIA[suffix],
                "encoding": "utf-8",
                "bytes": len(content),
                "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
                "schema": {
                    "fields": [
                        {
                            "name": column["name"],
                            "type": column["type"],
                            "description": column["meaning"],
                            "unit": column["unit"],
                        }
                        for column in about["columns"]
                    ],
                    "missingValues": [""],
                },
            }
        ],
    }


def export_table(name: str, target: str | PathLike[str], *, edition: str | None = None) -> list[Path]:
    """Write a table to a file, with its sidecar and a Data Package descriptor beside it.

    Parameters
    ----------
    name, edition
        As in `describe_table`. Without an edition a CSV file is the shipped one to the byte.
    target : path
        A file that ends in ``.csv`` or ``.parquet``.

    Returns
    -------
    list of Path
        Table, ``<stem>.meta.toml`` and ``<stem>.datapackage.json``.

    Raises
    ------
    OptionError
        If there is no such table or edition, or the format is another.
    TraceError
        If the folder is missing or read-only; nothing is written then.
    DataError
        If a file cannot be written.
    """
    name = _resolved(name)
    target = Path(target)
    if target.suffix not in FORMATS:
        raise OptionError(f"found {target.name!r}; expected a file name that ends in {' or '.join(FORMATS)}.")
    check_writable(target)
    content = _content(name, target.suffix, edition)
    sidecar = re.sub(
        r'^sha256 = "[^"]*"$',
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        (_folder() / f"{name}{_SIDECAR}").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    package = data_package(name, target.name, content, edition=edition)
    beside, descriptor = files_beside(target)
    files = {
        target: content,
        beside: sidecar.encode("utf-8"),
        descriptor: (json.dumps(package, indent=2, ensure_ascii=False) + "\n").encode("utf-8"),
    }
    for path, written in files.items():
        try:
            write_bytes(path, written)
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror or error}") from error
    return list(files)


def files_beside(target: Path) -> tuple[Path, Path]:
    """The sidecar and the descriptor that `export_table` writes beside a table."""
    return target.with_name(f"{target.stem}{_SIDECAR}"), target.with_name(f"{target.stem}.datapackage.json")


def _names() -> list[str]:
    folder = _folder()
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob(f"*{_SIDECAR}"))
    return sorted(path.removesuffix(_SIDECAR) for path in paths if not path.startswith("traces/"))


def _resolved(name: str) -> str:
    """The full name of a table; the last part is enough where one table has it."""
    names = _names()
    if name in names:
        return name
    ending = [full for full in names if full.rpartition("/")[2] == name]
    if len(ending) == 1:
        return ending[0]
    raise OptionError(f"no table {name!r}; there are {', '.join(names)}.")


def _sidecar(name: str) -> dict[str, Any]:
    return tomllib.loads((_folder() / f"{name}{_SIDECAR}").read_text(encoding="utf-8"))


def _columns(about: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Unit and meaning of columns, of either form of sidecar."""
    columns = about["columns"]
    if isinstance(columns, list):
        columns = {column["name"]: column for column in columns}
    return {
        name: {"unit": "" if column["unit"] == "-" else column["unit"], "meaning": column["meaning"]}
        for name, column in columns.items()
    }


def _cells(name: str) -> tuple[list[str], list[list[str]]]:
    with (_folder() / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    return header, rows


def _rows_of_edition(name: str, header: list[str], edition: str) -> list[list[str]]:
    """Rows of a hardware table as they hold in an edition, as text cells."""
    check_edition(edition)
    folder, _, stem = name.rpartition("/")
    if folder != "hardware" or stem not in TABLE_NAMES:
        raise OptionError(f"{name} has no editions; those of data/hardware have {', '.join(EDITIONS)}.")
    cells: list[list[str]] = load_table(stem, edition=edition, typed=False)[header].to_numpy().tolist()
    return cells


def _content(name: str, suffix: str, edition: str | None) -> bytes:
    if suffix == ".csv":
        if edition is None:
            return (_folder() / f"{name}.csv").read_bytes()
        header, _ = _cells(name)
        rows = _rows_of_edition(name, header, edition)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        return text.getvalue().encode("utf-8")
    buffer = io.BytesIO()
    read_shipped(name, edition=edition).to_parquet(buffer, index=False)
    return buffer.getvalue()


def _typed(cells: pd.Series[str]) -> pd.Series[Any]:
    import pandas as pd

    given = cells.where(cells != "")
    filled = [cell for cell in cells if cell]
    if filled and set(filled) <= {"true", "false"}:
        return given.map({"true": True, "false": False}).astype("boolean")
    if filled and all(_DATE.fullmatch(cell) for cell in filled):
        return pd.to_datetime(given, format="%Y-%m-%d")
    numbers = pd.to_numeric(given, errors="coerce").astype("float64")
    if filled and int(numbers.notna().sum()) == len(filled):
        whole = all(re.fullmatch(r"-?\d{1,15}", cell) for cell in filled)
        return numbers.astype("Int64") if whole else numbers
    return given


def _type_of(column: pd.Series[Any]) -> str:
    """Type of a column in a Table Schema."""
    kind = str(column.dtype)
    if kind.startswith("datetime"):
        return "date"
    return next((name for name, dtype in _PANDAS.items() if dtype == kind), "string")
