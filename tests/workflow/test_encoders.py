"""The studies `tags` and `ages` with a tiny encoder, on made-up texts that are given, with no network."""

import csv
import json
import shutil
import signal
import time
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import tiny_encoder
import tiny_questions
import tiny_users
from test_killed import jobs_of, start, unlock

from garner.shards import ShardReader
from tests.workflow.conftest import Workspace, checkout

STUDIES = ("tags", "ages")
BOTH = ["--config", "studies=tags,ages"]
TRAIN = {"head_epochs": 3, "epochs": 6, "head_learning_rate": 0.02, "learning_rate": 0.002, "threads": 1}


def write_questions(path: Path) -> None:
    documents = [
        each for part, count in tiny_questions.PARTS.items() for each in tiny_questions.documents(part, count)
    ]
    rows = []
    for number, document in enumerate(documents):
        title, _, body = document.text.partition("\n\n")
        row = {"question_id": number, "title": title, "body": f"<p>{body}</p>", "tags": list(document.labels)}
        rows.append(row)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def write_users(folder: Path, labels: Path) -> None:
    folder.mkdir()
    documents = [
        each for part, count in tiny_users.PARTS.items() for each in tiny_users.documents(part, count)
    ]
    posts: dict[str, list[str]] = {}
    age = {}
    for document in documents:
        name = document.group.replace("-", ".")
        posts.setdefault(name, []).append(document.text)
        age[name] = 30 if document.labels == ("21 or over",) else 16
    for name, texts in posts.items():
        (folder / f"@{name}.csv").write_text("\n".join(["text", *texts]) + "\n")
    labels.write_text("\n".join(["user.name,labeled age", *(f"@{name},{age[name]}" for name in age)]) + "\n")


@pytest.fixture(scope="module")
def encoders(tmp_path_factory) -> Workspace:
    """Both studies, run from scrape to report. Tests that change something work on a copy."""
    given = tmp_path_factory.mktemp("given")
    write_questions(given / "questions_crypto.parquet")
    write_users(given / "captions", given / "ages.csv")
    encoder = {"encoder": str(tiny_encoder.make(given / "encoder"))}

    def common() -> dict:
        return {"dictionary": dict(encoder), "train": dict(TRAIN), "export": {"f1_tolerance": 0.05}}

    settings = {
        "run": {"checkpoint_seconds": 0.2},
        "study": {
            "tags": common()
            | {
                "scrape": {"site": "crypto", "dump": str(given)},
                "serialize": {"tokens": 64},
            },
            "ages": common()
            | {
                "scrape": {"users_file": None, "folder": str(given / "captions")},
                "sort": {"labels_file": str(given / "ages.csv")},
                "serialize": {"tokens": 24, "posts": 4},
            },
        },
    }
    workspace = checkout(tmp_path_factory.mktemp("workspace") / "garner", settings)
    workspace.make("all", *BOTH)
    return workspace


def test_both_studies_run_from_the_given_texts_to_the_report_and_then_nothing_is_stale(encoders):
    assert encoders.stale("all", *BOTH) == set()
    results = encoders.folder / "results"
    metrics = {
        name: json.loads((results / name / "predict/test/metrics.json").read_text()) for name in STUDIES
    }
    assert metrics["tags"]["micro_f1"] > 0.5
    assert metrics["ages"]["accuracy"] > 0.7
    for name in STUDIES:
        assert {"validation", "test"} <= json.loads(
            (results / name / "baseline/metrics.json").read_text()
        ).keys()
        assert list((results / name / "report").glob("*.svg"))
        with open(results / name / "predict/test/predictions.csv", encoding="utf-8", newline="") as file:
            assert len(list(csv.DictReader(file))) == metrics[name]["samples"]


def test_people_are_several_samples_to_learn_from_and_one_where_the_model_is_judged(encoders):
    results, more = encoders.folder / "results/ages", {}
    for part in ("train", "validation"):
        people = pyarrow.parquet.read_table(results / f"sort/{part}.parquet")["group"].unique()
        with ShardReader(results / f"serialize/{part}") as reader:
            more[part] = len(reader) - len(people)
    assert more["validation"] == 0
    assert more["train"] > 0


def test_a_changed_setting_of_the_training_makes_stale_what_is_made_from_it_in_that_study_alone(
    encoders, tmp_path
):
    workspace = encoders.copy(tmp_path / "garner")
    workspace.settings["study"]["tags"]["train"]["preset"] = "frozen"
    workspace.configure()
    assert workspace.stale("all", *BOTH) == {"train_model", "export_encoder", "predict_test", "report_tags"}


def test_predictions_of_people_follow_their_files_whose_names_nobody_keeps(encoders, tmp_path):
    workspace, folder = encoders.copy(tmp_path / "garner"), tmp_path / "captions"
    folder.mkdir()
    for name in ("anna.k", "ben_l"):
        (folder / f"@{name}.csv").write_text("text\na post of mine\n")
    wanted = ("predict", "--config", "studies=ages", f"input={folder}")
    workspace.make(*wanted)
    (answers,) = workspace.folder.glob("results/ages/predict/captions-*/predictions.csv")
    assert answers.read_text().count("\n") == 3
    assert workspace.stale(*wanted) == set()
    (folder / "@ben_l.csv").write_text("text\nanother\n")
    assert workspace.stale(*wanted) == {"predict_input"}
    kept = [path for path in workspace.folder.rglob("*") if path.is_file() and path != answers]
    assert not [path for path in kept if "anna.k" in path.name or b"anna.k" in path.read_bytes()]


@pytest.mark.parametrize("study", STUDIES)
def test_a_killed_training_ends_in_the_same_bytes(encoders, tmp_path, study):
    workspace = encoders.copy(tmp_path / "garner")
    wanted = ["train", "--config", f"studies={study}"]
    shutil.rmtree(workspace.folder / f"results/{study}/train")
    shutil.rmtree(workspace.folder / f"state/{study}/train")
    state = workspace.folder / f"state/{study}/train"
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1):
        process = start(workspace, *wanted)
        seen = set(state.glob("*.safetensors"))
        deadline = time.monotonic() + 120
        while (
            process.poll() is None
            and set(state.glob("*.safetensors")) <= seen
            and time.monotonic() < deadline
        ):
            time.sleep(0.02)
        for job in jobs_of(process):
            job.send_signal(number)
        process.wait(timeout=120)
        unlock(workspace)
    workspace.make(*wanted)
    assert workspace.digests() == encoders.digests()
