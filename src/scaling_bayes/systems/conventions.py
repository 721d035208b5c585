"""Agreements every stage keeps: the names of the tasks and their measures."""

from __future__ import annotations

from collections.abc import Mapping
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
