"""Check a bundle: complete, unaltered, and with a report that follows from its trace."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import tempfile
import zipfile
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final

from scaling_bayes.diagnostics.verification import verify_trace
from scaling_bayes.errors import TraceError
from scaling_bayes.files import temporary_folder
from scaling_bayes.report import write_report
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.schema import ANY_KIND, manifest

_METADATA: Final = "ro-crate-metadata.json"
_MOST_FILES: Final = 200
_MOST_BYTES: Final = 2**30
_PICTURE = re.compile(r'<svg.*?</svg>|href="data:[^"]*"', re.DOTALL)


def check_bundle(path: str | os.PathLike[str]) -> list[str]:
    """Check a bundle of `write_bundle`, a folder or a ``.zip`` file.

    Every file must be listed with its SHA-256, and every listed file be there; the trace must verify; its
    manifest must be the one beside it; and the report, written anew from the trace, must have the same
    numbers and the same text.

    Returns
    -------
    list of str
        What was checked, one sentence each.
    """
    source = Path(path)
    if source.is_dir():
        return _check_folder(source, source)
    with _scratch() as folder:
        _unzip(source, folder)
        return _check_folder(folder, source)


def _scratch() -> AbstractContextManager[Path]:
    """A folder for what is unpacked or written anew, removed at the end."""
    return temporary_folder(Path(tempfile.gettempdir(), "scaling-bayes-bundle"))


def _unzip(source: Path, folder: Path) -> None:
    """Unpack what a bundle may hold, and nothing outside the folder."""
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            if len(members) > _MOST_FILES or sum(member.file_size for member in members) > _MOST_BYTES:
                raise TraceError(
                    f"{source}: {len(members)} files, or their sizes, are more than a bundle has."
                )
            for member in members:
                name = PurePosixPath(member.filename)
                if (
                    name.is_absolute()
                    or ".." in name.parts
                    or "\\" in member.filename
                    or ":" in member.filename
                ):
                    raise TraceError(f"{source}: {member.filename!r} would be written outside; not unpacked.")
                if not member.is_dir():
                    target = folder / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(member) as packed:
                        target.write_bytes(packed.read(member.file_size))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        raise TraceError(
            f"{source} is not a readable bundle ({error}); expected a folder or a .zip file."
        ) from error


def _check_folder(folder: Path, source: Path) -> list[str]:
    listed, program = _read_metadata(folder, source)
    wrong = _check_files(folder, listed)
    if wrong:
        raise TraceError(_sentence(source, wrong))
    done = [f"{len(listed)} files are listed with their SHA-256, and are those"]
    (name,) = (name for name in listed if name.endswith(".nc"))
    verified = verify_trace(folder / name)
    done.append(
        f"{name} verifies, {len(verified['findings'])} stored items re-derived ({verified['digest']})"
    )
    tree = open_trace(folder / name, kind=ANY_KIND)
    if json.loads((folder / "manifest.json").read_text(encoding="utf-8")) != manifest(tree):
        raise TraceError(_sentence(source, ["manifest.json is not the manifest of the trace"]))
    done.append("manifest.json is the manifest of the trace")
    if "report.html" not in listed:
        return done
    from scaling_bayes import __version__

    if program != __version__:
        return [
            *done,
            f"the report was written by scaling_bayes {program}, this is {__version__}: not re-derived",
        ]
    wrong = _check_report(folder, tree)
    if wrong:
        raise TraceError(_sentence(source, wrong))
    return [*done, "report.json, report.csv and the text of report.html follow from the trace"]


def _read_metadata(folder: Path, source: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """Files listed by name, and the version of the software that packed them."""
    try:
        graph = json.loads((folder / _METADATA).read_text(encoding="utf-8"))["@graph"]
        by_id = {entity["@id"]: entity for entity in graph}
        listed = {part["@id"]: by_id[part["@id"]] for part in by_id["./"]["hasPart"]}
        program = str(by_id["#software"]["version"])
        traces = [name for name in listed if name.endswith(".nc")]
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise TraceError(
            f"{source}: {_METADATA} is missing or not one of a bundle ({type(error).__name__}: {error})."
        ) from error
    if len(traces) != 1 or "manifest.json" not in listed:
        raise TraceError(f"{source}: found {len(traces)} traces; expected one trace and its manifest.json.")
    return listed, program


def _check_files(folder: Path, listed: dict[str, dict[str, Any]]) -> list[str]:
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    wrong = [
        f"{name} is not listed in {_METADATA}" for name in sorted(there.keys() - listed.keys() - {_METADATA})
    ]
    for name, entity in listed.items():
        path = there.get(name)
        if path is None or path.is_symlink() or not path.is_file():
            wrong.append(f"{name} is listed and missing")
            continue
        found = sha256(path.read_bytes()).hexdigest()
        if found != entity.get("sha256"):
            wrong.append(f"{name}: expected SHA-256 {entity.get('sha256')}, found {found}")
    return wrong


def _check_report(folder: Path, tree: Any) -> list[str]:
    wrong = []
    with _scratch() as folder_anew:
        html, numbers, table = (
            path.read_text(encoding="utf-8") for path in write_report(tree, folder_anew / "report.html")
        )
    place = _first_difference(
        json.loads((folder / "report.json").read_text(encoding="utf-8")), json.loads(numbers)
    )
    if place:
        wrong.append(f"report.json: {place}")
    if _first_difference(_cells((folder / "report.csv").read_text(encoding="utf-8")), _cells(table)):
        wrong.append("report.csv is not the summary of the trace")
    if _PICTURE.sub("", (folder / "report.html").read_text(encoding="utf-8")) != _PICTURE.sub("", html):
        wrong.append("report.html does not say what the trace gives")
    return wrong


def _cells(table: str) -> list[list[Any]]:
    """Rows of a CSV text, with its numbers as numbers."""
    return [[_number(cell) for cell in row] for row in csv.reader(io.StringIO(table))]


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _first_difference(found: Any, expected: Any, place: str = "") -> str:
    """Where two JSON values differ first; numbers may differ in the last digits, as between machines."""
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        pairs = [(found[name], expected[name], f"{place}/{name}") for name in expected]
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = [
            (one, other, f"{place}/{index}")
            for index, (one, other) in enumerate(zip(found, expected, strict=True))
        ]
    elif isinstance(found, float) and isinstance(expected, float):
        same = math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12) or (
            math.isnan(found) and math.isnan(expected)
        )
        return "" if same else f"{place}: expected {expected}, found {found}"
    else:
        return "" if found == expected else f"{place}: expected {expected!s:.80}, found {found!s:.80}"
    return next(filter(None, (_first_difference(*pair) for pair in pairs)), "")


def _sentence(source: Path, wrong: list[str]) -> str:
    return f"{source}: the bundle does not hold together; get an intact copy.\n" + "\n".join(
        f"  - {one}" for one in wrong
    )
