"""References: complete, the same every time, and valid whatever a file calls itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

import scaling_bayes
from scaling_bayes import cite, open_trace
from scaling_bayes.citing.works import works_of
from scaling_bayes.errors import OptionError
from scaling_bayes.trace.releases import HARDWARE_RELEASE, REFERENCE_TRACE, read_index

TRACE = Path(__file__).with_name("data") / "traces" / "fit-schema-1.nc"
STYLES = ("bibtex", "csl-json", "apa", "cff")


@pytest.mark.parametrize("style", STYLES)
def test_trace_software_paper_data_and_sources_are_cited_together(style: str) -> None:
    text = cite(REFERENCE_TRACE, style, with_hardware=True)
    assert text == cite(open_trace(REFERENCE_TRACE), style, with_hardware=True)
    digests = {release.name: release.digest for release in read_index()}
    for expected in (
        digests[REFERENCE_TRACE],
        digests[HARDWARE_RELEASE],
        "random seed 20261126",
        "2026",
        scaling_bayes.__version__,
        "The Computational Limits of Deep Learning",
        "2007.05558",
        "Training compute and error of deep-learning systems",
        "https://epoch.ai/data/machine-learning-hardware",
        "2405.21015",
    ):
        assert expected in text.replace("\\", ""), expected
    assert text.endswith("\n")


def test_costs_add_the_hardware_and_nothing_else_does() -> None:
    assert "epoch.ai" not in cite(REFERENCE_TRACE)
    assert "epoch.ai" in cite(HARDWARE_RELEASE)
    assert "Gabriel" not in cite(HARDWARE_RELEASE)


def test_bibtex_entries_are_balanced_and_have_unique_keys() -> None:
    text = cite(REFERENCE_TRACE, "bibtex", with_hardware=True)
    keys = re.findall(r"^@misc\{(\w+),$", text, re.MULTILINE)
    assert len(keys) == len(set(keys)) == text.count("@misc")
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")


def test_csl_json_has_what_every_item_needs() -> None:
    items = json.loads(cite(REFERENCE_TRACE, "csl-json"))
    assert [item["type"] for item in items] == ["dataset", "software", "article", "dataset"]
    assert items[0]["issued"]["date-parts"][0][0] == 2026
    assert items[2]["author"][0] == {"family": "Thompson", "given": "Neil C."}
    assert all({"id", "type", "title", "author"} <= set(item) for item in items)


def test_cff_is_yaml_with_the_trace_first() -> None:
    document = yaml.safe_load(cite(REFERENCE_TRACE, "cff"))
    assert document["cff-version"] == "1.2.0"
    assert document["type"] == "dataset"
    assert document["title"].endswith(f"({REFERENCE_TRACE})")
    assert [reference["type"] for reference in document["references"]] == ["software", "article", "data"]


def test_a_doi_stands_in_every_style_once_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    released = tuple(replace(release, doi="10.5281/zenodo.1") for release in read_index())
    monkeypatch.setattr("scaling_bayes.trace.releases.read_index", lambda: released)
    for style in STYLES:
        assert "10.5281/zenodo.1" in cite(open_trace(REFERENCE_TRACE), style)


def test_names_of_a_file_cannot_break_a_style() -> None:
    tree = open_trace(TRACE)
    content = json.loads(tree.attrs["manifest"])
    nasty = 'x}, {\\ % $ "quoted"\n- injected: true\r\n\x1b[31m\u202e <script>'
    content["data"]["source"] = nasty
    content["versions"]["scaling_bayes"] = nasty
    content["model"]["law"] = nasty
    tree.attrs["manifest"] = json.dumps(content)
    work = works_of(tree)[0]
    assert work.version.isprintable()
    document = yaml.safe_load(cite(tree, "cff"))
    assert "injected" not in document
    assert document["version"] == work.version
    assert json.loads(cite(tree, "csl-json"))[0]["version"] == work.version
    assert len(cite(tree, "apa").splitlines()) == len(works_of(tree))
    assert json.loads(cite(tree, "csl-json", author="Ada"))[0]["author"] == [{"literal": "Ada"}]
    bare = re.sub(r"\\textbackslash\{\}|\\[{}]", "", cite(tree))
    assert bare.count("{") == bare.count("}")
    assert len(re.findall(r"^@misc", bare, re.MULTILINE)) == len(works_of(tree))


def test_an_unknown_style_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        OptionError, match="style='mla' is not valid; expected one of bibtex, csl-json, apa, cff"
    ):
        cite(REFERENCE_TRACE, "mla")


def test_the_software_files_are_of_their_formats(repository: Path) -> None:
    assert yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))["type"] == "software"
    assert json.loads((repository / ".zenodo.json").read_text(encoding="utf-8"))["upload_type"] == "software"
