"""The whole miniature chain through a real scheduler, with the shipped profile."""

import re

import pytest

# Rule -> queue and slots; a GPU only for the training, and the network only for what fetches.
PLACES = {
    "scrape_github": ("network", 1),
    "clone_selection": ("cpu", 1),
    "clone_batch": ("network", 1),
    "sort_documents": ("cpu", 1),
    "dictionary_of_tokens": ("cpu", 4),
    "train_model": ("gpu", 1),
    "export_model": ("cpu", 1),
}


def test_the_chain_runs_in_the_right_queues_and_ends_in_the_bytes_of_a_local_run(
    cluster, finished, new_workspace
):
    workspace = new_workspace()
    cluster.settle(workspace, **{cluster.SETTING: {"network": cluster.QUEUES["network"]}})
    process = cluster.start(workspace, "all", "serialize")
    assert process.wait(timeout=400) == 0, (workspace.folder / "snakemake.log").read_text()
    assert workspace.digests() == finished.digests()

    jobs = cluster.books(workspace)
    assert len({job.name for job in jobs}) == len(jobs), "a job ran twice"
    for rule, (place, slots) in PLACES.items():
        of_rule = [job for job in jobs if job.name.startswith(f"{rule}.")]
        assert of_rule, f"no job for {rule}"
        for job in of_rule:
            assert job.queue == cluster.QUEUES[place]
            assert job.slots == slots
            assert cluster.asked_for_gpu(job) is (rule == "train_model")
            assert cluster.asked_memory_mb(job) >= 2000


def test_a_second_run_submits_nothing(cluster, finished, tmp_path):
    copy = finished.copy(tmp_path / "garner")
    assert cluster.start(copy, "all").wait(timeout=100) == 0
    assert "Nothing to be done" in (copy.folder / "snakemake.log").read_text()
    assert not (copy.folder / "state" / ".cluster" / "ids").exists()


@pytest.mark.parametrize("change", ["comment", "site", "operational", "setting"])
def test_what_is_stale_on_the_cluster_is_what_is_stale_here(cluster, finished, tmp_path, change):
    copy = finished.copy(tmp_path / "garner")
    cluster.settle(copy)
    if change == "comment":
        with open(copy.folder / "scripts/garner/training.py", "a") as file:
            file.write("\n# A comment.\n")
    elif change == "site":
        cluster.settle(copy, lost_minutes=7)
    elif change == "operational":
        copy.settings["run"]["on_quota"] = "stop"
    else:
        copy.settings["study"]["languages"]["export"]["tolerance"] = 0.0005
    copy.configure()
    assert cluster.start(copy, "export").wait(timeout=200) == 0
    names = [re.sub(r"\..*", "", job.name) for job in cluster.books(copy)]
    assert names == (["export_model"] if change == "setting" else [])


@pytest.mark.parametrize(
    ("site", "arguments", "words"),
    [
        ({"{}": {"gpu": "nosuch"}}, [], "nosuch"),
        ({"{}x": {}}, [], "did you mean '{}'?"),
        ({}, ["--set-resources", "train_model:mem_mb=9000000"], "memory"),
    ],
)
def test_what_no_scheduler_could_run_is_refused_at_once_in_one_line(
    cluster, finished, tmp_path, site, arguments, words
):
    copy = finished.copy(tmp_path / "garner")
    copy.settings["study"]["languages"]["train"]["learning_rate"] = 0.5
    copy.configure()
    cluster.settle(copy, **{key.format(cluster.SETTING): value for key, value in site.items()})
    assert cluster.start(copy, "train", *arguments).wait(timeout=60) != 0
    said = (copy.folder / "snakemake.log").read_text()
    last = [line for line in said.splitlines() if line.startswith(("failed: ", "error: "))][-1]
    assert words.format(cluster.SETTING) in last
    assert "Traceback" not in said
