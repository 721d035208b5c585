"""The tables, words and figures of docs/track_record.md: frozen releases, scored on what came later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from scaling_bayes.core.observations import decimal_year
from scaling_bayes.core.options import STACK
from scaling_bayes.diagnostics.scores import forecaster_label, score_table
from scaling_bayes.diagnostics.scoring import score
from scaling_bayes.figures.score import plot_score
from scaling_bayes.figures.svg import to_svg
from scaling_bayes.intervals import CI_PROB
from scaling_bayes.systems.editions import LATEST_EDITION, edition_table
from scaling_bayes.systems.load import FAMILIES, reference_systems
from scaling_bayes.text import error_text, month_of, percent_text, task_label
from scaling_bayes.trace.digest import data_digest
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import Release, read_index
from scaling_bayes.trace.schema import FIT_KIND
from scaling_bayes.trace.view import PosteriorView
from tools.pages.refill import filled, markdown_table

__all__ = ["pages"]

PAGE: Final = Path("docs", "track_record.md")
#: What is looked at first: the task and the day from which the first release failed.
FAILED: Final = ("ms_coco", "2021-11-01")
_LINES_OF_2020: Final = "thompson2020"
#: What is known of the systems of a paper beyond the columns of the data; its source is the paper.
_KNOWN: Final = {
    "Swin Transformer V2: Scaling Up Capacity and Resolution": "A backbone of three billion parameters.",
    "Exploring Plain Vision Transformer Backbones for Object Detection": "A plain vision transformer, "
    "pre-trained without labels by a masked autoencoder.",
    "Deformable DETR: Deformable Transformers for End-to-End Object Detection": "Rivals and small variants, "
    "trained for 50 epochs where DETR's authors take 500, in order to be compared.",
    "YOLOv5, release 6.0": "The smallest networks of a family that is made to be fast.",
}
_SCOPES: Final = {
    "training": "its training",
    "fine-tuning": "its training on the task, without what its backbone took",
    "pretraining": "the pre-training",
    "training+pretraining": "pre-training and training on the task",
}
#: Columns of the data that say what a system was: in words, and all.
_WORDS: Final = ("flags", "remark", "scope_of_compute", "extra_data")
_ABOUT: Final = ("publication_date", "training_compute_flop", *_WORDS)


@dataclass(frozen=True)
class _Frozen:
    """A released fit, and what was published in the years after its data."""

    release: Release
    view: PosteriorView

    @cached_property
    def known_until(self) -> float:
        """Publication of its last system, decimal year."""
        return float(self.view.observations.year.max())

    @cached_property
    def table(self) -> pd.DataFrame:
        """The newest table of its tasks."""
        tables = [reference_systems(family, edition=_edition(family)) for family in FAMILIES]
        return next(table for table in tables if set(self.view.tasks) <= set(table["task"]))

    @cached_property
    def later(self) -> pd.DataFrame:
        """Systems published in the calendar years after its last one."""
        table: pd.DataFrame = self.table[decimal_year(self.table) >= np.floor(self.known_until) + 1]
        return table

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Scores of all forecasters on them, with the columns of the data."""
        found = score(self.view, self.later, drop_fitted=True)
        about = self.later.drop_duplicates(["task", "system"]).reindex(columns=["task", "system", *_ABOUT])
        about[[*_WORDS]] = about[[*_WORDS]].fillna("")
        return found.merge(about, on=["task", "system"], how="left", validate="many_to_one")

    @property
    def own(self) -> pd.DataFrame:
        """Scores of the release itself."""
        return self.scores[self.scores["forecaster"] == self.view.law]


def pages(root: Path) -> dict[Path, str]:
    """Text of the page and of its figures, by path."""
    frozen = [
        _Frozen(release, PosteriorView.of(open_trace(release.name)))
        for release in read_index()
        if release.kind == FIT_KIND and release.at_hand
    ]
    scored = [each for each in frozen if len(each.later)]
    first = list({each.view.manifest["data"]["sha256"]: each for each in reversed(scored)}.values())[::-1]
    blocks = {
        "finding": _finding(first),
        "failed": _failed(first),
        "overall": _overall(scored, first),
        "by_task": _by(first, "task"),
        "by_year": _by(first, "year"),
        "misses": _misses(first),
        "why": _why(first),
        "figures": "\n".join(
            f"![Forecast against outcome, coverage and ranks of {each.release.name}]({_figure(each)})\n"
            for each in first
        ),
        "language": _language(pd.read_csv(root / "data" / "language_cutoffs.csv")),
        "known": _known(frozen),
        "digests": _digests(frozen),
    }
    figures = {
        PAGE.parent / _figure(each): to_svg(
            plot_score(each.scores),
            name=f"track-record-{each.release.name}",
            alt=f"Forecast against outcome, coverage and ranks of {each.release.name}",
        )
        for each in first
    }
    return filled(root, PAGE, blocks) | figures


def _figure(each: _Frozen) -> str:
    return f"images/track-record-{each.release.name}.svg"


def _edition(family: str) -> str | None:
    return LATEST_EDITION if family == "five_tasks" else None


def _share(row: Mapping[Any, Any]) -> str:
    """Coverage of the 90 % intervals with its confidence interval."""
    lower, upper = (row[f"coverage_90_{end}"] for end in ("lower", "upper"))
    return f"{percent_text(row['coverage_90'])} ({100 * lower:.0f} to {100 * upper:.0f})"


def _verdict(row: Mapping[Any, Any]) -> str:
    """What a confidence interval of coverage says of 90 % intervals, in words."""
    if row["coverage_90_upper"] < CI_PROB:
        return "too few: its intervals were too narrow, or off"
    if row["coverage_90_lower"] > CI_PROB:
        return "more than promised: its intervals were too wide"
    return "as many as promised, within what so few papers can tell"


def _finding(first: Sequence[_Frozen]) -> str:
    lines = []
    for each in first:
        row = score_table(each.own).iloc[0].to_dict()
        inside = round(row["coverage_90"] * row["systems"])
        lines.append(
            f"- `{each.release.name}` knew systems until {_until(each)}. Of {row['systems']} systems that "
            f"{row['papers']} papers published later, {inside} ({_share(row)}) lay in its 90 % interval: "
            f"{_verdict(row)}. Log score {row['log_score']:.1f} nats per 60 systems."
        )
    return "\n".join(lines) + "\n"


def _until(each: _Frozen) -> str:
    return month_of(each.known_until)


def _failed(first: Sequence[_Frozen]) -> str:
    """What became of the group of systems that failed first, by release."""
    task, day = FAILED
    header = ["forecast", "systems", "in 90 %", "below", "above", "error found / median forecast"]
    rows = []
    for each in first:
        if task not in each.view.tasks:
            continue
        own = each.own[(each.own["task"] == task) & (each.own["publication_date"] >= day)]
        below, above = _sides(own)
        ratio = float((own["error"] / own["median"]).median())
        inside = str(len(own) - below - above)
        rows.append([f"`{each.release.name}`", str(len(own)), inside, str(below), str(above), f"{ratio:.2f}"])
    return markdown_table(header, rows)


def _sides(own: pd.DataFrame) -> tuple[int, int]:
    """Number of errors below and above their 90 % intervals."""
    tail = (1 - CI_PROB) / 2
    return int((own["pit"] < tail).sum()), int((own["pit"] > 1 - tail).sum())


def _overall(scored: Sequence[_Frozen], first: Sequence[_Frozen]) -> str:
    rows = []
    for each in scored:
        for forecaster, part in each.scores.groupby("forecaster", sort=False):
            name = str(forecaster)
            if name != each.view.law and each not in first:
                continue
            if name.startswith(_LINES_OF_2020) and each is not first[0]:
                continue
            mine = name == each.view.law
            label = f"`{each.release.name}`" if mine else forecaster_label(name)
            rows.append([label, "" if mine else f"data of `{each.release.name}`", *_cells(part)])
            if name.startswith(_LINES_OF_2020):
                rows[-1][1] = "its own points"
    return markdown_table(["forecast", "from", *_COLUMNS], rows)


_COLUMNS: Final = (
    "systems",
    "papers",
    "log score",
    "CRPS",
    "in 50 %",
    "in 80 %",
    "in 90 % (its interval)",
    "below",
    "above",
)


def _cells(part: pd.DataFrame) -> list[str]:
    row = score_table(part).iloc[0].to_dict()
    below, above = _sides(part)
    return [
        str(row["systems"]),
        str(row["papers"]),
        f"{row['log_score']:.1f}",
        f"{row['crps']:.4f}",
        percent_text(row["coverage_50"]),
        percent_text(row["coverage_80"]),
        _share(row),
        str(below),
        str(above),
    ]


def _by(first: Sequence[_Frozen], column: str) -> str:
    """The releases side by side, by task or year."""
    rows = []
    parts = [each.own.assign(year=each.own["year"].astype(int)) for each in first]
    values = pd.concat(parts)[column].value_counts() if parts else pd.Series(dtype=int)
    ordered = values.sort_index().index if column == "year" else values.index
    for value in ordered:
        for each, own in zip(first, parts, strict=True):
            if (own[column] == value).any():
                rows.append(
                    [task_label(str(value)), f"`{each.release.name}`", *_cells(own[own[column] == value])]
                )
    return markdown_table([column, "forecast", *_COLUMNS], rows)


def _missed(first: Sequence[_Frozen]) -> list[dict[Any, Any]]:
    """Every system outside the interval of some release, with what each release said of it."""
    found: dict[tuple[str, str], dict[Any, Any]] = {}
    for each in first:
        for row in each.own.to_dict("records"):
            key = (row["task"], row["system"])
            said = found.setdefault(key, {**row, "said": {}})["said"]
            said[each.release.name] = (row["median"], row["lower_90"], row["upper_90"], _side(row))
    missed = [row for row in found.values() if any(side for *_, side in row["said"].values())]
    return sorted(missed, key=lambda row: (row["publication_date"], row["system"]))


def _side(row: Mapping[Any, Any]) -> str:
    tail = (1 - CI_PROB) / 2
    return "below" if row["pit"] < tail else "above" if row["pit"] > 1 - tail else ""


def _misses(first: Sequence[_Frozen]) -> str:
    names = [each.release.name for each in first]

    def said(row: Mapping[Any, Any], name: str) -> str:
        if name not in row["said"]:
            return ""
        median, lower, upper, side = row["said"][name]
        outcome = f"; found {side}" if side else "; inside"
        return f"{error_text(median)} ({error_text(lower)} to {error_text(upper)}){outcome}"

    rows = [
        [
            f"{row['publication_date']:%Y-%m}",
            task_label(row["task"]),
            str(row["system"]),
            error_text(row["error"]),
            *(said(row, name) for name in names),
        ]
        for row in _missed(first)
    ]
    return markdown_table(["date", "task", "system", "error found", *(f"`{name}`" for name in names)], rows)


def _why(first: Sequence[_Frozen]) -> str:
    """What happened in each miss, paper by paper, from the columns of the data."""
    by_paper: dict[tuple[str, str], list[dict[Any, Any]]] = {}
    for row in _missed(first):
        side = next(side for *_, side in row["said"].values() if side)
        by_paper.setdefault((row["paper"], side), []).append(row)
    return "".join(
        f"- **{paper}** ({rows[0]['publication_date']:%Y-%m}), {task_label(rows[0]['task'])}: "
        f"{', '.join(str(row['system']) for row in rows)}. {' '.join(_sentences(first, paper, side, rows))}\n"
        for (paper, side), rows in by_paper.items()
    )


def _sentences(
    first: Sequence[_Frozen], paper: str, side: str, rows: Sequence[Mapping[Any, Any]]
) -> Iterator[str]:
    row = rows[0]
    found = [float(np.log10(row["error"] / next(iter(row["said"].values()))[0])) for row in rows]
    worst = max(found, key=abs)
    yield (
        f"The error was {'lower' if side == 'below' else 'higher'} than forecast, by "
        f"{'up to ' if len(rows) > 1 else ''}a factor of {10 ** abs(worst):.2f}."
    )
    if paper in _KNOWN:
        yield _KNOWN[paper]
    if row["extra_data"] == "none":
        yield "It started from random weights."
    elif row["extra_data"]:
        yield f"Beyond the task it was trained on: {row['extra_data']}."
    of_task = first[0].view.points(row["task"])
    below = float(np.mean(of_task.log10_compute < np.log10(row["training_compute_flop"])))
    rank = {0.0: "less than that of all", 1.0: "more than that of all"}.get(
        below, f"more than that of {percent_text(below)} of the"
    )
    scope = _SCOPES.get(row["scope_of_compute"], "")
    yield (
        f"Its compute{f' ({scope})' if scope else ''} is {rank} systems that `{first[0].release.name}` "
        "knew of the task."
    )
    if "tensor_cores_at_fp32" in row["flags"]:
        yield "It is counted at the FP32 peak of devices with tensor cores, which may understate it."
    if "unverified_compute" in row["flags"]:
        yield "Its compute is in doubt."
    remarks = list(dict.fromkeys(str(each["remark"]) for each in rows if each["remark"]))
    if remarks:
        yield f"The data say: “{' '.join(remarks)}”"


def _known(frozen: Sequence[_Frozen]) -> str:
    """What was known when each was made, and what has come since."""
    rows = []
    for each in frozen:
        since = f"{len(each.later)} systems" if len(each.later) else "none yet"
        law = "several laws" if each.view.law == STACK else f"{each.view.law} law"
        rows.append(
            [
                f"`{each.release.name}`",
                each.release.title,
                f"{len(each.view.observations.systems)} systems until {_until(each)}",
                f"{law}{', drift' if each.view.law != STACK and each.view.options.drift else ''}",
                each.release.date,
                since,
            ]
        )
    return markdown_table(["release", "what it is", "what it knew", "model", "frozen on", "came since"], rows)


def _language(scores: pd.DataFrame) -> str:
    """Coverage of later language models by benchmark and cut-off."""
    cutoffs = sorted(scores["cutoff"].unique())
    found = {
        (str(row["task"]), row["cutoff"]): row
        for frame in (scores.assign(task="all"), scores)
        for row in score_table(frame, ["task", "cutoff"]).to_dict("records")
    }
    rows = [
        [
            task if task == "all" else task_label(task),
            *(
                f"{_share(row)}, {row['systems']}" if (row := found.get((task, cutoff))) else ""
                for cutoff in cutoffs
            ),
        ]
        for task in ["all", *sorted(scores["task"].unique())]
    ]
    low = sorted(
        {task_label(task) for (task, _), row in found.items() if row["coverage_90_upper"] < CI_PROB}
        - {task_label("all")}
    )
    said = f"Fewer than promised, beyond what chance explains, at some cut-off: {', '.join(low) or 'none'}."
    return markdown_table(["benchmark", *(f"known to {cutoff}" for cutoff in cutoffs)], rows) + f"\n{said}\n"


def _digests(frozen: Sequence[_Frozen]) -> str:
    """What the numbers were computed from."""
    rows = [[f"trace `{each.release.name}`", f"`{each.release.digest}`"] for each in frozen]
    scored: dict[str, list[str]] = {}
    for each in frozen:
        if len(each.later):
            scored.setdefault(data_digest(each.later), []).append(f"`{each.release.name}`")
    rows += [
        [f"systems that {', '.join(names)} had to forecast", f"`{digest}`"]
        for digest, names in scored.items()
    ]
    table = edition_table(LATEST_EDITION)
    return markdown_table(["what", "SHA-256 of its content"], rows) + (
        f"\nSystems are those of `data/{table}.csv`, edition {LATEST_EDITION}.\n"
    )
