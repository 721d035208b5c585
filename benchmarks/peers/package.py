"""Fits by the package: ``python package.py folder [fits]``, as plain.py does."""

import json
import sys
import time

import scaling_bayes as sb

folder, seconds = sys.argv[1], []
for seed in range(1, int(sys.argv[2]) + 1):
    begun = time.perf_counter()
    trace = sb.fit(random_seed=seed, progressbar=False)
    seconds.append(time.perf_counter() - begun)
    sb.save_trace(trace, f"{folder}/{seed}.nc")
print(json.dumps(seconds))
