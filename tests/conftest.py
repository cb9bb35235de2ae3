"""One thread a test process: the networks here are small, and threads that wait for each other cost more than they do."""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported
os.environ.setdefault("CNNLIB_QUIET", "1")

# The same examples in every run: a red test then is of the change at hand. To look for new ones: --hypothesis-profile=search.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("same")
