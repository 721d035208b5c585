"""The nearest model that Bambi has a formula for: slopes of compute and year that vary between tasks.

``python mixed.py systems.csv folder``. Compute is taken as exact, papers as unrelated, and slopes may be
negative: less than what the package fits as straight lines.
"""

import os
import sys

import bambi as bmb
import numpy as np
import pandas as pd

systems = pd.read_csv(sys.argv[1])
systems["performance"] = -np.log10(systems["error"])
model = bmb.Model("performance ~ 1 + compute + year + (1 + compute + year | task)", systems)
trace = model.fit(draws=1000, tune=500, chains=4, cores=os.cpu_count(), random_seed=1, progressbar=False)
trace.to_netcdf(f"{sys.argv[2]}/1.nc")
