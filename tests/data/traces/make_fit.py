"""Write `fit-schema-N.nc`, a small fit by the release at hand, to be kept for good once the release is out.

Run ``python tests/data/traces/make_fit.py``. A file of a released schema version is never written again.
"""

from __future__ import annotations

import warnings
from pathlib import Path


def main() -> None:
    from scaling_bayes import fit, load_systems, save_trace
    from scaling_bayes.trace.schema import SCHEMA_VERSION

    table = load_systems()
    table = table[table["in_thompson2020"] & table["task"].isin(["imagenet", "conll_2003"])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        idata = fit(
            table.groupby("task").head(5), draws=50, tune=100, chains=2, random_seed=1, progressbar=False
        )
    print(save_trace(idata, Path(__file__).with_name(f"fit-schema-{SCHEMA_VERSION}.nc")))


if __name__ == "__main__":
    main()
