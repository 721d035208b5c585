"""Every generated page and picture of the documentation is what its tables, traces and results give."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from tests.pictures import same_picture
from tools.pages import NAMES, pages
from tools.pages.__main__ import main
from tools.pages.benchmarks import AIMS, OURS, aims
from tools.pages.famous import check_runs
from tools.pages.refill import fill_blocks

from scaling_bayes.errors import DataError
from scaling_bayes.systems.load import reference_systems

pytestmark = pytest.mark.docs

ROOT = Path(__file__).resolve().parent.parent
#: Filled from simulations that take hours and are not kept: `make overparameterization`.
LONG = {Path("docs", "overparameterization.md"), Path("docs", "theory.md")}
#: Of commands that are run, drawings and large tables, seconds each.
SLOW = {"examples", "pictures", "cost", "calibration", "famous"}

generated = cache(pages)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in NAMES]
)
def test_generated_files_are_what_their_sources_give(name: str) -> None:
    for path, text in generated(name, ROOT).items():
        now = (ROOT / path).read_text(encoding="utf-8")
        if path.suffix == ".svg":
            assert same_picture(now, text), f"{path} is stale: make pages"
        else:
            assert now == text, f"{path} is stale: make pages"


def test_published_runs_lie_where_their_page_says() -> None:
    rows = check_runs().set_index(["level", "quantity"])
    # All published numbers: 29 runs with an energy or emission.
    assert rows["system"].nunique() == 29
    for quantity in ("energy, MWh", "carbon, t CO2e"):
        assert rows.loc[("FLOP only", quantity), "in_90"].mean() > 0.9
    # Known to be too high and too sure where four TPU runs drew far less than rated (docs/famous_numbers.md).
    missed = rows[~rows["in_90"]].loc[("devices and hours", "energy, MWh"), "system"]
    assert set(missed) == {"Meena", "Switch", "GShard-600B", "LaMDA", "StarCoder"}


def test_the_track_record_leads_with_what_failed_and_says_why() -> None:
    text = generated("track_record", ROOT)[Path("docs", "track_record.md")]
    failed = text.partition("<!-- generated: failed -->")[2]
    found = re.search(r"reference-2026\.11` \| (\d+) \| (\d+) \| (\d+)", failed)
    assert found is not None
    systems, inside, below = map(int, found.groups())
    assert inside < systems / 2 < below
    missed, why = text.partition("<!-- generated: misses -->")[2].split("<!-- generated: why -->")
    names = re.findall(r"^\| \d{4}-\d\d \| [^|]+ \| ([^|]+) \|", missed, re.MULTILINE)
    assert names
    assert all(name in why.partition("<!-- end -->")[0] for name in names)


def test_the_readme_counts_all_that_the_first_release_missed() -> None:
    text = generated("track_record", ROOT)[Path("docs", "track_record.md")]
    rows = text.partition("<!-- generated: misses -->")[2].partition("<!-- end -->")[0].splitlines()
    told = [row.rsplit("|", 3)[1:3] for row in rows if re.match(r"\| \d{4}-", row)]
    better, worse = ([row[1] for row in told if f"found {side}" in row[0]] for side in ("below", "above"))
    held = [sum("inside" in second for second in rows) for rows in (better, worse)]
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    counts = f"missed {len(better) + len(worse)}; the new model holds {sum(held)} of these"
    assert f"The release of 2026.11 {counts}: {held[0]} of the {len(better)} that were better" in readme
    assert f"than forecast, and {held[1]} of the {len(worse)} that were worse." in readme


def test_predictions_are_of_all_later_systems_but_a_namesake() -> None:
    every = reference_systems(edition="2026.12")
    later = []
    for cutoff in range(2016, 2022):
        known = reference_systems(edition="2026.12", until=cutoff)
        rows = every[~every["system_id"].isin(known["system_id"])]
        later += [(cutoff, row.task, row.system) for row in rows.itertuples()]
    scores = pd.read_csv(ROOT / "data" / "five_task_cutoffs.csv").query("forecaster == 'bounded'")
    scored = set(scores[["cutoff", "task", "system"]].itertuples(index=False, name=None))
    assert set(later) - scored == {(2017, "wmt14_en_fr", "Transformer Big")}
    for page in ("laws", "model"):
        assert f"{len(later)} " in (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


def test_the_page_of_benchmarks_says_which_aims_are_missed() -> None:
    side, refits, growth = (
        json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("side_by_side", "refits", "growth")
    )
    cold = side["cold"]
    for factor, met in ((0.1, "yes"), (10.0, "**no**")):
        for name, times in AIMS.items():
            cold[name] = {"seconds": [times * seconds / factor for seconds in cold[OURS]["seconds"]]}
        found = [line for line in aims(side, refits, growth).splitlines() if "a cold fit" in line]
        assert len(found) == len(AIMS)
        assert all(line.endswith(f"| {met} |") for line in found)


@pytest.mark.slow
def test_every_generated_block_and_every_picture_has_its_module() -> None:
    filled = {path for name in NAMES if name != "examples" for path in generated(name, ROOT)}
    docs = [path for path in (ROOT / "docs").rglob("*") if path.suffix in {".md", ".svg"}]
    parts = {
        path.relative_to(ROOT)
        for path in docs
        if path.suffix == ".svg" or "<!-- generated: " in path.read_text(encoding="utf-8")
    }
    parts = {path for path in parts if not {"_static", "generated"} & set(path.parts)}
    assert parts - filled == LONG
    assert LONG & filled == set()


@pytest.mark.parametrize(
    "page", ["<!-- generated: a -->\n<!-- end -->", "", 2 * "<!-- generated: b -->\n<!-- end -->"]
)
def test_a_page_with_other_blocks_is_refused(page: str) -> None:
    with pytest.raises(DataError, match="generated blocks"):
        fill_blocks(page, {"b": "now\n"})


def test_the_command_names_what_is_stale_and_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("data", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.nc", "*.ipynb"))
    monkeypatch.setattr("tools.pages.__main__.checkout_root", lambda: tmp_path)
    page = tmp_path / "docs" / "data.md"
    good = page.read_bytes()
    page.write_bytes(re.sub(rb"\| (\d+) \|", b"| 1\\1 |", good, count=1))
    assert main(["--check", "data", "language"]) == 1
    message = capsys.readouterr().err
    assert "docs/data.md" in message
    assert "make pages" in message
    assert "language" not in message
    assert main(["data", "language"]) == 0
    assert capsys.readouterr().out == "wrote docs/data.md\n"
    assert page.read_bytes() == good
    with pytest.raises(SystemExit, match="2"):
        main(["unknown"])


def test_growth_of_other_points_is_refused(tmp_path: Path) -> None:
    for folder in ("data", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.nc", "*.ipynb"))
    about = tmp_path / "data" / "compute_trend_models.meta.toml"
    text = about.read_text(encoding="utf-8")
    about.write_text(text.replace('inputs_sha256 = "', 'inputs_sha256 = "x'), encoding="utf-8")
    with pytest.raises(DataError, match=r"make compute-trend\s.*_models\.csv of other"):
        pages("compute_trend", tmp_path)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("49.44", "49.45"), True),
        (("clip", "clop"), True),
        (("49.44", "49.94"), False),
        (("1950", "1951"), False),
        (("#e3e5e8", "#e3e5e9"), False),
        (("<path", "<line"), False),
        (("about", "above"), False),
    ],
)
def test_pictures_are_compared_as_readers_see_them(change: tuple[str, str], same: bool) -> None:
    picture = (
        '<svg aria-label="about"><defs><g id="clip"/></defs><path d="M 49.44 3" clip-path="url(#clip)"'
        ' style="stroke: #e3e5e8"/><text x="3">1950</text></svg>'
    )
    assert same_picture(picture, picture.replace(*change)) == same
