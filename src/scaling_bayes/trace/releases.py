"""The released traces, under names that never change their meaning.

``data/traces/index.toml`` says so; `tools.releases.release` makes the files it names. They come with the
package, except those that were archived: these stay in the index and, as files, in the source repository.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scaling_bayes.errors import DataError, TraceError
from scaling_bayes.resources import archived_path, data_path

if TYPE_CHECKING:
    import pandas as pd

#: The index, and the folder of the files, inside ``data/``.
INDEX: Final = "traces/index.toml"
#: The trace that is reported on when none is named, and the one that prices and carbon come from.
REFERENCE_TRACE: Final = "reference-2026.12"
HARDWARE_RELEASE: Final = "hardware-2026.12"

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*-[0-9]{4}\.[0-9]{2}")


@dataclass(frozen=True)
class Release:
    """A released trace."""

    #: Name and month, such as ``reference-2026.12``; never given to another trace.
    name: str
    #: What it holds: ``fit``, ``hardware`` or ``calibration``.
    kind: str
    #: What it is, in a few words.
    title: str
    #: The command that makes it; ``-o FILE`` is added.
    command: str
    #: Digest of its content, of `scaling_bayes.trace.digest.tree_digest`; empty until it is made.
    digest: str
    #: SHA-256 of the file's bytes; empty until it is made.
    sha256: str
    #: Day it was made, ISO 8601; empty until it is made.
    date: str
    #: SPDX identifier.
    licence: str
    #: DOI of its deposit; empty until the maintainers fill it in.
    doi: str

    @property
    def file(self) -> str:
        """Name of its file, beside the index."""
        return f"{self.name}.nc"

    @property
    def at_hand(self) -> bool:
        """Whether it was made, and its file is there."""
        return bool(self.digest) and self.path is not None

    @property
    def path(self) -> Path | None:
        """Its file, with the package or in the archive of a checkout; None where it is not at hand."""
        try:
            return data_path(f"traces/{self.file}")
        except DataError:
            return archived_path(self.file)


def read_index(path: Path | None = None) -> tuple[Release, ...]:
    """Every released trace, in the order of the index.

    Raises
    ------
    DataError
        If the index is missing, or an entry is incomplete, misnamed or repeated.
    """
    source = data_path(INDEX) if path is None else path
    try:
        releases = _parsed(source.read_text(encoding="utf-8"))
    except (OSError, TypeError, ValueError) as error:
        raise DataError(f"{source}: not a readable index of traces ({error}).") from error
    names = [release.name for release in releases]
    for release in releases:
        wrong = [name for name, value in asdict(release).items() if not isinstance(value, str)]
        if wrong:
            raise DataError(f"{source}: {', '.join(wrong)} of {release.name!r} must be text.")
        if not _NAME.fullmatch(release.name) or names.count(release.name) > 1:
            raise DataError(
                f"{source}: found the name {release.name!r}; expected a unique one such as {REFERENCE_TRACE}."
            )
    return releases


@lru_cache(maxsize=1)
def _parsed(text: str) -> tuple[Release, ...]:
    return tuple(Release(**entry) for entry in tomllib.loads(text).get("traces", []))


def list_traces() -> pd.DataFrame:
    """List the released traces.

    Returns
    -------
    DataFrame
        One row per trace that came with the package, and in a checkout per archived one: ``name`` (give it to
        `open_trace`), ``kind``, ``title``, ``command`` (what makes it), ``digest``, ``sha256`` (of the file),
        ``date``, ``licence``, ``doi``.

    Raises
    ------
    DataError
        If the index is missing or damaged.
    """
    import pandas as pd

    names = list(Release.__dataclass_fields__)
    return pd.DataFrame([asdict(each) for each in read_index() if each.at_hand], columns=names)


def release_of(digest: str) -> Release | None:
    """Return the released trace with that digest of its content, or None."""
    return next((release for release in read_index() if release.digest == digest), None)


def is_name(source: str | os.PathLike[str]) -> bool:
    """Whether a trace is given by name rather than as a file.

    A path object, and text with a folder or an ending in it, is a file, whatever else is named so; plain text
    is a name, whatever files there are. A name of a release ends in its month, which is no ending.
    """
    if not isinstance(source, str):
        return False
    folders = {"/", os.sep, os.altsep or os.sep}
    if any(folder in source for folder in folders) or Path(source).drive:
        return False
    return "." not in source or _NAME.fullmatch(source) is not None


def find_trace(source: str | os.PathLike[str]) -> tuple[Path, Release | None]:
    """Path of a trace given by released name or by path; `is_name` says which of them it is.

    Raises
    ------
    TraceError
        If it is a name and no trace is released under it, the file of that trace is not at hand, or it cannot
        be a path.
    """
    try:
        text = os.fsdecode(source)
    except TypeError:
        text = ""
    if not text or "\0" in text:
        raise TraceError(
            f"found {source!r:.80}; expected the path of a trace, or the name of a released one."
        )
    if not is_name(source):
        return Path(text), None
    released = {release.name: release for release in read_index() if release.digest}
    if text not in released:
        beside = f"; for the file of that name write ./{text}" if Path(text).exists() else ""
        raise TraceError(
            f"no released trace is named {text!r:.80}; expected one of {', '.join(released)}, or a path, "
            f"such as trace.nc{beside}."
        )
    path = released[text].path
    if path is None:
        here = ", ".join(name for name, release in released.items() if release.at_hand)
        raise TraceError(
            f"{text} did not come with this package; an archived trace is in the source repository, as "
            f"tests/data/releases/{released[text].file}. Give the path of that file, or one of {here}."
        )
    return path, released[text]
