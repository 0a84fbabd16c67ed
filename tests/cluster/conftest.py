"""Schedulers for the tests of this folder: each starts when the first test asks for it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.clusters import Cluster, ThroughGridEngine, ThroughSlurm
from tests.cluster.grid_engine import GridEngine
from tests.cluster.slurm import Slurm
from tests.workflow.conftest import corpus, finished, new_workspace, replica  # noqa: F401


def pytest_collection_modifyitems(items) -> None:
    """Each scheduler starts once, in the process that has all its tests, beside the other's."""
    for item in items:
        name = "slurm" if "slurm" in item.nodeid or "slurm" in item.fixturenames else "grid engine"
        item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def grid_engine(request) -> Iterator[GridEngine]:
    """A running Grid Engine."""
    with GridEngine(_folder(request, "grid-engine")) as running:
        yield running


@pytest.fixture(scope="session")
def slurm(request) -> Iterator[Slurm]:
    """A running Slurm with accounting."""
    with Slurm(_folder(request, "slurm")) as running:
        yield running


@pytest.fixture(scope="session")
def slurm_without_accounting(request) -> Iterator[Slurm]:
    """A running Slurm that has no sacct."""
    with Slurm(_folder(request, "slurm-bare"), accounting=False) as running:
        yield running


@pytest.fixture(params=["sge", "slurm"])
def cluster(request) -> Cluster:
    """Each scheduler with the profile that goes with it."""
    if request.param == "sge":
        return ThroughGridEngine(request.getfixturevalue("grid_engine"))
    return ThroughSlurm(request.getfixturevalue("slurm"))


def _folder(request, name: str) -> Path:
    """A folder with a short path, as sockets need, which stays for reading its logs when a test failed."""
    folder = Path(tempfile.mkdtemp(prefix=f"garner-{name}-"))

    def clear() -> None:
        if not request.session.testsfailed:
            shutil.rmtree(folder)

    request.addfinalizer(clear)
    return folder
