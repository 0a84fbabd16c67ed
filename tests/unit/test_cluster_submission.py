import json
import os
import subprocess
import sys

import pytest

from garner.cluster import grid_engine, site
from garner.cluster.body import body
from garner.cluster.ledger import marker
from garner.cluster.submission import read
from garner.errors import ConfigError, InputError

SETTINGS = {"environment": ["PATH", "COLOUR"]}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GARNER_SETTINGS", "settings-1.json")
    monkeypatch.setenv("JOB_ID", "7")  # as Grid Engine sets it in a job
    return tmp_path


def script(folder, command="true", target="train_model:study=languages", **changes):
    """A job script as Snakemake's generic executor writes it."""
    properties = {
        "type": "single",
        "input": ["in.parquet"],
        "output": ["results/model"],
        "params": {"seed": 1},
        "log": ["logs/languages/train/train.log"],
        "threads": 2,
        "resources": {"mem_mb": 8000, "runtime": 60, "gpu": 1, "network": 0},
    }
    text = f"#!/bin/sh\n# properties = {json.dumps(properties | changes)}\n"
    text += f"({command}) && : snakemake --target-jobs '{target}' --cores all && exit 0 || exit 1\n"
    (folder / "job.sh").write_text(text)
    return folder / "job.sh"


def run(folder, command, scheduler=grid_engine, **options):
    """Run the body of a job whose work is `command`; gives its exit code and the folder of its record."""
    job = read(script(folder, command), "s")
    record = folder / "record"
    done = subprocess.run(
        ["sh", "-s"], input=body(job, record, SETTINGS, scheduler), text=True, capture_output=True, **options
    )
    return done, record


def test_a_job_is_named_for_its_rule_its_wildcards_and_a_key(folder):
    job = read(script(folder), "s")
    assert job.title == "train_model of languages"
    assert job.name == f"train_model.languages.{job.key}"
    assert (job.threads, job.memory_mb, job.minutes, job.gpus, job.network) == (2, 8000, 60, 1, False)


def test_the_same_job_in_another_folder_has_another_key(folder, monkeypatch):
    here = read(script(folder), "s").key
    (folder / "other").mkdir()
    monkeypatch.chdir(folder / "other")
    assert read(script(folder), "s").key != here


def test_changed_settings_or_inputs_make_another_version_of_the_same_job(folder):
    (folder / "in.parquet").write_text("rows")
    before = read(script(folder), "s")
    assert read(script(folder), "s") == before
    versions = {before.signature, read(script(folder, params={"seed": 2}), "s").signature}
    os.utime(folder / "in.parquet", (1, 1))
    versions.add(read(script(folder), "s").signature)
    assert len(versions) == 3
    assert read(script(folder, params={"seed": 2}), "s").key == before.key


def test_more_memory_in_another_attempt_is_the_same_version(folder):
    more = {"mem_mb": 16000, "runtime": 120, "gpu": 1}
    assert read(script(folder, resources=more), "s").signature == read(script(folder), "s").signature


def test_more_inputs_than_snakemake_lists_make_another_version_as_well(folder):
    inputs = [folder / f"{number}.parquet" for number in range(101)]
    for path in inputs:
        path.write_text("rows")

    def signature(run: str) -> str:
        waited = "\n".join([f"{folder}/.snakemake/tmp.{run}", *map(str, inputs)])
        (folder / "wait.txt").write_text(waited)
        path = script(folder, input=None)
        path.write_text(
            path.read_text().replace("--cores", f"--wait-for-files-file '{folder}/wait.txt' --cores")
        )
        return read(path, "s").signature

    before = signature("first")
    assert signature("second") == before
    os.utime(inputs[7], (1, 1))
    assert signature("third") != before


def test_a_group_has_no_params_and_changes_with_any_setting(folder):
    group = {"type": "group", "params": None, "log": None}
    path = script(folder, target="serialize_split:study=a,split=test' 'dictionary_of_tokens:study=a", **group)
    text = path.read_text().replace('"params": null, ', "").replace('"log": null, ', "")
    path.write_text(text)
    one = read(path, "settings-1")
    assert one.title == "dictionary_of_tokens of a and 1 more"
    assert one.log == "logs/a/dictionary_of_tokens.log"
    assert read(path, "settings-2").signature != one.signature


def test_a_file_that_is_no_job_script_is_named(folder):
    (folder / "x.sh").write_text("#!/bin/sh\ntrue\n")
    with pytest.raises(InputError, match=r"x\.sh is no job script of Snakemake"):
        read(folder / "x.sh", "s")


def test_a_job_leaves_its_exit_code_and_marks_what_is_not_recorded_yet(folder):
    done, record = run(folder, "exit 0")
    assert done.returncode == 0
    assert (record / "exit").read_text() == "0 7\n"
    assert "external_jobid" in marker("results/model").read_text()
    done, record = run(folder, "exit 7")
    assert (record / "exit").read_text() == "1 7\n"  # as Snakemake's own line makes of it


def test_a_job_is_given_the_variables_that_the_site_names_and_no_secret(folder, monkeypatch):
    monkeypatch.setenv("COLOUR", "it's blue")
    monkeypatch.setenv("SECRET", "token")
    job = read(script(folder), "s")
    text = body(job, folder / "record", SETTINGS, grid_engine)
    assert "token" not in text
    done, _ = run(folder, 'echo "$COLOUR $GARNER_SETTINGS"')
    assert done.stdout == "it's blue settings-1.json\n"


def test_the_warning_reaches_the_work_and_not_the_shell_around_it(folder):
    python = (
        "import signal, sys, time; signal.signal(signal.SIGUSR1, lambda *_: (print('saved'), sys.exit(75)));"
    )
    python += " print('up', flush=True); time.sleep(30)"
    job = read(script(folder, f'{sys.executable} -c "{python}"'), "s")
    with subprocess.Popen(
        ["sh", "-c", body(job, folder / "record", SETTINGS, grid_engine)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == "up\n"
        os.killpg(process.pid, 10)  # SIGUSR1, to all processes of the job, as Grid Engine sends it
        assert process.stdout.read() == "saved\n"
    assert (folder / "record" / "exit").read_text() == "1 7\n"


def profile(folder, shared="", own=None):
    base = (
        "cluster: {queues: {cpu: a.q, gpu: g.q, network: null}, parallel_environment: smp, memory: mem_free,"
    )
    base += " gpus: gpus, project: null, mail: null, extra: [], environment: [PATH], warning_seconds: 120,"
    base += " continuations: 9, poll_seconds: 5, lost_minutes: 30, patience_minutes: 60}"
    (folder / "cluster.yaml").write_text(shared or base)
    if own is not None:
        (folder / "cluster.local.yaml").write_text(own)
    return folder


def test_what_a_site_sets_wins_over_what_is_shipped(folder):
    found = site.load(
        profile(folder, own="cluster: {queues: {gpu: v100.q}, project: lab}"), grid_engine.SETTINGS
    )
    assert found["queues"] == {"cpu": "a.q", "gpu": "v100.q", "network": None}
    assert found["project"] == "lab"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("cluster: {queus: {gpu: a}}", "cluster.queus is no setting of a cluster; did you mean 'queues'?"),
        (
            "cluster: {queues: {gpus: a}}",
            "cluster.queues.gpus is no setting of a cluster; did you mean 'gpu'?",
        ),
        ("cluster: {environment: [PATH, 7]}", "cluster.environment is ['PATH', 7]. Expected a list of texts"),
        ("cluster: {project: 7}", "cluster.project is 7. Expected text"),
        ("cluster: {queues: all.q}", "cluster.queues is 'all.q'. Expected a block of keys"),
        ("cluster:\n  mail: [\n", "cluster.local.yaml, line 3"),
        ("queues: {}", "queues is no setting of a cluster; known: cluster"),
    ],
)
def test_a_mistake_in_the_sites_settings_is_named_with_file_key_and_cure(folder, own, words):
    with pytest.raises(ConfigError) as caught:
        site.load(profile(folder, own=own), grid_engine.SETTINGS)
    assert words in str(caught.value)
    assert "cluster.local.yaml" in str(caught.value)


def test_a_setting_that_was_deleted_is_missed_by_name(folder):
    with pytest.raises(ConfigError, match="warning_seconds is missing"):
        site.load(profile(folder, shared="cluster: {project: null}"), grid_engine.SETTINGS)


@pytest.mark.parametrize("name", ["sge"])
def test_the_shipped_profiles_hold_every_setting(root, name):
    assert site.load(root / "profiles" / name, grid_engine.SETTINGS)["continuations"] > 0
