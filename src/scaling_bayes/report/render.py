"""`render_html`: a report as one page that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scaling_bayes.report.blocks import Report
from scaling_bayes.steering import without_steering
from scaling_bayes.text import format_power_of_ten, legible

_FOLDER = Path(__file__).resolve().parent


def render_html(report: Report) -> str:
    """Render a report as one HTML page: styles and pictures inside, no script, nothing fetched.

    Every text is escaped; the pictures are the only markup taken as it is, and hold escaped text only.

    Returns
    -------
    str
        The page, the same for the same report.
    """
    return page_templates().get_template("report.html.j2").render(report=report, style=page_style())


def page_style() -> Markup:
    """The style sheet of every page: colours, type and tables."""
    return Markup((_FOLDER / "report.css").read_text(encoding="utf-8"))


def page_templates(*folders: Path) -> Environment:
    """Templates of this package, among them ``parts.html.j2`` that shows parts, and those of other folders.

    Every text is escaped unless marked as safe.
    """
    environment = Environment(
        loader=FileSystemLoader([_FOLDER, *folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.filters |= {
        "power": _power,
        "powers": _powers,
        "prose": _prose,
        "said": _said,
        "svg": Markup,
        "legible": legible,
    }
    environment.tests["web"] = _is_web
    return environment


def _shown(value: object) -> object:
    """Leave out of every text the characters that steer its display; markup stays markup."""
    if not isinstance(value, str):
        return value
    shown = without_steering(value)
    return Markup(shown) if isinstance(value, Markup) else shown


def _power(exponent: float) -> Markup:
    """10 with a raised exponent; the caret is there for those who copy or listen."""
    text = format_power_of_ten(exponent)
    base, caret, raised = text.partition("^")
    if not caret:
        return Markup('<data value="{0}">{0}</data>').format(text)
    return Markup('<data value="{}">{}<span class="caret">^</span><sup>{}</sup></data>').format(
        text, base, raised
    )


def _powers(text: str) -> Markup:
    """Raise the exponents of ``10^x`` in a text."""
    pieces = str(text).split("10^")
    out = Markup.escape(pieces[0])
    for piece in pieces[1:]:
        end = next((i for i, c in enumerate(piece) if not (c.isdigit() or c in ".-")), len(piece))
        number = piece[:end].rstrip(".")
        out += Markup('10<span class="caret">^</span><sup>{}</sup>').format(number) + Markup.escape(
            piece[len(number) :]
        )
    return out


def _prose(text: str) -> Markup:
    """Like `_powers`, and a number stays with its percent sign."""
    return _powers(str(text).replace(" %", "\N{NO-BREAK SPACE}%"))


def _said(text: str) -> Markup:
    """Prose whose beginning, between double asterisks, is strong."""
    _, strong, rest = f"\0{text}".partition("\0**")
    if not strong:
        return _prose(text)
    begin, _, rest = rest.partition("**")
    return Markup("<strong>{}</strong>{}").format(_prose(begin), _prose(rest))


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
