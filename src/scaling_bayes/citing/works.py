"""The works that a trace rests on."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from scaling_bayes.core.options import STACK
from scaling_bayes.resources import data_path
from scaling_bayes.systems.editions import EDITIONS, edition_table
from scaling_bayes.systems.load import FAMILIES, reference_systems, said_to_be
from scaling_bayes.trace.digest import data_digest
from scaling_bayes.trace.releases import HARDWARE_RELEASE, Release, read_index, release_of
from scaling_bayes.trace.schema import CALIBRATION_KIND, FIT_KIND, HARDWARE_KIND
from scaling_bayes.trace.view import TraceView

if TYPE_CHECKING:
    import xarray as xr

#: Shipped tables that a hardware posterior is made from, inside ``data/``.
_HARDWARE_TABLES = (
    "hardware/accelerators",
    "hardware/prices",
    "hardware/ml_systems",
    "hardware/record_machines",
)
_LONGEST = 300
#: "Cottier et al. (2024), The rising costs" and "Epoch AI, Data on AI Models".
_DATED_SOURCE = re.compile(r"(?P<author>.+?) \((?P<year>[0-9]{4})\), (?P<title>.+)")
_SOURCE = re.compile(r"(?P<author>[^,]+), (?P<title>.+)")


@dataclass(frozen=True)
class Author:
    """A person by family and given name, or a body by `family` alone."""

    family: str
    given: str = ""


@dataclass(frozen=True)
class Work:
    """Something to cite."""

    #: Identifier, unique in a list: letters, digits and underscores.
    key: str
    #: ``dataset``, ``software`` or ``article``.
    kind: str
    #: Title.
    title: str
    #: In order; at least one.
    authors: tuple[Author, ...]
    #: ``YYYY``, ``YYYY-MM-DD``, or empty.
    date: str = ""
    #: Empty where there is none.
    version: str = ""
    doi: str = ""
    url: str = ""
    licence: str = ""
    journal: str = ""
    number: str = ""
    #: What identifies it: digests, seed.
    note: str = ""


@cache
def load_works() -> dict[str, Any]:
    """Software and paper, as ``data/works.toml`` has them."""
    return tomllib.loads(data_path("works.toml").read_text(encoding="utf-8"))


def works_of(
    trace: xr.DataTree | TraceView, *, with_hardware: bool = False, author: str | None = None
) -> list[Work]:
    """Works a posterior rests on: the trace first, then software, paper, data and their sources.

    Parameters
    ----------
    with_hardware : bool
        Whether to add the hardware posterior.
    author : str, optional
        Author of what was not released.

    Raises
    ------
    TraceError
        If the tree carries no manifest.
    """
    view = TraceView.of(trace)
    content, kind = view.manifest, view.kind
    own = Author(_plain(author) if author else "The author of the fit")
    works = [_trace(view, own), software_work(content["versions"].get("scaling_bayes", ""))]
    if kind != HARDWARE_KIND:
        works += [paper_work(), *_data(content["data"], own)]
    if kind == HARDWARE_KIND or with_hardware:
        if kind == FIT_KIND:
            works += [_released(release) for release in read_index() if release.name == HARDWARE_RELEASE]
        works += _tables(*_HARDWARE_TABLES)
    found: dict[str, Work] = {}
    for work in works:
        found.setdefault(work.url or work.key, work)
    return list(found.values())


def software_work(version: str) -> Work:
    """Return the software, in the version that made a trace."""
    software = load_works()["software"]
    return Work(
        key="scaling_bayes",
        kind="software",
        title=software["title"],
        authors=(Author(software["author"]),),
        date=software["date"],
        version=_plain(version),
        doi=software["doi"],
        licence=software["licence"],
    )


def paper_work() -> Work:
    """Return the paper whose analysis is redone."""
    paper = load_works()["paper"]
    return Work(
        key="thompson2020",
        kind="article",
        title=paper["title"],
        authors=tuple(Author(author["family"], author["given"]) for author in paper["authors"]),
        date=str(paper["year"]),
        url=paper["url"],
        journal=paper["journal"],
        number=paper["number"],
    )


def _trace(view: TraceView, own: Author) -> Work:
    content, digest, kind = view.manifest, view.digest, view.kind
    release = release_of(digest)
    seed = f"random seed {content['sampler']['random_seed']}"
    if release is not None:
        work = _released(release)
        return replace(
            work, version=_plain(content["versions"].get("scaling_bayes", "")), note=f"{work.note}; {seed}"
        )
    if kind == HARDWARE_KIND:
        title = "Posterior of hardware trends"
    elif kind == CALIBRATION_KIND:
        title = f"Calibration of the {_plain(content['model'].get('law', ''))} law by many fits"
    else:
        systems, law = content["data"].get("n_systems"), content["model"].get("law", "")
        title = f"Fit of {systems} systems under the {_plain(law)} law"
        if law == STACK:
            title = f"Stack of fits of {systems} systems under several laws"
    return Work(
        key=f"{kind}_{digest[:12]}",
        kind="dataset",
        title=title,
        authors=(own,),
        version=_plain(content["versions"].get("scaling_bayes", "")),
        note=f"SHA-256 of the content {digest}; {seed}",
    )


def _released(release: Release) -> Work:
    return Work(
        key=re.sub(r"\W", "_", release.name),
        kind="dataset",
        title=f"{release.title} ({release.name})",
        authors=(Author(load_works()["software"]["author"]),),
        date=release.date,
        doi=release.doi,
        licence=release.licence,
        note=f"SHA-256 of the content {release.digest}",
    )


def _data(stated: dict[str, Any], own: Author) -> list[Work]:
    note = f"SHA-256 of the rows fitted {_plain(stated['sha256'])}"
    shipped = said_to_be(stated.get("source", ""))
    if shipped:
        family = FAMILIES.get(shipped[0].get("family", ""), "").removesuffix(".csv")
        edition = shipped[0].get("edition") if len(shipped) == 1 else edition_of(str(stated["sha256"]))
        table, *sources = _tables(family or edition_table(edition))
        return [replace(table, note=note), *sources]
    return [
        Work(
            key="data",
            kind="dataset",
            title=f"Systems fitted, from {_plain(stated.get('source', 'a table'))}",
            authors=(own,),
            note=note,
        )
    ]


def _tables(*names: str) -> list[Work]:
    """Shipped tables, then their sources."""
    tables, sources = [], []
    for name in names:
        meta = tomllib.loads(data_path(f"{name}.meta.toml").read_text(encoding="utf-8"))
        tables.append(
            Work(
                key=re.sub(r"\W", "_", name),
                kind="dataset",
                title=meta["title"],
                authors=tuple(map(Author, meta["producers"])),
                date=str(meta["date_accessed"]),
                licence=meta["licence_of_facts"],
                note=f"{name}.csv, SHA-256 of the file {meta['sha256']}",
            )
        )
        sources += [_source(entry) for entry in meta["sources"]]
    return [*tables, *sources]


def _source(entry: dict[str, str]) -> Work:
    name = entry.get("title") or entry["name"]
    parts = _DATED_SOURCE.fullmatch(name) or _SOURCE.fullmatch(name)
    author, title = (parts["author"], parts["title"]) if parts else (name, name)
    if title.startswith("from "):
        title = name
    year = (parts.groupdict().get("year") or "") if parts else ""
    return Work(
        key=re.sub(r"\W+", "_", f"{author}_{year or title}".lower())[:40].strip("_"),
        kind="dataset" if "arxiv.org" not in entry["url"] else "article",
        title=title,
        authors=(Author(author),),
        date=year,
        url=entry["url"],
        licence=entry["licence"],
    )


def _plain(text: object) -> str:
    """Text of a manifest on one line, printable and not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def edition_of(sha256: str) -> str | None:
    """The edition whose `reference_systems` have that `data_digest`, or None."""
    return next((edition for edition in EDITIONS if _reference_digest(edition) == sha256), None)


@cache
def _reference_digest(edition: str) -> str:
    return data_digest(reference_systems(edition=edition))
