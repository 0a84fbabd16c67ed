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


@pytest.mark.parametrize(
    ("target", "studies"),
    [
        (target, "posts")
        for target in (
            "all",
            "clone",
            "sort",
            "dictionary",
            "serialize",
            "train",
            "export",
            "predict",
            "report",
        )
    ]
    + [("results/posts/train/metrics.json", "languages"), ("sort", "languages,posts")],
)
def test_later_stages_of_a_study_without_a_model_are_refused_in_one_line(finished, target, studies):
    posts = "study={posts: {source: stackexchange, model: null, scrape: {site: scifi}}}"
    done = finished.run(target, "--dry-run", "--config", f"studies={studies}", posts)
    assert done.returncode != 0
    said = [
        line for line in (done.stdout + done.stderr).splitlines() if "posts" in line and "--config" in line
    ]
    assert [
        line
        for line in said
        if "has no model, so that it only collects" in line and "model in study.posts.model" in line
    ]
    assert "Traceback" not in done.stdout + done.stderr


def test_a_study_without_a_model_collects(finished, tmp_path):
    users = tmp_path / "users.txt"
    users.write_text("ann\n")
    ages = f"ages: {{scrape: {{users_file: {users}, export: json}}}}"
    posts = "posts: {source: stackexchange, model: null, scrape: {site: scifi}}"
    given = ["--config", "studies=languages,tags,ages,posts", f"study={{{ages}, {posts}}}"]
    assert finished.stale("scrape", *given) == {"scrape_documents", "scrape_documents_and_users"}


def test_a_list_that_is_not_there_is_named_before_any_job(finished):
    done = finished.run("scrape", "--dry-run", "--config", "studies=ages")
    assert "study.ages.scrape.users_file: there is no file 'users.txt'" in done.stdout + done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize("profile", ["sge", "slurm"])
def test_the_cluster_profiles_send_the_training_to_a_gpu_from_a_fresh_clone(new_workspace, profile):
    workspace = new_workspace()
    (workspace.folder / "config.local.yaml").unlink()
    done = workspace.run("--dry-run", "--profile", profile)
    assert done.returncode == 0, done.stderr
    assert re.search(r"train: the model of languages \(\d threads, 1 GPU\)", done.stdout + done.stderr)
