"""What reaches a scheduler: which jobs, with what memory, time and threads.

The scheduler is this machine: it notes what it is asked for and runs the job at once. Real ones are in
tests/cluster.
"""

import json
import re

import pyarrow
import pyarrow.parquet
import pytest

# The id that `submit` prints is how the job ended, and so `echo` tells its status.
SUBMIT = """#!/bin/sh
sed -n 's/^# properties = //p' "$1" >> submitted
export TMPDIR="$PWD/node" GARNER_RECORD="$PWD/record"
mkdir -p "$TMPDIR" "$GARNER_RECORD"
sh "$1" >> job.log 2>&1 && echo success || echo failed
"""
REFUSE = """#!/bin/sh
sed -n 's/^# properties = //p' "$1" >> submitted
echo failed
"""


def submit(workspace, *arguments, script=SUBMIT):
    """Run through the scheduler; returns Snakemake's end and the properties of each job, in order."""
    path = workspace.folder / "submit.sh"
    path.write_text(script)
    path.chmod(0o755)
    done = workspace.run(
        *arguments,
        *("--executor", "cluster-generic", "--jobs", "10", "--seconds-between-status-checks", "1"),
        *("--cluster-generic-submit-cmd", "./submit.sh", "--cluster-generic-status-cmd", "echo"),
        *("--default-resources", "gpu=0", "network=0"),
    )
    submitted = workspace.folder / "submitted"
    jobs = [json.loads(line) for line in submitted.read_text().splitlines()] if submitted.exists() else []
    return done, jobs


def name(job):
    return job.get("rule") or job["groupid"]


@pytest.fixture(scope="module")
def chain(new_workspace):
    """The whole chain through the scheduler: its workspace and its jobs by name."""
    workspace = new_workspace()
    done, jobs = submit(workspace, "all", "serialize")
    assert done.returncode == 0, done.stderr + (workspace.folder / "job.log").read_text()
    return workspace, {name(job): job for job in jobs}, [name(job) for job in jobs]


def test_the_small_stages_reach_the_scheduler_as_two_jobs(chain):
    *_, names = chain
    fetched = ["scrape_github", "clone_selection", "clone_batch", "clone_batch"]
    assert names == [*fetched, "sort_documents", "languages-shards", "train_model", "languages-results"]


def test_a_chain_of_submitted_and_grouped_jobs_ends_in_the_same_bytes(chain, finished):
    workspace, *_ = chain
    assert workspace.digests() == finished.digests()
    assert workspace.stale("all", "serialize") == set()


def test_a_training_reads_its_shards_from_the_disk_of_its_node_and_leaves_nothing_there(chain):
    workspace, *_ = chain
    said = (workspace.folder / "logs/languages/train/train.log").read_text()
    assert f"input: read from a copy of 0 MB in {workspace.folder}/node" in said
    assert list((workspace.folder / "node").glob("garner-*")) == []


def test_every_job_says_its_memory_and_time_and_fits_a_node(chain):
    _, jobs, _ = chain
    for job in jobs.values():
        assert 2000 <= job["resources"]["mem_mb"] <= 10_000
        assert 60 <= job["resources"]["runtime"] <= 2880
        assert job["threads"] <= 4


def test_no_group_needs_a_gpu_or_the_network(chain):
    _, jobs, _ = chain
    assert {name for name, job in jobs.items() if job["resources"]["gpu"]} == {"train_model"}
    assert {name for name, job in jobs.items() if job["resources"]["network"]} == {
        "scrape_github",
        "clone_batch",
    }


def test_a_group_asks_for_the_time_of_its_jobs_together_and_the_memory_of_those_side_by_side(chain):
    _, jobs, _ = chain
    asked = {
        name: (job["resources"]["mem_mb"], job["resources"]["runtime"], job["threads"])
        for name, job in jobs.items()
    }
    assert asked["languages-shards"] == (9000, 240, 4)
    assert asked["languages-results"] == (4000, 180, 1)


def test_sort_asks_for_more_memory_the_more_it_has_to_read(chain):
    workspace, jobs, _ = chain
    read = sum(path.stat().st_size for path in workspace.folder.glob("results/languages/clone/?.parquet"))
    assert jobs["sort_documents"]["resources"]["mem_mb"] == pytest.approx(4000 + 1.5 * read / 2**20, abs=1)


def test_a_job_that_died_asks_for_twice_as_much_up_to_what_the_settings_allow(new_workspace):
    workspace = new_workspace()
    workspace.settings["run"] |= {"maximum_memory_mb": 10_000, "maximum_minutes": 2000}
    workspace.configure()
    done, jobs = submit(workspace, "scrape", "--retries", "2", script=REFUSE)
    assert done.returncode != 0
    assert [job["resources"]["mem_mb"] for job in jobs] == [4000, 8000, 10_000]
    assert [job["resources"]["runtime"] for job in jobs] == [1440, 2000, 2000]


def test_no_first_attempt_asks_for_more_than_the_settings_allow_nor_a_group_together(copy_of_finished):
    copy_of_finished.settings["run"] |= {"maximum_memory_mb": 6000, "maximum_minutes": 90}
    copy_of_finished.settings["study"]["languages"]["dictionary"]["size"] = 1500
    copy_of_finished.configure()
    _, jobs = submit(copy_of_finished, "all", "serialize", script=REFUSE)
    asked = [(name(job), job["resources"]["mem_mb"], job["resources"]["runtime"]) for job in jobs]
    assert asked == [("languages-shards", 6000, 90)]


def test_what_needs_the_network_runs_on_the_submit_host_where_the_settings_say_so(new_workspace):
    workspace = new_workspace()
    workspace.settings["run"]["network_on_submit_host"] = True
    workspace.configure()
    done, jobs = submit(workspace, "clone")
    assert done.returncode == 0, done.stderr
    assert [name(job) for job in jobs] == ["clone_selection"]
    assert (workspace.folder / "results/languages/clone/1.parquet").exists()


def test_a_crawl_of_100_000_repositories_is_some_200_jobs(new_workspace):
    workspace = new_workspace()
    workspace.settings["study"]["languages"]["clone"]["batches"] = 200
    workspace.configure()
    for path in ("scrape/users", "scrape/repositories", "clone/selection"):
        target = workspace.folder / f"results/languages/{path}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"owner{number}/name" for number in range(100_000)]
        pyarrow.parquet.write_table(pyarrow.table({"repository": rows}), target)
    done = workspace.run("--dry-run", "--profile", "sge")
    assert done.returncode == 0, done.stderr
    counts = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE))
    assert counts["clone_batch"] == "200"
    assert counts["total"] == "209"
