"""How much carbon a kilowatt-hour carries, by region and year, and where that is headed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.systems.conventions import same_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Years over which the growth of a grid's intensity is measured.
GROWTH_YEARS = 10
#: Standard deviation of the growth rate of a grid between one decade and the next, per year: that of 15 large
#: grids between 2004-13 and 2014-23 in the table. Carbon growth has no sign: grids also get dirtier.
GROWTH_SD = 0.025
#: Standard deviation of the natural log of a data centre's grid over its country's: that of the 80 usable
#: cloud regions of the table over their countries in 2019 is 0.60.
SITE_LOG_SD = 0.60
#: The same for a named cloud region, whose figure is of about 2019: other counts of one grid.
REGION_LOG_SD = 0.15
#: No grid is dirtier than coal throughout, kg CO2e/kWh: IPCC AR5, WG3 annex III, highest for hard coal, 0.91.
COAL_KG_PER_KWH = 0.91

_REGION_YEAR = 2019
_SAME_COUNTRY = {"USA": "United States"}
#: Usual short forms, two-letter codes among them.
_ALIASES = {
    **dict.fromkeys(("us", "america", "united states of america"), "United States"),
    **dict.fromkeys(("uk", "gb", "britain", "great britain", "england"), "United Kingdom"),
    **dict.fromkeys(("eu", "europe", "european union"), "European Union (27)"),
    **dict.fromkeys(("kr", "korea"), "South Korea"),
    **dict.fromkeys(("cz", "czech republic"), "Czechia"),
    **dict.fromkeys(("nl", "holland"), "Netherlands"),
    "de": "Germany",
    "fr": "France",
    "cn": "China",
    "in": "India",
    "jp": "Japan",
    "ca": "Canada",
    "au": "Australia",
    "br": "Brazil",
    "ru": "Russia",
    "es": "Spain",
    "it": "Italy",
    "se": "Sweden",
    "no": "Norway",
    "fi": "Finland",
    "dk": "Denmark",
    "ch": "Switzerland",
    "ie": "Ireland",
    "pl": "Poland",
    "tw": "Taiwan",
    "sg": "Singapore",
    "za": "South Africa",
    "mx": "Mexico",
    "id": "Indonesia",
    "tr": "Turkey",
    "sa": "Saudi Arabia",
    "at": "Austria",
    "be": "Belgium",
    "pt": "Portugal",
    "earth": "World",
}


@dataclass(frozen=True)
class Grid:
    """Carbon intensity of one grid."""

    name: str
    #: Decimal years (the middles of the calendar years) with a known intensity.
    years: tuple[float, ...]
    #: Intensity in those years, kg CO2e/kWh.
    kg_per_kwh: tuple[float, ...]
    #: Growth of its natural log over the last ten years.
    growth_per_year: float
    #: Standard deviation of the natural log of a data centre's intensity around the grid's.
    log_sd: float

    def log10_kg_per_kwh(
        self, years: NDArray[np.float64], growth: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """log10 intensity: as recorded, held before the first year, growing after the last up to coal.

        Parameters
        ----------
        years : ndarray, shape (year,)
        growth : ndarray, shape (draw,)
            Per year, natural log.

        Returns
        -------
        ndarray, shape (draw, year)
        """
        known = np.log10(np.array(self.kg_per_kwh))
        recorded = np.interp(years, self.years, known)
        later = np.maximum(years - self.years[-1], 0.0)
        path = recorded + growth[:, np.newaxis] * later / np.log(10.0)
        return coal_at_most(path, recorded)


def coal_at_most(path: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Limit log10 intensity to that of coal, or of the start where that is dirtier."""
    limited: NDArray[np.float64] = np.minimum(path, np.maximum(start, np.log10(COAL_KG_PER_KWH)))
    return limited


@cache
def grid_of(region: str) -> Grid:
    """Grid of a country, ``World``, ``European Union (27)`` or a cloud region.

    Parameters
    ----------
    region : str
        Name or ISO 3166-1 alpha-3 code of a country, or a cloud provider's region such as ``us-east1``,
        whatever the case; a part of one name only, or a usual short form such as ``UK``. A cloud region keeps
        its ratio to its country's grid.

    Raises
    ------
    OptionError
        If there is no such region, or several; the nearest names are listed.
    """
    table, clouds = _tables()
    name = _region(str(region), table, clouds)
    chosen = table[table["region"] == name]
    if not chosen.empty:
        return _grid(name, chosen, 1.0, SITE_LOG_SD)
    cloud = clouds[clouds["region"] == name]
    country = str(cloud["country"].iloc[0])
    of_country = table[table["region"] == _SAME_COUNTRY.get(country, country)]
    then = of_country.loc[of_country["year"] == _REGION_YEAR, "g_co2e_per_kwh"].iloc[0]
    ratio = float(cloud["g_co2_per_kwh"].iloc[0]) / float(then)
    return _grid(f"{name} ({country})", of_country, ratio, REGION_LOG_SD)


def _region(asked: str, table: pd.DataFrame, clouds: pd.DataFrame) -> str:
    """The region of the tables that is meant."""
    names = [*table["region"].unique(), *clouds["region"]]
    if asked in names:  # ``bhs`` is a cloud region, ``BHS`` the Bahamas
        return asked
    coded = table[table["iso3"] != ""].drop_duplicates("iso3")
    codes = dict(zip(coded["iso3"].str.casefold(), coded["region"], strict=True))
    short = asked.strip().casefold().replace(".", "")
    if short in codes:
        return str(codes[short])
    found = same_names(_ALIASES.get(short, asked), names)
    if len(found) == 1:
        return found[0]
    near = found[:4] or difflib.get_close_matches(asked, names, 3, 0.4)
    hint = f" (did you mean {', '.join(near)}?)" if near else ""
    problem = f"may be {len(found)} regions" if found else "is not in the tables"
    raise OptionError(
        f"region={asked!r} {problem}{hint}; expected World, a country or its three-letter code, or a cloud "
        "region such as us-east1. `scaling-bayes list regions` lists them."
    )


def region_names() -> pd.DataFrame:
    """Every grid that can be named: ``region``, ``code`` and ``kind`` (a country or group, or a provider)."""
    table, clouds = _tables()
    grids = table.drop_duplicates("region").assign(code=table["iso3"], kind=table["region_kind"])
    sites = clouds.assign(code="", kind=clouds["provider"] + ", " + clouds["country"])
    columns = ["region", "code", "kind"]
    return pd.concat([grids[columns], sites[columns]], ignore_index=True)


def anywhere(year: float, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """log10 intensity in a year of a site that may be in any cloud region of the table, shape (n,).

    For a run of which the place is not known: cloud regions differ by a factor of about 27 from the 5 % to
    the 95 % quantile, far more than the sites of one country.
    """
    names = list(_tables()[1]["region"])
    chosen = rng.integers(len(names), size=n)
    drift = GROWTH_SD * rng.standard_normal(n)
    site = REGION_LOG_SD / np.log(10.0) * rng.standard_normal(n)
    found = np.empty(n)
    for position in np.unique(chosen):
        grid, own = grid_of(str(names[position])), chosen == position
        growth = grid.growth_per_year + drift[own]
        found[own] = grid.log10_kg_per_kwh(np.array([year]), growth)[:, 0]
    found += site
    return found


@cache
def _tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Countries and cloud regions."""
    return load_table("grid_carbon_intensity", usable=True), load_table("cloud_regions", usable=True)


def _grid(name: str, rows: pd.DataFrame, ratio: float, log_sd: float) -> Grid:
    rows = rows.sort_values("year")
    recent = rows.tail(GROWTH_YEARS)
    year, value = recent["year"].to_numpy(float), recent["g_co2e_per_kwh"].to_numpy(float)
    growth = float(np.polyfit(year - year.mean(), np.log(value), 1)[0]) if len(recent) > 1 else 0.0
    return Grid(
        name,
        tuple(float(each) + 0.5 for each in rows["year"]),
        tuple(float(each) / 1000 * ratio for each in rows["g_co2e_per_kwh"]),
        growth,
        log_sd,
    )
