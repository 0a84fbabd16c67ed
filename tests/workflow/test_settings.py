"""A mistake in the settings is told in one line each, before any job."""

import re

import pytest


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (["studies=langages"], "studies: no study is named 'langages'; did you mean 'languages'?"),
        (["contcat=me"], "contcat: unknown setting; known: studies, input, run, study"),
        (["run={device: tpu}"], "run.device: 'tpu' is not one of auto, cpu, cuda"),
        (["input=nowhere"], "input: 'nowhere' is not there"),
    ],
)
def test_a_mistake_is_one_line_and_no_traceback(finished, config, words):
    done = finished.run("--dry-run", "--config", *config)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert words in said
    assert "Traceback" not in said


def test_predictions_of_two_studies_at_once_are_refused(copy_of_finished):
    study = {"source": "github", "model": "bag", "scrape": {"seeds": ["someone"]}}
    copy_of_finished.settings["study"]["second"] = study
    copy_of_finished.configure()
    done = copy_of_finished.run("predict", "-n", "--config", "studies=languages,second", "input=scripts")
    assert (
        "predictions are made by one study at a time, and languages, second are chosen"
        in done.stdout + done.stderr
    )


@pytest.mark.parametrize("profile", ["sge", "slurm"])
def test_the_cluster_profiles_send_the_training_to_a_gpu_from_a_fresh_clone(new_workspace, profile):
    workspace = new_workspace()
    (workspace.folder / "config.local.yaml").unlink()
    done = workspace.run("--dry-run", "--profile", profile)
    assert done.returncode == 0, done.stderr
    assert re.search(r"train: the model of languages \(\d threads, 1 GPU\)", done.stdout + done.stderr)
