"""`cite`: what to cite for a trace, in the form a reader needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scaling_bayes.citing.styles import STYLES
from scaling_bayes.citing.works import works_of
from scaling_bayes.errors import OptionError
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.schema import ANY_KIND

if TYPE_CHECKING:
    import xarray as xr

    from scaling_bayes.trace.view import TraceView


def cite(
    trace: xr.DataTree | TraceView | str | os.PathLike[str],
    style: str = "bibtex",
    *,
    with_hardware: bool = False,
    author: str | None = None,
) -> str:
    """Give the references for a trace: the trace, the software, the data and their sources.

    Parameters
    ----------
    trace : DataTree, str or path
        A posterior, the name of a released trace, or the path of a file.
    style : {"bibtex", "csl-json", "apa", "cff"}
        BibTeX entries; a CSL-JSON array; plain text in APA style, one paragraph per reference; or a Citation
        File Format document for the trace with the rest as its references.
    with_hardware : bool
        Whether to add the hardware posterior, for numbers in USD, kWh or kg CO2e from a fit.
    author : str, optional
        Author of a trace that was not released, and of its own data.

    Returns
    -------
    str
        The same for the same content. A released trace carries its name, its date and, once deposited, its
        DOI; any other has no date ("n.d.") and is identified by its digest.

    Raises
    ------
    OptionError
        If the style is unknown.
    TraceError
        As `open_trace`.
    """
    if style not in STYLES:
        raise OptionError(f"style={style!r} is not valid; expected one of {', '.join(STYLES)}.")
    tree = open_trace(trace, kind=ANY_KIND) if isinstance(trace, (str, os.PathLike)) else trace
    return STYLES[style](works_of(tree, with_hardware=with_hardware, author=author))
