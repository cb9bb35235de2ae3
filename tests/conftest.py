"""One thread a test process: the networks here are small, and threads that wait for each other cost more than they do."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported
os.environ.setdefault("CNNLIB_QUIET", "1")

# The same examples in every run: a red test then is of the change at hand. To look for new ones: --hypothesis-profile=search.
# Nor does the clock decide: on a busy machine hypothesis finds any strategy too slow.
CLOCK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, database=None, **CLOCK)
settings.register_profile("search", **CLOCK)
settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, notebooks and pages in the browser in turns; files of some seconds fill the rest.

    `make test` gives a worker one file after another, in this order, so that all are busy to the end. In turns, as a
    notebook's kernel and a browser together take less memory than two kernels.
    """
    files = list(dict.fromkeys(item.path for item in items))
    notebooks = [file for file in files if file.suffix == ".ipynb"]
    pages = [file for file in files if "browser" in file.parts]
    order = {file: place for long in (notebooks, pages) for place, file in enumerate(long)}
    items.sort(key=lambda item: order.get(item.path, len(files)))


@pytest.hookimpl(trylast=True)  # behind --hypothesis-profile
def pytest_configure() -> None:
    """The same examples whatever a process has imported before: hypothesis takes constants out of a project's modules.

    It has no setting for this, so a version that does it otherwise fails here, and not in a test now and then.
    """
    if settings.get_current_profile_name() == "same":
        pytest.MonkeyPatch().setattr(providers, "is_local_module_file", lambda path: False)
