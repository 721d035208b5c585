"""Find the package's data files, in an installed package and in a checkout alike."""

from __future__ import annotations

from pathlib import Path

from scaling_bayes.errors import DataError

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "_data", _PACKAGE.parent.parent / "data")


def data_path(name: str) -> Path:
    """Path of a data file of the package.

    Raises
    ------
    DataError
        If no such file came with the package.
    """
    for place in _PLACES:
        path = place / name
        if path.is_file():
            return path
    looked = " and ".join(str(place) for place in _PLACES)
    raise DataError(f"data file {name!r} not found (looked in {looked}); reinstall scaling_bayes")


def archived_path(name: str) -> Path | None:
    """Path of a released trace that is kept in the source repository only; None where it is not at hand."""
    path = _PACKAGE.parent.parent / "tests" / "data" / "releases" / name
    return path if path.is_file() else None


def document_path(name: str) -> Path:
    """Path of a document that stands at the root of a checkout and beside the data in an installed package.

    Parameters
    ----------
    name : {"LICENSE", "requirements.lock"}
        File name.

    Raises
    ------
    DataError
        If it did not come with the package.
    """
    root = _PACKAGE.parent.parent / name
    return root if root.is_file() else data_path(name)
