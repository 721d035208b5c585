"""What the report promises: the right numbers, in files that are inert, whole and repeatable."""

from __future__ import annotations

import datetime
import itertools
import json
import math
import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.pictures import leave_unplotted
from tests.synthetic import synthetic_fit

from scaling_bayes import summary
from scaling_bayes.errors import OptionError, TargetError, TraceError, WriteError
from scaling_bayes.projection.project import project
from scaling_bayes.projection.reached import next_targets
from scaling_bayes.report import COST_QUESTION, QUESTION, build_report, render_html, write_report
from scaling_bayes.report.blocks import FailurePart
from scaling_bayes.report.facts import read_facts
from scaling_bayes.report.modelling import MOST_PANELS, fits_section
from scaling_bayes.text import (
    COMPUTE,
    COST,
    ENERGY,
    QUANTITIES,
    answer_in_words,
    format_error,
    format_interval,
    format_power_of_ten,
    in_words,
    month_of,
)
from scaling_bayes.trace.digest import tree_digest
from scaling_bayes.trace.io import open_trace, save_trace
from scaling_bayes.trace.view import PosteriorView

NASTY = ("<script>alert(1)</script>", "\"'>&lt; ]]> $x_$", "<img src=x onerror=alert(1)> {{7*7}} --><!--")
OPTIONS: dict[str, dict[str, Any]] = {
    "reference": {},
    "without provenance": {"provenance": False},
    "no pooling": {"pooling": "none"},
    "complete pooling": {"pooling": "complete"},
    "exact compute": {"measurement_error": False},
    "no progress": {"algorithmic_progress": False},
    "no time": {"measurement_error": False, "algorithmic_progress": False},
    "one task": {"tasks": ("mine",), "pooling": "none"},
    "paper's task": {"tasks": ("imagenet", "wmt14_en_fr")},
    "one chain": {"chains": 1},
    "failed check": {"passed": False},
}

#: Two kinds in one, of which `make test` makes a report; `make test-portable SLOW=1` does of each alone.
OPTIONS_TOGETHER = {
    f"{one}, {other}": {**OPTIONS[one], **OPTIONS[other]}
    for one, other in (
        ("no pooling", "without provenance"),
        ("complete pooling", "one chain"),
        ("exact compute", "failed check"),
        ("no progress", "paper's task"),
    )
}
KINDS = [
    *OPTIONS_TOGETHER,
    "no time",
    "one task",
    *(pytest.param(each, marks=pytest.mark.slow) for each in OPTIONS if each not in ("no time", "one task")),
]

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("unplotted")]


@cache
def fit() -> Any:
    return synthetic_fit()


@cache
def report() -> Any:
    return build_report(fit())


@cache
def page() -> str:
    return render_html(report())


@cache
def plain(scenario: str | None, *, passed: bool = True) -> Any:
    """Without pictures."""
    return build_report(synthetic_fit(passed=passed), scenario=scenario)


def projected(**asked: Any) -> pd.DataFrame:
    """What the report tells by default: the year in which the fit was made, here this year."""
    return summary(project(fit(), years=report().numbers["projection"]["years"], scenario="trend", **asked))


class Reader(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] != "style":
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.pieces).replace("\N{NO-BREAK SPACE}", " "))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


# The answer


@pytest.mark.usefixtures("drawn")
def test_the_answer_has_every_task_and_the_numbers_of_the_summary() -> None:
    text = Reader(page()).text
    assert report().numbers["projection"]["years"] == [datetime.datetime.now(datetime.UTC).year]
    for row in projected().to_dict(orient="records"):
        assert format_error(float(f"{row['error']:.4g}")) in text
        assert format_interval(row["median"], row["lower_90"], row["upper_90"]) in text
        if row["quantity"] != ENERGY:
            assert f"[{format_power_of_ten(row['lower_50'])}, {format_power_of_ten(row['upper_50'])}]" in text
        if row["quantity"] == COST:
            about = QUANTITIES[COST]
            assert answer_in_words(row).replace(about.beyond, about.beyond_end) in text
    for label in ("ImageNet", "MS COCO", "my task"):
        assert label in text


@pytest.mark.parametrize(("scenario", "question"), [("trend", COST_QUESTION), (None, QUESTION)])
def test_title_is_the_finding_and_the_answer_comes_first(scenario: str | None, question: str) -> None:
    report = plain(scenario)
    assert report.numbers["question"] == question
    quantity = COST if scenario else COMPUTE
    rows = report.projection
    told = next_targets(project(synthetic_fit(), years=report.numbers["projection"]["years"]))[0]
    here = (rows["task"] == told.task) & (rows["error"] == told.error)
    middle = rows[here & (rows["quantity"] == quantity)].iloc[0]
    about = QUANTITIES[quantity]
    assert about.in_words(middle["median"]) + about.at in report.title
    assert answer_in_words(middle).partition(" (")[2] in report.title
    assert [section.anchor for section in report.sections] == [
        "answer",
        *(["affordable"] if scenario else []),
        "trust",
        "limits",
        "assumed",
        "quote",
    ]
    assert [section.anchor for section in report.annex] == [
        "numbers",
        *(["costs"] if scenario else []),
        "checks",
        "data",
        "fits",
        "slopes",
        "progress",
        "thompson2020",
        "calibration",
        "sensitivity",
        "settings",
        "cite",
    ]


@pytest.mark.usefixtures("drawn")
def test_every_interval_table_states_the_convention() -> None:
    html = page()
    tables = re.findall(r"<table\b.*?</table>", html, flags=re.DOTALL)
    with_intervals = [table for table in tables if re.search(r"\[<data|\d \[\d", table)]
    assert len(with_intervals) >= 2
    for table in with_intervals:
        caption = re.search(r"<caption>(.*?)</caption>", table, flags=re.DOTALL)
        assert caption is not None
        assert "equal-tailed" in caption[1]
        assert "90\N{NO-BREAK SPACE}%" in caption[1]


def test_year_kind_and_targets_are_passed_on_and_said() -> None:
    report = build_report(fit(), targets={"my task": [0.1]}, years=[2030], kind="mean")
    expected = summary(project(fit(), {"my task": [0.1]}, 2030, "mean", scenario="trend"))
    pd.testing.assert_frame_equal(report.projection, expected)
    assert "typical system" in report.lead
    assert "keep improving at past rates, up to the year priced" in Reader(render_html(report)).text
    assert report.numbers["projection"]["kind"] == "mean"


def test_two_years_stand_in_a_column() -> None:
    built = build_report(fit(), targets={"my task": [0.1]}, years=[2025, 2030], scenario=None)
    text = Reader(render_html(built)).text
    assert "2025 and 2030" in text


def test_unreachable_draws_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from scaling_bayes.report import facts as reading

    def some_unreachable(projection: Any) -> pd.DataFrame:
        frame = summary(projection)
        frame.loc[0, ["upper_50", "upper_90"]] = math.inf
        frame.loc[0, "unreachable"] = 0.34
        return frame

    monkeypatch.setattr(reading, "summary", some_unreachable)
    report = build_report(fit(), scenario=None)
    text = Reader(render_html(report)).text
    assert "34 %" in text
    assert ", unreachable]" in text
    assert "to unattainable)" in text


# Options


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_fit_has_a_report(name: str) -> None:
    idata = synthetic_fit(**(OPTIONS | OPTIONS_TOGETHER)[name])
    scenario = "trend" if name in ("one task", "no progress") else None
    report = build_report(idata, years=2026 if name == "no time" else None, scenario=scenario)
    assert report.failures == ()
    text = Reader(render_html(report)).text
    assert "nan" not in re.findall(r"\w+", text.lower())
    assert "None" not in text
    assert ("Algorithmic progress" in text) == ("progress" in idata["posterior"].data_vars)
    judged = [*report.numbers["checks"], *(report.numbers["data_checks"] or [])]
    failed = [check["check"] for check in judged if not check["passed"]]
    assert ("failed" in re.findall(r"\w+", text)) == bool(failed)
    assert failed or "failed check" not in name


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "name",
    [each if each == "one chain" else pytest.param(each, marks=pytest.mark.slow) for each in OPTIONS],
)
def test_every_kind_of_fit_has_its_pictures(name: str) -> None:
    years = 2026 if name == "no time" else None
    report = build_report(synthetic_fit(**OPTIONS[name]), years=years, scenario=None)
    assert {failure.name for failure in report.failures} == ({"ranks"} if name == "one chain" else set())


@pytest.mark.slow
@pytest.mark.usefixtures("drawn")
def test_twenty_tasks_stay_one_small_page() -> None:
    html = render_html(build_report(synthetic_fit(tasks=[f"task number {i}" for i in range(20)])))
    assert len(html.encode()) < 2_000_000  # a third of it the files under the figures
    assert all(f"task number {i}" in html for i in range(20))


def test_of_many_tasks_the_page_draws_the_fits_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [f"task {number}" for number in range(MOST_PANELS + 2)]
    drawn: list[list[str]] = []
    captions: list[str] = []

    def draw(*_: object, caption: str, function: Callable[[float], object], **__: object) -> None:
        captions.append(caption)
        function(8.9)

    monkeypatch.setattr("scaling_bayes.report.modelling.draw", draw)
    monkeypatch.setattr("scaling_bayes.figures.plot_fits", lambda *_, tasks, **__: drawn.append(list(tasks)))
    for some in (tasks, tasks[:2]):
        view = PosteriorView.of(synthetic_fit(tasks=some, draws=50))
        fits_section(read_facts(view, None, None, "mean"))
    assert drawn == [tasks[:MOST_PANELS], tasks[:2]]
    left_out = f"Of {len(tasks)} tasks the first {MOST_PANELS} are drawn; plot_fits draws any other."
    assert captions[0].endswith(left_out)
    assert "are drawn" not in captions[1]


def test_a_figure_that_cannot_be_drawn_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("<b>no ink</b>")

    monkeypatch.setattr("scaling_bayes.figures.plot_slopes", refuse)
    report = build_report(fit(), scenario=None)
    assert [(f.name, f.reason) for f in report.failures] == [("slopes", "RuntimeError: <b>no ink</b>")]
    assert isinstance(next(s for s in report.annex if s.anchor == "slopes").parts[0], FailurePart)
    html = render_html(report)
    assert "RuntimeError: &lt;b&gt;no ink&lt;/b&gt;" in html
    assert "Figure not drawn: Slopes, prior and posterior." in Reader(html).text
    assert report.numbers["figures_not_drawn"] == [
        {"figure": "slopes", "reason": "RuntimeError: <b>no ink</b>"}
    ]


@pytest.mark.usefixtures("drawn")
def test_the_model_is_checked_against_the_data_beside_the_sample() -> None:
    text = Reader(page()).text
    assert "would it make systems like these" in text
    assert "lack of fit" in text


def test_an_optional_part_that_fails_costs_no_more_than_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no such luck")

    titles = {
        "facts.data_checks": "Checks of the model against the data",
        "facts._simulated": "Calibration where the truth is known",
        "calibration.table_of": "What the model expects, and what was seen",
        "progress.literature": "Progress: compute and algorithms",
    }
    for place in titles:
        monkeypatch.setattr(f"scaling_bayes.report.{place}", fail)
    report = build_report(fit(), scenario=None)
    assert {failure.title for failure in report.failures} == {*titles.values()}
    assert {failure.reason for failure in report.failures} == {"RuntimeError: no such luck"}
    text = Reader(render_html(report)).text
    assert all(f"Left out: {title}" in text for title in titles.values())
    assert report.numbers["projection"]["rows"]


def test_what_is_not_a_fit_is_refused() -> None:
    with pytest.raises(TraceError):
        build_report({})  # type: ignore[arg-type]
    with pytest.raises(TargetError):
        build_report(fit(), targets={"nonsense": [0.1]})


# The page


@pytest.mark.usefixtures("drawn")
def test_page_is_self_contained() -> None:
    reader = Reader(page())
    assert not [
        name for name, _ in reader.elements if name in ("script", "link", "iframe", "object", "embed", "img")
    ]
    for name, attributes in reader.elements:
        assert not [key for key in attributes if key.startswith("on")]
        assert "src" not in attributes
        for key in ("href", "xlink:href"):
            address = attributes.get(key)
            if address is not None and not address.startswith("#"):
                assert name == "a"
                taken_away = attributes.get("download") and address.startswith("data:")
                assert taken_away or address.startswith("https://")
    css = page().split("<style>")[1].split("</style>")[0]
    assert "@import" not in css
    assert "url(" not in css
    assert len(page().encode()) < 1_500_000


@pytest.mark.usefixtures("drawn")
def test_page_is_accessible() -> None:
    html = page()
    reader = Reader(html)
    assert reader.all("html")[0]["lang"] == "en"
    assert reader.elements[[n for n, _ in reader.elements].index("body") + 1] == (
        "a",
        {"class": "skip", "href": "#answer"},
    )
    levels = [int(name[1]) for name, _ in reader.elements if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    figures = reader.all("svg")
    assert figures
    assert all(one["role"] == "img" and len(one["aria-label"] or "") > 20 for one in figures)
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert {one.get("scope") for one in reader.all("th")} == {"col", "row"}
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(scheme: str) -> None:
    from tests.test_figures import contrast

    css = page().split("<style>")[1].split("</style>")[0]
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[0 if scheme == "light" else 1]))
    for name in ("ink", "muted", "link", "good", "bad"):
        assert contrast(colors[name], colors["paper"]) >= 4.5, name
    assert contrast(colors["bad"], colors["bad-paper"]) >= 4.5


def test_names_cannot_become_markup() -> None:
    """In pictures `test_figures` holds them to be text."""
    idata = synthetic_fit(
        tasks=NASTY, system_name=NASTY[0] + " {}" + NASTY[1], paper_url="javascript:alert(1)"
    )
    report = build_report(idata, budget_usd=1e8)
    html = render_html(report)
    reader = Reader(html)
    assert report.failures == ()
    assert not [name for name, _ in reader.elements if name in ("script", "img", "b")]
    assert "{{7*7}}" in reader.text
    assert not [a for a in reader.all("a") if (a["href"] or "").lower().startswith("javascript")]
    for name in NASTY:
        assert name in reader.text


@pytest.mark.usefixtures("drawn")
def test_links_lead_to_the_papers() -> None:
    addresses = {a["href"] for a in Reader(page()).all("a")}
    assert {"https://example.org/paper", "https://arxiv.org/abs/2007.05558"} <= addresses


# The files


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Without pictures."""
    with pytest.MonkeyPatch.context() as patch:
        leave_unplotted(patch)
        return write_report(fit(), tmp_path_factory.mktemp("written") / "one.html")


@pytest.mark.slow
@pytest.mark.usefixtures("drawn")
def test_the_page_is_the_same_twice(tmp_path: Path) -> None:
    assert write_report(fit(), tmp_path / "one.html")[0].read_bytes() == page().encode()


def test_a_stored_fit_gives_the_same_files(written: list[Path], tmp_path: Path) -> None:
    assert [path.name for path in written] == ["one.html", "one.json", "one.csv"]
    """In place of an earlier report."""
    trace = save_trace(fit(), tmp_path / "trace.nc")
    for earlier in written:
        (tmp_path / f"stored{earlier.suffix}").write_bytes(earlier.read_bytes()[:-100])
    stored = write_report(open_trace(trace), tmp_path / "stored.html")
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in stored]
    assert sorted(tmp_path.iterdir()) == sorted([trace, *stored])


def test_files_hold_everything_and_no_special_numbers(written: list[Path]) -> None:
    table = pd.read_csv(written[2], keep_default_na=False)
    pd.testing.assert_frame_equal(table, projected(), check_dtype=False)
    text = written[1].read_text(encoding="utf-8")
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert found["question"] == COST_QUESTION
    assert found["digest"] == tree_digest(fit())
    assert found["projection"]["rows"] == projected().to_dict(orient="records")
    assert {row["quantity"] for row in found["parameters"]} == {
        "slope",
        "exponent",
        "noise",
        "progress",
        "compute_error",
        "flagged_error_factor",
        "paper_correlation",
    }
    assert {"options", "priors", "checks", "sampler", "versions", "citation", "schema"} <= set(found)
    assert found["data"]["n_systems"] == len(found["data"]["systems"])
    assert text == json.dumps(found, sort_keys=True, indent=1) + "\n"


@pytest.mark.parametrize(
    "name", ["report", "report.json", "report.csv", "missing/report.html", "folder.html"]
)
def test_a_path_that_cannot_take_a_report_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises((OptionError, WriteError), match=r"report|folder"):
        write_report(fit(), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


@pytest.mark.parametrize("name", ["mine.html", "mine.csv", "mine.json"])
def test_what_is_not_of_a_report_is_not_replaced(tmp_path: Path, name: str) -> None:
    mine = tmp_path / name
    mine.write_text("task,error,training_compute_flop\n")
    with pytest.raises(OptionError, match=f"{name} exists and is not part of a report"):
        write_report(fit(), tmp_path / "mine.html", scenario=None)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["task,error,training_compute_flop\n"]


def test_checks_that_did_not_pass_stand_at_the_top_and_are_explained() -> None:
    assert 'class="notice"' not in render_html(plain(None))
    page = render_html(plain(None, passed=False))
    notice = page[page.index('class="notice"') : page.index('id="answer"')]
    assert "Checks that did not pass" in notice
    assert 'href="#checks"' in notice
    assert 'id="checks"' in page
    text = Reader(page).text
    assert "failed" in text
    assert "chains disagree" in text


# Words


@pytest.mark.parametrize(
    ("exponent", "words"),
    [
        (17.0, "0.1 seconds"),
        (18.0, "1 second"),
        (18 + math.log10(90), "1.5 minutes"),
        (18 + math.log10(86400), "1 day"),
        (25.499, "1 year"),
        (30.0, "32 thousand years"),
        (32.0, "3.2 million years"),
        (35.0, "3.2 billion years"),
        (36.0, "longer than the age of the universe"),
        (math.inf, "not attainable by scaling alone"),
    ],
)
def test_compute_in_words(exponent: float, words: str) -> None:
    assert in_words(exponent) == words


def test_months() -> None:
    assert month_of(2030.0) == "2030"
    assert month_of(2019.87) == "November 2019"
