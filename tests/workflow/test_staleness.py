"""Only stale targets rerun, and every stale one does."""

import os
import shutil

import pytest

FROM_SORT = {"sort_documents", "dictionary_of_tokens", "serialize_split", "train_model", "export_model"}
FROM_SORT |= {"predict_test", "report_plots"}
FROM_TRAIN = {"train_model", "export_model", "predict_test", "report_plots"}
ALL = {"scrape_github", "clone_selection", "clone_batch"} | FROM_SORT


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("metrics", FROM_TRAIN),
        ("filters", FROM_SORT),
        ("git", ALL - {"scrape_github", "clone_selection"}),
        ("plots", {"report_plots"}),
        ("models/bag", FROM_TRAIN),
        ("sources/github", ALL),
        ("errors", set()),
        ("reset", set()),
    ],
)
def test_code_changed_in_the_library_reruns_the_stages_that_import_it_and_what_follows(
    copy_of_finished, module, rules
):
    append(copy_of_finished.folder / "scripts" / "garner" / f"{module}.py", "\nchanged = True\n")
    assert copy_of_finished.stale() == rules


def test_comments_and_docstrings_rerun_nothing(copy_of_finished):
    scripts = copy_of_finished.folder / "scripts"
    for path in [*scripts.glob("*.py"), *scripts.glob("garner/**/*.py")]:
        append(path, "\n# A comment.\n")
    assert copy_of_finished.stale() == set()


@pytest.mark.parametrize(
    ("stage", "key", "value", "rules"),
    [
        ("train", "learning_rate", 0.0123, FROM_TRAIN),
        ("sort", "maximum_bytes", 400_000, FROM_SORT),
        ("sort", "files_per_repository", 150, FROM_SORT | {"clone_selection", "clone_batch"}),
        ("serialize", "tokens", 900, FROM_TRAIN | {"serialize_split"}),
        ("dictionary", "size", 1500, FROM_SORT - {"sort_documents"}),
        ("scrape", "minimum_stars", 1, ALL),
    ],
)
def test_a_changed_setting_reruns_its_stage_and_what_follows(copy_of_finished, stage, key, value, rules):
    copy_of_finished.settings["study"]["languages"].setdefault(stage, {})[key] = value
    copy_of_finished.configure()
    assert copy_of_finished.stale() == rules


def test_a_changed_setting_of_another_study_reruns_nothing_here(copy_of_finished):
    study = copy_of_finished.settings["study"]
    study["second"] = {"source": "github", "model": "bag", "scrape": {"seeds": ["someone"]}, "seed": 5}
    copy_of_finished.configure()
    assert copy_of_finished.stale() == set()


def test_settings_of_how_the_work_is_done_rerun_nothing(copy_of_finished):
    copy_of_finished.settings["run"] |= {
        "contact": "me@example.org",
        "on_quota": "stop",
        "checkpoint_seconds": 7,
    }
    copy_of_finished.configure()
    assert copy_of_finished.stale() == set()


def test_a_fresh_checkout_over_existing_results_reruns_nothing(finished, new_workspace):
    fresh = new_workspace()
    for name in ("results", "state", ".snakemake"):
        shutil.copytree(finished.folder / name, fresh.folder / name, symlinks=True)
    for path in (fresh.folder / "scripts").rglob("*.py"):
        os.utime(path)
    assert fresh.stale() == set()


def test_a_changed_learning_rate_does_not_resume_the_old_training(copy_of_finished):
    history = copy_of_finished.folder / "results/languages/train/history.csv"
    before = history.read_text()
    copy_of_finished.settings["study"]["languages"]["train"]["learning_rate"] = 0.0123
    copy_of_finished.configure()
    copy_of_finished.make("train")
    assert history.read_text() != before
    copy_of_finished.settings["study"]["languages"]["train"].pop("learning_rate")
    copy_of_finished.configure()
    copy_of_finished.make("train")
    assert history.read_text() == before


@pytest.mark.parametrize("profile", ["sge", "slurm"])
def test_a_profile_changes_where_jobs_run_and_not_what_is_stale(copy_of_finished, profile):
    assert copy_of_finished.stale("--profile", profile) == set()
