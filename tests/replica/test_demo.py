"""What `make demo` does before and after the workflow; the workflow itself has tests of its own."""

import json
from collections import Counter

import pytest
import yaml

from garner.document import read_documents
from garner.errors import ConfigError
from garner.sources import open_source
from replica import demo, instagram_people
from replica.demo_ages import Ages
from replica.demo_tags import Tags


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    """An empty checkout, which the demo works in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("replica.demo_tags.QUESTIONS", 40)
    monkeypatch.setattr("replica.demo_ages.PEOPLE", 12)
    return tmp_path


def local() -> dict:
    return yaml.safe_load(demo.SETTINGS.read_text())


def test_several_demos_in_one_checkout_leave_each_others_settings_alone():
    demo.settings("tags", Tags(demo.FOLDER))
    tags = local()["study"]["tags"]
    demo.settings("ages", Ages(demo.FOLDER))
    assert local()["study"].keys() == {"tags", "ages"}
    assert local()["study"]["tags"] == tags


def test_second_run_keeps_the_address_since_another_one_would_make_the_crawl_stale():
    port = demo.settings("tags", Tags(demo.FOLDER))
    text = demo.SETTINGS.read_text()
    assert demo.settings("tags", Tags(demo.FOLDER)) == port
    assert demo.SETTINGS.read_text() == text


def test_what_was_changed_by_hand_in_the_demos_settings_stays():
    demo.settings("tags", Tags(demo.FOLDER))
    changed = local()
    changed["study"]["tags"]["sort"]["minimum_share"] = 0.02
    demo.SETTINGS.write_text(f"{demo.HEADER}\n{yaml.safe_dump(changed)}")
    demo.settings("ages", Ages(demo.FOLDER))
    assert local()["study"]["tags"]["sort"]["minimum_share"] == 0.02


def test_settings_of_ones_own_are_refused_and_not_cleaned_away():
    demo.SETTINGS.write_text("run: {contact: me@example.org}\n")
    with pytest.raises(ConfigError, match="settings of your own"):
        demo.refuse_foreign_settings()
    demo.clean()
    assert demo.SETTINGS.exists()


def test_clean_removes_settings_and_data_and_leaves_the_results(checkout):
    demo.settings("ages", Ages(demo.FOLDER))
    (checkout / "results").mkdir()
    demo.clean()
    assert [path.name for path in checkout.iterdir()] == ["results"]


def test_demo_makes_the_same_data_each_time(checkout):
    def data():
        Ages(demo.FOLDER)
        Tags(demo.FOLDER)
        return {path: path.read_bytes() for path in demo.FOLDER.rglob("*") if path.is_file()}

    before = data()
    demo.clean()
    assert data() == before
    assert len(before) == 3


def test_captions_tell_age_only_as_far_as_they_lean():
    def own_words(lean: float) -> float:
        """The share of young people's words, which stand in no other list, that young people wrote."""
        wrote = Counter()
        for person in instagram_people.invent(60, 12, lean=lean):
            for post in person.posts:
                phrases = set((post.text or "").rsplit(" ", 1)[0].split(", "))
                wrote[person.age < 21] += len(phrases & set(instagram_people._YOUNG))
        return wrote[True] / wrote.total()

    assert own_words(0.0) == pytest.approx(0.5, abs=0.1)
    assert own_words(0.2) > 0.6
    assert own_words(0.9) > 0.9


@pytest.mark.parametrize(("name", "expected"), [("tags", 40), ("ages", 12)])
def test_study_is_scraped_from_its_replica_without_the_sites_pace(name, expected, checkout):
    study = demo.STUDIES[name](demo.FOLDER)
    port = demo.settings(name, study)
    block = local()["study"][name]
    source = {"tags": "stackexchange", "ages": "instagram"}[name]
    scrape = {
        "stop_after": {"questions": None, "users": None, "date": None},
        "from_date": None,
        "to_date": None,
        "questions_file": None,
        "folder": None,
        "dump": None,
        "pseudonymise": True,
        "export": None,
    }
    settings = {"source": source, "exclude": [], "scrape": scrape | block["scrape"]}
    ratelimit = study.run_settings().get("ratelimit", {source: ["25/1s"]})[source]
    operational = {
        "tokens": None,
        "contact": None,
        "on_quota": "stop",
        "ratelimit": ratelimit,
        "pseudonym_key": str(checkout / "key"),
    }
    outputs = {key: checkout / key for key in ("documents", "failures")}
    with study.replica(port):
        opened = open_source(settings, checkout / "state", operational)
        opened.crawl()
    opened.seal(outputs)
    documents = list(read_documents(outputs["documents"]))
    failures = json.loads(outputs["failures"].read_text())
    assert len({document.group for document in documents}) + len(failures) == expected


def test_questions_of_the_demo_claim_neither_a_site_nor_a_licence_that_is_not_theirs():
    with Tags(demo.FOLDER).replica(0) as replica:
        (item, *_) = replica.apis[0]._questions.values()
    assert item["link"].startswith("https://docstrings.example.com/")
    assert item["content_license"] == "that of its package"


def test_closing_words_set_the_encoder_beside_the_linear_model(checkout):
    results = checkout / "results" / "tags"
    scores = {"micro_f1": 0.6, "macro_f1": 0.5, "precision_at": {"1": 0.7}}
    for path, value in {
        "predict/test/metrics.json": scores,
        "baseline/metrics.json": {"test": scores | {"micro_f1": 0.55, "macro_f1": None}},
        "export/model.int8.onnx": {},
    }.items():
        (results / path).parent.mkdir(parents=True)
        (results / path).write_text(json.dumps(value))
    said = demo.closing_words(Tags(demo.FOLDER), results)
    rows = [line.split() for line in said.splitlines()]
    assert ["micro-F1", "60.0%", "55.0%"] in rows
    assert ["macro-F1", "50.0%", "-"] in rows
    assert ["make", "app", "STUDY=tags"] in rows
