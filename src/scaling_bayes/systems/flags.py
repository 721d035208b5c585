"""The fixed vocabulary of flags: what is known to be wrong with, or particular about, a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Flag:
    """One word of the vocabulary.

    Attributes
    ----------
    name : str
        As it stands in the ``flags`` column.
    kind : {"rule", "judged"}
        Computed from the tables, or judged by reading and kept by hand.
    meaning : str
        What the flag says of the row.
    consequence : str
        What follows for whoever uses the row.
    """

    name: str
    kind: Literal["rule", "judged"]
    meaning: str
    consequence: str


_RULES = (
    (
        "no_compute",
        "neither a burden nor operations can be derived: device, count or time is missing",
        "not in any fit",
    ),
    ("no_metric", "the performance value is missing", "not in any fit"),
    (
        "no_publication_date",
        "neither an arXiv address nor a known venue month",
        "no calendar time beyond the year",
    ),
    (
        "ensemble",
        "the score is of several networks averaged",
        "the burden should be the sum over the members",
    ),
    (
        "shared_compute",
        "another row of the same paper and task has the same burden",
        "points are not independent",
    ),
    (
        "compute_rate_mismatch",
        "published burden differs by over 5 % from peak rate x count x time of the row",
        "the burden was priced at another rate, count or time",
    ),
    (
        "listed_rate_mismatch",
        "the compilers' rate differs by over 5 % from peak rate x count of the row",
        "another card, count or clock was priced",
    ),
    (
        "below_operation_count",
        "the burden is less than the operations of the training, by the row's own figures",
        "the time or the device is wrong",
    ),
    (
        "year_date_mismatch",
        "the year differs from the year of the first public version",
        "use publication_date",
    ),
    ("duplicate", "the same system and score is listed more than once in the task", "count it once"),
    (
        "ambiguous_device",
        "the device name fits two products of different speed",
        "burden uncertain by up to 2x",
    ),
    (
        "device_postdates_paper",
        "the device named came out after the paper",
        "the device or its form is wrong",
    ),
    ("corrected_compute", "training_compute_corrected_flop is given", "read correction_reason"),
    (
        "pascal_likelier",
        "priced as the Maxwell Titan X, published when the Pascal card of that name was a year old",
        "burden may be 1.64 times too low",
    ),
    (
        "tensor_cores_at_fp32",
        "the GPU has tensor cores and the burden is at its FP32 peak",
        "with mixed precision more operations may have been done than the burden says",
    ),
)
_JUDGED = (
    (
        "autofill_device",
        "the device's model number counts up from row to row: spreadsheet auto-fill",
        "the device is invented",
    ),
    (
        "autofill_time",
        "the time counts up by an hour from row to row: spreadsheet auto-fill",
        "all but the first time are invented",
    ),
    ("chip_as_device", "chips counted as devices of several chips", "burden too high"),
    (
        "comparison_row",
        "the paper only quotes this system; others trained it",
        "date and compute are not its own",
    ),
    ("count_not_multiplied", "the burden is that of one device, not of all devices", "burden too low"),
    ("dev_set_score", "the score is on the development set", "not comparable to test scores"),
    ("extra_data", "trained on data beyond the task's training set", "not comparable at equal data"),
    ("high_leverage", "lies far from the rest of its task and pulls a fit", "check a fit without it"),
    (
        "implausible_time",
        "the time is far too short for the training described",
        "burden is not this system's",
    ),
    ("member_compute", "the burden is that of one member of an ensemble", "burden too low"),
    ("missing_address", "the tables give no address", "address added by hand where known"),
    (
        "not_training_time",
        "the time is of inference or made from a throughput",
        "burden is not this system's",
    ),
    (
        "partial_compute",
        "an earlier or later stage of training (pre-training, refinement) is left out",
        "burden is a lower bound",
    ),
    (
        "search_compute",
        "the burden is an architecture search, not the training",
        "another quantity than training",
    ),
    (
        "search_compute_of_other_paper",
        "the burden is the search of the paper that quotes this system",
        "burden is not this system's",
    ),
    (
        "other_protocol",
        "prompted with examples, or a linear probe of frozen features",
        "not comparable to systems trained on the task",
    ),
    (
        "pretraining_not_counted",
        "a large pre-training that the score rests on is left out",
        "burden is not this system's",
    ),
    (
        "same_system",
        "the network stands in the table already, with the compute of its own paper or another score",
        "count it once",
    ),
    ("subset_score", "the score is of a part of the test set only", "not comparable to scores on all of it"),
    ("suspect_device", "another compilation of the same paper names another device", "burden uncertain"),
    (
        "suspect_value",
        "the score disagrees with the paper, the leaderboard or its own ensemble",
        "score uncertain",
    ),
    (
        "table_disagrees",
        "the 2020 regression and the authors' wider table hold different times",
        "burden uncertain",
    ),
    ("time_is_gpu_days", "days on all devices were read as device-days", "burden too low"),
    (
        "time_of_other_model",
        "the time is of another model or variant of the paper or an earlier paper",
        "burden is not exactly this system's",
    ),
    ("time_of_other_task", "the time is of a model trained for another task", "burden is not this system's"),
    ("time_range_midpoint", "the paper gives a range; the middle was taken", "burden uncertain by the range"),
    (
        "unverified",
        "the score or the compute was compared with no source",
        "not in the reference fit where added after 2020",
    ),
    (
        "unverified_compute",
        "no source at hand states the device, the count or the time",
        "burden uncertain",
    ),
    ("wrong_address", "the address belongs to another paper", "corrected by hand"),
    ("wrong_device", "the paper names another device", "corrected by hand where known"),
    ("wrong_name", "the system's name is missing or wrong", "corrected by hand"),
    ("wrong_paper", "the paper's title does not belong to the system", "corrected by hand where known"),
    ("wrong_rate", "the burden uses another device's peak rate than the one named", "corrected by hand"),
)

FLAGS: tuple[Flag, ...] = tuple(
    sorted(
        [Flag(name, "rule", meaning, consequence) for name, meaning, consequence in _RULES]
        + [Flag(name, "judged", meaning, consequence) for name, meaning, consequence in _JUDGED],
        key=lambda flag: flag.name,
    )
)
RULE_FLAGS = frozenset(flag.name for flag in FLAGS if flag.kind == "rule")
JUDGED_FLAGS = frozenset(flag.name for flag in FLAGS if flag.kind == "judged")


def split_flags(text: str) -> list[str]:
    """The flags in a cell, in the order they stand."""
    return [name for name in text.split(";") if name]


def join_flags(names: set[str]) -> str:
    """A cell from a set of flags: sorted, separated by semicolons."""
    return ";".join(sorted(names))
