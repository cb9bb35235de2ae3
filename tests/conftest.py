"""One thread a test process: the networks here are small, and threads that wait for each other cost more than they do."""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported
os.environ.setdefault("CNNLIB_QUIET", "1")

# The same examples in every run: a red test then is of the change at hand. To look for new ones: --hypothesis-profile=search.
# Nor does the clock decide: on a busy machine hypothesis finds any strategy too slow.
CLOCK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, database=None, **CLOCK)
settings.register_profile("search", **CLOCK)
settings.load_profile("same")
