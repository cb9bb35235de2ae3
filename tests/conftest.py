"""One thread a test process: the networks here are small, and threads that wait for each other cost more than they do."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported
os.environ.setdefault("CNNLIB_QUIET", "1")
