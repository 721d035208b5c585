"""Pack a trace for a deposit: an RO-Crate with the trace, its report, its data and what to cite.

The crate follows RO-Crate 1.3 and is written with ro-crate-py, the optional extra ``scaling_bayes[deposit]``.
"""

from __future__ import annotations

import json
import mimetypes
import os
import shutil
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scaling_bayes.citing.cite import cite
from scaling_bayes.citing.works import Work, works_of
from scaling_bayes.diagnostics.stored import stored_hardware
from scaling_bayes.diagnostics.verification import verify_trace
from scaling_bayes.errors import OptionError
from scaling_bayes.files import check_writable, replacing, temporary_folder, write_text
from scaling_bayes.projection.summarize import summary
from scaling_bayes.report import write_report
from scaling_bayes.resources import document_path
from scaling_bayes.steering import csv_text, json_text
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import Release, find_trace
from scaling_bayes.trace.schema import ANY_KIND, CALIBRATION_KIND, FIT_KIND
from scaling_bayes.trace.view import PosteriorView, TraceView

if TYPE_CHECKING:
    import pandas as pd

_CRATE_VERSION: Final = "1.3"
_LICENCE: Final = "Apache-2.0"
_TITLES: Final = {
    "manifest.json": "Options, priors, sampler settings, data digest and library versions of the trace",
    "report.html": "Report on the trace, for reading",
    "report.json": "Every number of the report",
    "report.csv": "Summary of the report's projection",
    "data/systems.csv": "Systems the fit was made from",
    "data/points.csv": "Points of the trends the posterior was made from",
    "data/offers.csv": "Cloud offers the posterior was made from",
    "CITATION.cff": "What to cite, as a Citation File Format document",
    "references.bib": "What to cite, as BibTeX",
    "requirements.lock": "Every package of the environment, with hashes",
    "LICENSE": "Licence",
}
#: Date of every ZIP member, which must not tell when it was packed.
_ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)


def write_bundle(trace: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """Pack a trace, after verifying it, with everything a deposit needs.

    Parameters
    ----------
    trace : str or path
        Name of a released trace, or path of a file.
    path : path
        A folder to make, or a file ``*.zip``. The same trace gives the same files.

    Returns
    -------
    Path
        The folder or file written. In it: the trace, its manifest, the report on it (of a fit) as HTML, JSON
        and CSV, its data, references, ``requirements.lock``, the licence, and ``ro-crate-metadata.json`` with
        the size and SHA-256 of each.

    Raises
    ------
    OptionError
        If ro-crate-py is not installed, or the path is a folder that exists.
    WriteError
        If the path cannot be written.
    TraceError
        If the trace does not verify.
    """
    target = Path(path)
    _check_target(target)
    crate_type = _crate_type()
    verify_trace(trace)
    source, release = find_trace(trace)
    view = TraceView.of(open_trace(trace, kind=ANY_KIND))
    with temporary_folder(target) as temporary:
        content, crate = temporary / "content", temporary / "crate"
        (content / "data").mkdir(parents=True)
        name = release.file if release else "trace.nc"
        shutil.copyfile(source, content / name)
        _write_documents(view, content)
        _write_crate(crate_type(version=_CRATE_VERSION), view, release, content, name).write(crate)
        if target.suffix == ".zip":
            with replacing(target) as unfinished:
                _zip(crate, unfinished)
        else:
            crate.replace(target)
    return target


def _check_target(target: Path) -> None:
    if target.suffix != ".zip" and os.path.lexists(target):
        raise OptionError(f"cannot write {target}: it exists; name a folder that does not, or a .zip file.")
    check_writable(target)


def _crate_type() -> Any:
    try:
        from rocrate.rocrate import ROCrate
    except ImportError:
        raise OptionError(
            "a bundle needs ro-crate-py, which is not installed; pip install 'scaling_bayes[deposit]'."
        ) from None
    return ROCrate


def _write_documents(view: TraceView, folder: Path) -> None:
    is_fit = view.kind == FIT_KIND
    write_text(
        folder / "manifest.json",
        json_text(json.dumps(view.manifest, indent=1, sort_keys=True, ensure_ascii=False)) + "\n",
    )
    if isinstance(view, PosteriorView):
        write_report(view, folder / "report.html")
        tables = {"systems": _systems(view)}
    elif view.kind == CALIBRATION_KIND:
        tables = {"summary": summary(view.tree)}
    else:
        tables = dict(zip(("points", "offers"), stored_hardware(view), strict=True))
    for name, table in tables.items():
        write_text(folder / "data" / f"{name}.csv", csv_text(table))
    write_text(folder / "CITATION.cff", cite(view, "cff", with_hardware=is_fit))
    write_text(folder / "references.bib", cite(view, "bibtex", with_hardware=is_fit))
    for name in ("requirements.lock", "LICENSE"):
        shutil.copyfile(document_path(name), folder / name)


def _systems(view: PosteriorView) -> pd.DataFrame:
    """Every column the fit keeps of its systems, with their errors."""
    table = view.systems()
    table.insert(1, "error", view.observed["error"].values)
    return table


def _write_crate(crate: Any, view: TraceView, release: Release | None, folder: Path, trace: str) -> Any:
    from rocrate.model.contextentity import ContextEntity

    from scaling_bayes import __version__

    def entity(identifier: str, properties: dict[str, Any]) -> Any:
        return crate.add(ContextEntity(crate, identifier, properties=properties))

    work, software, *sources = works_of(view, with_hardware=view.kind == FIT_KIND)
    spdx = release.licence if release else _LICENCE
    licence = entity(
        f"https://spdx.org/licenses/{spdx}",
        {
            "@type": "CreativeWork",
            "name": spdx,
            "description": "The licence of the trace and of this crate",
        },
    )
    makers = entity("#makers", {"@type": "Organization", "name": work.authors[0].family})
    crate.name = work.title
    crate.description = (
        f"{work.title}: posterior draws, their manifest, data, report and environment. {work.note}."
    )
    crate.license = licence
    crate.datePublished = (release.date if release else "") or str(view.tree.attrs["created"])[:10]
    crate.root_dataset["author"] = makers
    crate.root_dataset["publisher"] = makers
    crate.root_dataset["identifier"] = entity(
        "#identifier",
        {
            "@type": "PropertyValue",
            "name": work.title,
            "propertyID": "DOI" if work.doi else "SHA-256 of the content",
            "value": work.doi or view.tree.attrs["digest"],
            **({"url": f"https://doi.org/{work.doi}"} if work.doi else {}),
        },
    )
    crate.root_dataset["citation"] = [entity(*_source(source)) for source in sources if source.url]
    mentioned = [entity(*_source(source)) for source in sources if not source.url]
    titles = {trace: work.title, **_TITLES}
    files = {}
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = path.relative_to(folder).as_posix()
        content = path.read_bytes()
        files[name] = crate.add_file(
            path,
            name,
            properties={
                "name": name,
                "description": titles[name],
                "encodingFormat": _media_type(name),
                "contentSize": str(len(content)),
                "sha256": sha256(content).hexdigest(),
            },
        )
    program = entity(
        "#software",
        {
            "@type": "CreativeWork",
            "name": software.title,
            "version": __version__,
            "description": "Wrote this crate; the manifest has the version that sampled the trace",
            "author": {"@id": makers.id},
            **({"identifier": f"https://doi.org/{software.doi}"} if software.doi else {}),
        },
    )
    made = entity(
        "#sampling",
        {
            "@type": "CreateAction",
            "name": release.command if release else "sampled by the author of the trace",
        },
    )
    made["instrument"] = program
    data = [file for name, file in files.items() if name.startswith("data/")]
    made["object"] = data if len(data) > 1 else data[0]
    made["result"] = files[trace]
    crate.root_dataset["mentions"] = [made, *mentioned]
    return crate


def _source(work: Work) -> tuple[str, dict[str, Any]]:
    kind = {"article": "ScholarlyArticle", "dataset": "CreativeWork", "software": "SoftwareApplication"}[
        work.kind
    ]
    properties = {
        "@type": kind,
        "name": work.title,
        "author": ", ".join(f"{author.given} {author.family}".strip() for author in work.authors),
        "datePublished": work.date,
        "description": work.note,
    }
    return work.url or f"#{work.key}", {name: value for name, value in properties.items() if value}


def _media_type(name: str) -> str:
    known = {".nc": "application/netcdf", ".cff": "application/yaml", ".bib": "application/x-bibtex"}
    suffix = Path(name).suffix
    return known.get(suffix) or mimetypes.types_map.get(suffix) or "text/plain"


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(file for file in folder.rglob("*") if file.is_file()):
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_DATE)
            member.external_attr = 0o644 << 16
            archive.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED)
