"""The documentation site: it builds without a warning, needs no network, and names everything there is."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest
from tools.pages.examples import EXAMPLE

import scaling_bayes
from scaling_bayes import figures, report
from scaling_bayes.cli import cli

pytest.importorskip("sphinx", reason="the extra 'docs' is not installed")

#: Elements and attributes that a browser loads by itself.
LOADED = {
    ("img", "src"),
    ("script", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("audio", "src"),
    ("object", "data"),
    ("embed", "src"),
}
LOADED_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload"}
STORED_BYTES = 3_000_000
TRACE = "reference-2026.11"
#: Tables of a report whose first column holds words, not names of tasks or systems.
WORDED = {"Assumption", "Check", "Forecaster", "Parameter"}


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Page(HTMLParser):
    """Anchors, links and what a browser loads of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "link" and LOADED_LINKS & set(found.get("rel", "").split()):
            self.loaded.append(found["href"])
        self.loaded += [value for name, value in found.items() if (tag, name) in LOADED]


@pytest.fixture(scope="module")
def site(repository: Path, made_once: Callable[..., Path]) -> Path:
    """The built site, made once for the whole run."""

    def build(path: Path) -> None:
        # In a copy: the reference writes its pages beside the others.
        copy = path.with_name(f"{path.name}-source")
        shutil.copytree(repository / "docs", copy / "docs", ignore=shutil.ignore_patterns("generated"))
        for page in repository.glob("*.md"):
            shutil.copy(page, copy)
        (copy / "src").symlink_to(repository / "src")
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--nitpicky", "--quiet"]
        run = subprocess.run(
            [*command, "-d", "doctrees", "docs", str(path)],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr

    return made_once("site", build)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {
        path.relative_to(site).as_posix(): Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
    }


# The site as built


def test_every_link_within_the_site_leads_somewhere(site: Path, pages: dict[str, Page]) -> None:
    broken = []
    for name, page in pages.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            path = unquote(address.path)
            target = (site / name).parent / path if path else site / name
            anchors = pages.get(target.resolve().relative_to(site.resolve()).as_posix(), Page("")).anchors
            if not target.is_file() or (address.fragment and unquote(address.fragment) not in anchors):
                broken.append(f"{name}: {link}")
    assert broken == []


def test_a_browser_loads_nothing_from_elsewhere(site: Path, pages: dict[str, Page]) -> None:
    loaded = {f"{name}: {url}" for name, page in pages.items() for url in page.loaded if urlsplit(url).netloc}
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        urls = re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)", text)
        loaded |= {f"{sheet.relative_to(site)}: {url}" for url in urls}
    assert loaded == set()
    assert not list(site.rglob("*mathjax*"))


def test_every_public_name_has_a_page_in_the_reference(pages: dict[str, Page]) -> None:
    named = {
        f"{module.__name__}.{name}" for module in (scaling_bayes, figures, report) for name in module.__all__
    }
    named -= {"scaling_bayes.report.QUESTION", "scaling_bayes.report.COST_QUESTION"}  # texts
    generated = {path.removeprefix("reference/generated/").removesuffix(".html") for path in pages}
    assert named - generated == set(), "add a line to docs/reference/api.md"
    assert all(name in pages[f"reference/generated/{name}.html"].anchors for name in named)


def test_every_command_and_option_is_in_the_reference(site: Path) -> None:
    text = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    for name, command in cli.commands.items():
        assert f'id="scaling-bayes-{name}"' in text, name
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert f'id="cmdoption-scaling-bayes-{name}-{option.lstrip("-")}"' in text, (name, option)


def test_every_module_is_on_the_architecture_page(repository: Path, site: Path) -> None:
    text = (site / "reference" / "architecture.html").read_text(encoding="utf-8")
    listed = set(re.findall(r"<dt><code[^>]*><span class=\"pre\">(scaling_bayes[\w.]*)</span>", text))
    package = repository / "src" / "scaling_bayes"
    modules = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in package.rglob("*.py")
    }
    assert listed == modules


def test_every_public_docstring_says_what_goes_in_and_comes_out() -> None:
    from numpydoc.validate import validate

    # Sections known and in order; a summary; every parameter, no other, each described; what is returned.
    codes = {"GL06", "GL07", "GL08", "SS01", "SS04", "PR01", "PR02", "PR07", "RT01"}
    findings = [
        f"{name}: {code} {text}"
        for name in scaling_bayes.__all__
        if name not in ("Comparison", "LAWS")  # made by the package only, and a mapping
        for code, text in validate(f"scaling_bayes.{name}")["errors"]
        if code in codes
    ]
    assert findings == []


def test_links_between_pages_work_on_a_plain_git_host(repository: Path) -> None:
    broken = []
    for page in [*repository.glob("*.md"), *(repository / "docs").rglob("*.md")]:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for link in re.findall(r"\]\(([^)\s#]+)", text):
            if not urlsplit(link).scheme and not (page.parent / unquote(link)).exists():
                broken.append(f"{page.relative_to(repository)}: {link}")
    assert broken == []


def test_every_variable_of_a_trace_is_in_the_reference(site: Path) -> None:
    from scaling_bayes.trace.schema import FIT_GROUPS, VARIABLES

    text = (site / "reference" / "trace_layout.html").read_text(encoding="utf-8")
    assert [
        name for name in (*FIT_GROUPS, *VARIABLES) if f'<span class="pre">{name}</span>' not in text
    ] == []


# Examples and notebooks


def test_the_tutorial_is_made_of_examples(repository: Path) -> None:
    for name in ("index.md", "tutorial.md", "howto/own_data.md", "howto/own_price.md"):
        assert EXAMPLE.search((repository / "docs" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["README.md", "docs/index.md"])
def test_sentences_of_the_first_pages_are_short(repository: Path, name: str) -> None:
    """Words a sentence, of prose: without code, tables, headings, pictures and addresses."""
    text = (repository / name).read_text(encoding="utf-8")
    aside = [r"```.*?```", r"<!--.*?-->", r"^[|#].*?$", r"!\[.*?\]\(.*?\)", r"(?<=\])\([^)]*\)", r"[*`]"]
    text = re.sub("|".join(aside), "", text, flags=re.DOTALL | re.MULTILINE)
    parts = re.split(r"\n\s*\n|^\s*(?:-|\d+\.)\s", text, flags=re.MULTILINE)
    said = [each.split() for part in parts for each in re.split(r"(?<=[.?!])\s", part) if " " in each.strip()]
    assert len(said) > 15
    assert sum(map(len, said)) / len(said) < 16


def cells(notebook: dict[str, list[dict[str, object]]]) -> list[tuple[object, str]]:
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]  # type: ignore[arg-type]


def notebook_names() -> list[str]:
    folder = Path(__file__).resolve().parent.parent / "notebooks"
    return sorted(path.stem for path in folder.glob("*.py"))


@pytest.mark.parametrize("name", notebook_names())
def test_stored_notebooks_are_of_the_scripts(repository: Path, name: str) -> None:
    source = load(repository / "tools" / "notebooks.py").source(name)
    stored = json.loads((repository / "docs" / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert cells(stored) == cells(source), f"store it anew: make notebooks NAME={name}"
    produced = [output for cell in stored["cells"] for output in cell.get("outputs", [])]
    assert produced
    kinds = {output["output_type"] for output in produced}
    assert kinds <= {"display_data", "execute_result", "stream"}
    assert "0x" not in json.dumps([output.get("data", {}).get("text/plain") for output in produced])


def test_stored_notebooks_are_small_and_all_there(repository: Path) -> None:
    stored = sorted((repository / "docs" / "notebooks").glob("*.ipynb"))
    assert [path.stem for path in stored] == notebook_names()
    assert sum(path.stat().st_size for path in stored) < STORED_BYTES


# Words


@pytest.fixture(scope="module")
def glossary(site: Path) -> set[str]:
    text = (site / "reference" / "glossary.html").read_text(encoding="utf-8")
    terms = re.findall(r'<dt id="term-[^"]+">(.*?)<a class="headerlink"', text)
    return {re.sub(r"<[^>]+>", "", term).replace("’", "'").strip().lower() for term in terms}


def printed_words(trace: str) -> Iterator[tuple[str, str]]:
    """Words of a report with the place they stand in: headings, columns, names of facts and worded rows."""
    from scaling_bayes.report.build import _all, build_report

    report = build_report(scaling_bayes.open_trace(trace))
    for section in report.sections + report.annex:
        yield "section", section.short
        versions = False
        for part in _all(section.parts):
            if part.kind == "table":
                for column in part.columns:
                    yield part.caption, column.header
                if part.columns[0].header in WORDED:
                    yield from ((part.caption, row[0]) for row in part.rows)
            elif part.kind == "details":
                yield "details", part.summary
            elif part.kind == "text" and part.style == "heading":
                versions = part.text == "Versions"
                yield "heading", part.text
            elif part.kind == "facts" and not versions:
                yield from (("facts", name) for name, _ in part.items)


def without_figures(word: str) -> str:
    """Without the unit after a comma and the count in brackets."""
    return re.sub(r" \(\d+.*\)$", "", word).strip().lower()


@pytest.mark.usefixtures("unplotted")
@pytest.mark.parametrize("trace", [TRACE, "stack-2026.11"])
def test_the_glossary_has_every_word_of_the_report(glossary: set[str], trace: str) -> None:
    from scaling_bayes.text import task_label

    tasks = {task_label(task).lower() for task in scaling_bayes.load_systems()["task"].unique()}
    missing = set()
    for place, word in printed_words(trace):
        plain = without_figures(word)
        known = {plain, plain.split(", ")[0]} & (glossary | tasks)
        named = re.search(
            r"scenario trend|\d (million|billion|thousand) | ?\d{4}$", plain
        )  # by what was asked
        if plain and not known and not named:
            missing.add(f"{word!r} ({place[:40]})")
    assert missing == set()


def test_the_glossary_has_every_prior(glossary: set[str]) -> None:
    from scaling_bayes.core.laws import LAWS
    from scaling_bayes.core.options import ModelOptions
    from scaling_bayes.core.priors import default_priors

    everything = {"law"}
    for law in LAWS:
        for pooling in ("partial", "none", "complete"):
            everything |= set(default_priors(ModelOptions(law=law, pooling=pooling, robust=True)))
    assert everything - glossary == set()


def test_the_data_page_has_every_flag(site: Path) -> None:
    from scaling_bayes.systems.flags import FLAGS

    text = (site / "data.html").read_text(encoding="utf-8")
    assert [flag.name for flag in FLAGS if f'<span class="pre">{flag.name}</span>' not in text] == []
