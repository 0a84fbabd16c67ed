"""A miniature study on real code from the environment's own packages, run in copies of this checkout."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from replica import Replica
from replica.corpus import build

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(sysconfig.get_path("purelib"))
WORKFLOW = ["Snakefile", "config.yaml", "rules", "scripts", "profiles", "sge", "slurm", "envs"]

# Language -> where its files lie in the environment; each folder becomes a repository.
SOURCES = {
    "*.py": [
        "requests",
        "jsonschema",
        "docutils/parsers",
        "networkx/utils",
        "pygments/formatters",
        "jinja2",
        "yaml",
    ],
    "*.h": [
        f"torch/include/{folder}" for folder in ("c10", "caffe2", "ATen/core", "ATen/cpu", "torch/csrc/jit")
    ]
    + ["numpy/_core/include", "pyarrow/include/arrow/compute"],
}
FILES = 40  # most files of a miniature repository


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """Bare repositories of two languages, made of real files."""
    folder = tmp_path_factory.mktemp("corpus")
    sources = []
    for pattern, places in SOURCES.items():
        for place in places:
            source = folder / "sources" / place.replace("/", "-").lower()
            source.mkdir(parents=True)
            for number, file in enumerate(sorted((PACKAGES / place).rglob(pattern))[:FILES]):
                shutil.copyfile(file, source / f"{number}-{file.name}")
            sources.append(source)
    build(folder / "repositories", sources=sources, packages=None, distributions=[])
    return folder / "repositories"


@pytest.fixture(scope="session")
def replica(corpus) -> Iterator[Replica]:
    with Replica(corpus) as running:
        yield running


@dataclass
class Workspace:
    """A checkout with the miniature settings."""

    folder: Path
    settings: dict

    def configure(self) -> None:
        (self.folder / "config.local.yaml").write_text(yaml.safe_dump(self.settings))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", *arguments]

    def run(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, capture_output=True, text=True, timeout=600, **options
        )

    def make(self, *arguments: str) -> str:
        """Run to the end, or fail with what Snakemake said."""
        done = self.run("--cores", "1", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def stale(self, *arguments: str, **options) -> set[str]:
        """The names of the working rules that a run would execute."""
        done = self.run("--dry-run", *arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout + done.stderr
        if "Job stats:" not in said:
            assert "Nothing to be done" in said
            return set()
        table = said.split("Job stats:")[1].split("\ntotal ")[0]
        rules = set(re.findall(r"^(\w+) +\d+$", table, re.MULTILINE))
        return {rule for rule in rules if "_" in rule}  # the targets, named for a stage, do no work

    def digests(self) -> dict[str, str]:
        """SHA-256 of every result."""
        results = self.folder / "results"
        return {
            str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(results.rglob("*"))
            if path.is_file() and not path.name.startswith(".snakemake")
        }

    def copy(self, folder: Path) -> "Workspace":
        """The same checkout with all results, progress and Snakemake's records, modification times kept."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workspace(folder, yaml.safe_load(yaml.safe_dump(self.settings)))


def checkout(folder: Path, settings: dict) -> Workspace:
    folder.mkdir(parents=True, exist_ok=True)
    for name in WORKFLOW:
        if (ROOT / name).is_symlink():
            os.symlink(os.readlink(ROOT / name), folder / name)
        elif (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, folder / name)
    workspace = Workspace(folder, settings)
    workspace.configure()
    return workspace


@pytest.fixture(scope="session")
def new_workspace(replica, corpus, tmp_path_factory) -> Callable[[], Workspace]:
    def new() -> Workspace:
        owners = sorted(path.name for path in corpus.iterdir())
        study = {
            "scrape": {"api": replica.url, "seeds": owners[:1]},
            "clone": {"batches": 2},
            "sort": {"minimum_files": 20},
            "dictionary": {"size": 2000},
            "train": {"epochs": 12, "batch_size": 16, "threads": 1},
            "export": {},
        }
        settings = {"run": {"checkpoint_seconds": 0.2}, "study": {"languages": study}}
        return checkout(tmp_path_factory.mktemp("workspace") / "garner", settings)

    return new


@pytest.fixture(scope="session")
def finished(new_workspace) -> Workspace:
    """A calm run on one core, from beginning to end. Tests that change something work on a copy."""
    workspace = new_workspace()
    workspace.make("all", "serialize")  # `serialize` makes the shards of the test part besides
    return workspace


@pytest.fixture
def copy_of_finished(finished, tmp_path) -> Workspace:
    return finished.copy(tmp_path / "garner")
