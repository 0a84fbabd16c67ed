"""Only stale targets rerun, and every stale one does: each kind of change, at each stage."""

import os
import shutil
import time
from collections.abc import Callable

import pytest

PLOTS = {"report_plots"}
FROM_PREDICT = {"predict_test"} | PLOTS
FROM_EXPORT = {"export_model"} | FROM_PREDICT
FROM_TRAIN = {"train_model"} | FROM_EXPORT
FROM_SERIALIZE = {"serialize_split"} | FROM_TRAIN
FROM_DICTIONARY = {"dictionary_of_tokens"} | FROM_SERIALIZE
FROM_SORT = {"sort_documents"} | FROM_DICTIONARY
FROM_CLONE = {"clone_batch"} | FROM_SORT
FROM_SELECTION = {"clone_selection"} | FROM_CLONE
ALL = {"scrape_github"} | FROM_SELECTION

RESULTS = "results/languages"
Change = Callable  # of a Workspace: makes the change, and returns further arguments of Snakemake, if any


def setting(stage: str, key: str, value: object) -> Change:
    def change(workspace) -> None:
        workspace.settings["study"]["languages"].setdefault(stage, {})[key] = value
        workspace.configure()

    return change


def of_study(key: str, value: object) -> Change:
    def change(workspace) -> None:
        workspace.settings["study"]["languages"][key] = value
        workspace.configure()

    return change


def another_study(workspace) -> None:
    second = {"source": "github", "model": "bag", "scrape": {"seeds": ["someone"]}, "seed": 5}
    workspace.settings["study"]["second"] = second
    workspace.configure()


def how_the_work_is_done(workspace) -> None:
    workspace.settings["run"] |= {
        "contact": "me@example.org",
        "on_quota": "stop",
        "device": "cpu",
        "checkpoint_seconds": 7,
        "maximum_memory_mb": 3000,
        "maximum_minutes": 10,
        "network_on_submit_host": True,
    }
    workspace.configure()


def appended(path: str, text: str) -> Change:
    def change(workspace) -> None:
        with open(workspace.folder / path, "a") as file:
            file.write(text)

    return change


def code(module: str) -> Change:
    return appended(f"scripts/{module}.py", "\nchanged = True\n")


def content(result: str) -> Change:
    return appended(f"{RESULTS}/{result}", "\n")


def removed(result: str, *arguments: str) -> Change:
    def change(workspace) -> tuple[str, ...]:
        (workspace.folder / RESULTS / result).unlink()
        return arguments

    return change


def comments(workspace) -> None:
    scripts = workspace.folder / "scripts"
    for path in [*scripts.glob("*.py"), *scripts.glob("garner/**/*.py")]:
        appended(path, "\n# A comment.\n")(workspace)


def all_touched(workspace) -> None:
    """Each file newer than those made of it, as may be where all are touched, or copied without times."""
    now = time.time()
    results = [path for path in (workspace.folder / "results").rglob("*") if path.is_file()]
    for age, path in enumerate(sorted(results, key=lambda path: path.stat().st_mtime)):
        os.utime(path, (now - age, now - age))


def checked_out_anew(workspace) -> None:
    for path in workspace.folder.rglob("*"):
        if path.relative_to(workspace.folder).parts[0] not in ("results", "state", ".snakemake"):
            os.utime(path)


def lost_progress(workspace) -> None:
    shutil.rmtree(workspace.folder / "state")


def profile(name: str) -> Change:
    return lambda workspace: ("--profile", name)


def site(workspace) -> tuple[str, ...]:
    appended("profiles/sge/cluster.yaml", "\n# Changed.\n")(workspace)
    (workspace.folder / "profiles/sge/cluster.local.yaml").write_text("cluster: {project: mine}")
    return "--profile", "sge"


MATRIX = {
    "setting of scrape": (setting("scrape", "minimum_stars", 1), ALL),
    "setting of clone": (setting("clone", "maximum_files", 900), FROM_SELECTION),
    "setting of sort": (setting("sort", "maximum_bytes", 400_000), FROM_SORT),
    "setting of sort that the selection goes by": (
        setting("sort", "files_per_repository", 150),
        FROM_SELECTION,
    ),
    "setting of dictionary": (setting("dictionary", "size", 1500), FROM_DICTIONARY),
    "setting of serialize": (setting("serialize", "tokens", 900), FROM_SERIALIZE),
    "setting of train": (setting("train", "learning_rate", 0.0123), FROM_TRAIN),
    "setting of export": (setting("export", "tolerance", 0.01), FROM_EXPORT),
    "seed": (of_study("seed", 2), FROM_SELECTION),
    "exclude": (of_study("exclude", ["somebody"]), ALL),
    "setting of another study": (another_study, set()),
    "settings of how the work is done": (how_the_work_is_done, set()),
    "adapter of scrape": (code("scrape"), ALL),
    "adapter of clone_selection": (code("clone_selection"), FROM_SELECTION),
    "adapter of clone": (code("clone"), FROM_CLONE),
    "adapter of sort": (code("sort"), FROM_SORT),
    "adapter of dictionary": (code("dictionary"), FROM_DICTIONARY),
    "adapter of serialize": (code("serialize"), FROM_SERIALIZE),
    "adapter of train": (code("train"), FROM_TRAIN),
    "adapter of export": (code("export"), FROM_EXPORT),
    "adapter of predict": (code("predict"), FROM_PREDICT),
    "adapter of report": (code("report"), PLOTS),
    "library: a source": (code("garner/sources/github"), ALL),
    "library: git": (code("garner/git"), FROM_CLONE),
    "library: filters": (code("garner/filters"), FROM_SORT),
    "library: a model": (code("garner/models/bag"), FROM_TRAIN),
    "library: metrics": (code("garner/metrics"), FROM_TRAIN),
    "library: plots": (code("garner/reports/plots"), PLOTS),
    "library: errors": (code("garner/errors"), set()),
    "library: staging": (code("garner/staging"), set()),
    "library: the cluster's side": (code("garner/cluster/submit"), set()),
    "comments": (comments, set()),
    "content of a crawl": (content("scrape/repositories.parquet"), FROM_SELECTION),
    "content of the selection": (content("clone/selection.parquet"), FROM_CLONE),
    "content of a batch": (content("clone/0.parquet"), FROM_SORT),
    "content of a part": (content("sort/train.parquet"), FROM_DICTIONARY),
    "content of the vocabulary": (content("dictionary/vocabulary.json"), FROM_SERIALIZE),
    "content of the shards": (content("serialize/train/index.json"), FROM_TRAIN),
    "content of the model": (content("train/model/model.safetensors"), FROM_EXPORT),
    "what the model is like": (content("train/model/config.json"), FROM_EXPORT),
    "content of the export": (content("export/classifier.json"), FROM_PREDICT),
    "content of the score": (content("predict/test/metrics.json"), PLOTS),
    "all touched": (all_touched, set()),
    "a fresh checkout": (checked_out_anew, set()),
    "progress removed": (lost_progress, set()),
    "the export removed": (removed("export/classifier.json"), FROM_EXPORT),
    "a plot removed": (removed("report/confusion.svg"), PLOTS),
    "a result removed that nothing stale asks for": (removed("sort/labels.json"), set()),
    "a result removed and asked for": (removed("sort/labels.json", "sort"), {"sort_documents"}),
    "environment file": (appended("envs/train.yaml", "  - more\n"), set()),
    "profile sge": (profile("sge"), set()),
    "profile slurm": (profile("slurm"), set()),
    "settings of the site": (site, set()),
}


@pytest.mark.parametrize(("change", "rules"), MATRIX.values(), ids=MATRIX)
def test_a_change_reruns_what_it_makes_stale_and_nothing_else(copy_of_finished, change, rules):
    arguments = change(copy_of_finished) or ()
    assert copy_of_finished.stale(*arguments) == rules


def test_a_touched_file_of_megabytes_reruns_nothing(copy_of_finished):
    file = copy_of_finished.folder / "large.txt"
    file.write_text("import os\n" * 200_000)
    asked = ("predict", "--config", f"input={file}")
    copy_of_finished.make(*asked)
    os.utime(file)
    assert copy_of_finished.stale(*asked) == set()
    file.write_text("import re\n" * 200_000)
    assert copy_of_finished.stale(*asked) == {"predict_input"}


# Of conda only what Snakemake asks before it plans: environments are not made here.
CONDA = """#!/bin/sh
case "$1" in
info) echo '{"conda_prefix": "/nowhere", "platform": "linux-64"}' ;;
--version) echo conda 99.0.0 ;;
config) echo '{"get": {"channel_priority": "strict"}}' ;;
*) exit 1 ;;
esac
"""


def test_an_environment_file_counts_under_conda_alone(copy_of_finished, tmp_path):
    conda = tmp_path / "bin" / "conda"
    conda.parent.mkdir()
    conda.write_text(CONDA)
    conda.chmod(0o755)
    path = {"env": os.environ | {"PATH": f"{conda.parent}:{os.environ['PATH']}"}}
    under_conda = ("--software-deployment-method", "conda")
    # As if these results had been made in conda's environments.
    assert copy_of_finished.run("--touch", "--cores", "1", *under_conda, **path).returncode == 0
    assert copy_of_finished.stale(*under_conda, **path) == set()
    appended("envs/train.yaml", "  - more\n")(copy_of_finished)
    assert copy_of_finished.stale(*under_conda, **path) == FROM_DICTIONARY


def test_a_changed_learning_rate_does_not_resume_the_old_training(copy_of_finished):
    history = copy_of_finished.folder / RESULTS / "train/history.csv"
    before = history.read_text()
    setting("train", "learning_rate", 0.0123)(copy_of_finished)
    copy_of_finished.make("train")
    assert history.read_text() != before
    copy_of_finished.settings["study"]["languages"]["train"].pop("learning_rate")
    copy_of_finished.configure()
    copy_of_finished.make("train")
    assert history.read_text() == before
