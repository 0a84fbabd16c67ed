"""The folder that takes the place of a crawl of Instagram."""

import csv
import json
import logging
from collections import Counter
from pathlib import Path

import pytest
from instagram_study import Study

from garner.document import Document
from garner.errors import CredentialsError, InputError, Interrupted
from garner.pseudonyms import naming_of
from garner.sources import instagram_folder

TEXTS = {
    "@ann.lee": ["newest, with @Bob_by", "older\nin two lines", " "],
    "@Bob_by": ["mine"],
    "@eve.ning": ["", "  "],
    "@ivo.void": [],
}


def write(folder: Path, texts: dict[str, list[str]], header: str = "text") -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in texts.items():
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["id", header])
            writer.writerows([number, text] for number, text in enumerate(rows))
    return folder


def study_of(tmp_path: Path, texts: dict[str, list[str]] = TEXTS, **changes) -> Study:
    study = Study(tmp_path, "http://127.0.0.1:9", [], **changes)
    study.scrape |= {"users_file": None, "folder": str(write(tmp_path / "texts", texts))}
    return study


def by_user(documents: list[Document]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for document in documents:
        found.setdefault(document.group, []).append(document.text)
    return found


def test_a_row_is_a_post_of_its_user_in_the_order_of_the_file_and_names_are_pseudonyms(tmp_path):
    study = study_of(tmp_path)
    documents = study.run()
    user = naming_of(True, study.key).user
    assert by_user(documents) == {
        user("ann.lee"): [f"newest, with @{user('bob_by')}", "older\nin two lines"],
        user("bob_by"): ["mine"],
    }
    assert documents == sorted(documents, key=lambda document: document.group)
    first = next(document for document in documents if document.group == user("ann.lee"))
    assert first.id == f"{user('ann.lee')}:2"
    assert first.labels == ()
    assert first.origin == {"user": user("ann.lee"), "post_id": "2"}


def test_users_without_text_are_listed(tmp_path):
    study = study_of(tmp_path)
    study.run()
    user = naming_of(True, study.key).user
    assert {item: (each["reason"], each["detail"]) for item, each in study.failures().items()} == {
        user("eve.ning"): ("no caption", "2 of 2 posts were shown, none with a caption"),
        user("ivo.void"): ("no caption", "0 of 0 posts were shown, none with a caption"),
    }


def test_no_name_reaches_the_results_the_state_or_the_log(tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "garner")
    study_of(tmp_path, export="json").run()
    kept = caplog.text.encode()
    for path in [*(tmp_path / "results").rglob("*"), *(tmp_path / "state").rglob("*")]:
        kept += str(path.relative_to(tmp_path)).encode() + (path.read_bytes() if path.is_file() else b"")
    assert not [name for name in TEXTS if name[1:].lower().encode() in kept.lower()]


def test_with_pseudonymise_false_everyone_keeps_their_name(tmp_path):
    documents = study_of(tmp_path, pseudonymise=False).run()
    assert by_user(documents)["ann.lee"][0] == "newest, with @Bob_by"
    assert set(by_user(documents)) == {"ann.lee", "bob_by"}


def test_as_many_posts_of_a_user_as_asked_for_and_those_without_text_count(tmp_path):
    texts = {"@ann": ["a", "", "b", "c"], "bob": ["d"]}
    documents = study_of(tmp_path, texts, posts_per_user=3, pseudonymise=False).run()
    assert by_user(documents) == {"ann": ["a", "b"], "bob": ["d"]}


def test_excluded_users_are_in_no_result_and_the_first_of_the_others_count(tmp_path):
    study = study_of(tmp_path, users=2, pseudonymise=False, export=None)
    study.exclude = ["@ANN.LEE"]
    assert set(by_user(study.run())) == {"bob_by"}
    assert set(study.failures()) == {"eve.ning"}


def test_the_export_holds_one_json_a_user(tmp_path):
    study_of(tmp_path, pseudonymise=False).run()
    exported = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "results/users").iterdir()}
    assert {name: each["posts"] for name, each in exported.items()} == {
        "ann.lee": 3,
        "bob_by": 1,
        "eve.ning": 2,
        "ivo.void": 0,
    }
    assert exported["bob_by"]["captions"] == [{"id": "2", "time": None, "text": "mine"}]


def test_sealing_again_gives_the_same_bytes(tmp_path):
    study = study_of(tmp_path)
    study.run()
    first = study.sealed()
    study.run()
    assert study.sealed() == first


def test_key_that_is_gone_is_not_made_anew(tmp_path):
    study = study_of(tmp_path)
    study.run()
    study.key.unlink()
    with pytest.raises(CredentialsError, match="can't go on"):
        study.run()


def test_other_files_are_passed_over(tmp_path):
    write(tmp_path / "texts", {})
    (tmp_path / "texts/README.md").write_text("about")
    (tmp_path / "texts/more.csv").mkdir()
    assert Counter(document.group for document in study_of(tmp_path, pseudonymise=False).run()) == {
        "ann.lee": 2,
        "bob_by": 1,
    }


@pytest.mark.parametrize(
    ("texts", "header", "words"),
    [
        ({"@ann": ["a"], "@bob": ["b"]}, "txt", r"file \d of the CSV files .* has no column 'text'.*'txt'"),
        ({"@ann": ["a"], "@ann lee": ["b"]}, "text", r"file 1 of .* is not named as a user"),
        ({"@ANN": ["a"], "ann": ["b"]}, "text", r"file 2 of .* is of the same user as another"),
        ({}, "text", r"holds no @name\.csv"),
        ({"@ann": [], "@bob": [" "]}, "text", r"of the 2 users in scrape\.folder \(no caption\)"),
    ],
)
def test_folder_that_cannot_be_used_is_refused_without_a_name(tmp_path, texts, header, words):
    write(tmp_path / "texts", texts, header)
    study = study_of(tmp_path, {})
    with pytest.raises(InputError, match=words) as caught:
        study.run()
    said = str(caught.value).replace(str(tmp_path), "").lower()
    assert not [name for name in ("ann", "bob") if name in said]
    assert not (tmp_path / "results/documents.parquet").exists()


def test_missing_folder_is_named(tmp_path):
    study = study_of(tmp_path)
    study.scrape["folder"] = str(tmp_path / "absent")
    with pytest.raises(InputError, match=r"absent, the setting scrape\.folder, can't be read"):
        study.run()


def test_reading_ends_when_asked_to_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(instagram_folder, "stop_requested", lambda: True)
    with pytest.raises(Interrupted):
        study_of(tmp_path).run()
    assert not list((tmp_path / "results").glob("*"))
