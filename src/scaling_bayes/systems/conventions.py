"""Agreements every stage keeps: the names of the tasks and their measures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

#: The paper's five tasks, in its order, and how they are shown to readers.
TASK_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "imagenet": "ImageNet",
        "ms_coco": "MS COCO",
        "squad_1_1": "SQuAD 1.1",
        "conll_2003": "CoNLL 2003",
        "wmt14_en_fr": "WMT14 En-Fr",
    }
)


#: The language benchmarks, as ``data/language_tasks.csv`` has them.
LANGUAGE_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "anli": "ANLI",
        "arc_challenge": "ARC (challenge)",
        "bbh": "BIG-Bench Hard",
        "boolq": "BoolQ",
        "gpqa_diamond": "GPQA Diamond",
        "gsm8k": "GSM8K",
        "hellaswag": "HellaSwag",
        "humaneval": "HumanEval",
        "lambada": "LAMBADA",
        "math_level_5": "MATH (level 5)",
        "mmlu": "MMLU",
        "mock_aime": "OTIS mock AIME",
        "openbookqa": "OpenBookQA",
        "piqa": "PIQA",
        "triviaqa": "TriviaQA",
        "winogrande": "WinoGrande",
    }
)


def same_names(text: str, names: Iterable[str]) -> list[str]:
    """Names that a text may stand for: the same but for case and signs, else those it is part of."""
    known = list(dict.fromkeys(names))
    if text in known:
        return [text]
    plain = {name: _plain(name) for name in known}
    asked = _plain(text)
    same = [name for name in known if asked and plain[name] == asked]
    words = asked.split()
    return same or [name for name in known if words and all(word in plain[name] for word in words)]


def _plain(name: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in name.casefold()).split())
