import copy
import re

import pytest
import yaml

from garner.configuration import checked, chosen_studies, load_schema
from garner.errors import ConfigError


@pytest.fixture
def schema(root):
    return root / "rules" / "config.schema.yaml"


@pytest.fixture
def shipped(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def minimal() -> dict:
    return {"study": {"mine": {"source": "github", "model": "bag", "scrape": {"seeds": ["someone"]}}}}


def refusal(config: dict, schema) -> str:
    with pytest.raises(ConfigError) as caught:
        checked(config, schema)
    return str(caught.value)


def test_a_study_needs_a_source_a_model_and_a_beginning_and_gets_defaults_for_the_rest(schema):
    study = checked(minimal(), schema)["study"]["mine"]
    assert study["sort"]["near_duplicates"]["threshold"] == 0.85
    assert study["scrape"]["stop_after"]["users"] == 2000


def test_the_shipped_config_shows_every_setting_with_its_default(schema, shipped):
    bare = {"study": {"languages": {"source": "github", "model": "bag", "scrape": {"seeds": ["torvalds"]}}}}
    assert shipped == checked(bare, schema)


def test_every_setting_of_the_shipped_config_carries_a_comment(root):
    lines = (root / "config.yaml").read_text().splitlines()
    settings = [line for line in lines if re.match(r"\s*[a-z_0-9]+: \S", line)]
    assert len(settings) > 50
    assert [line for line in settings if " # " not in line] == []


def test_every_setting_is_described_in_the_schema(schema):
    def undescribed(node, path):
        for key, inner in node.get("properties", {}).items():
            if "description" not in inner and "properties" not in inner:
                yield f"{path}.{key}"
            yield from undescribed(inner, f"{path}.{key}")

    whole = load_schema(schema)
    assert not list(undescribed(whole, "")) + list(
        undescribed(whole["properties"]["study"]["additionalProperties"], "")
    )


def test_an_unknown_key_is_named_with_its_path_and_the_nearest_known_one(schema):
    config = minimal()
    config["study"]["mine"]["clone"] = {"batchs": 3}
    assert "study.mine.clone.batchs: unknown setting; did you mean 'batches'?" in refusal(config, schema)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["run", "on_quota"], "wiat", "run.on_quota: 'wiat' is not one of wait, stop; did you mean 'wait'?"),
        (
            ["study", "mine", "clone", "batches"],
            "many",
            "study.mine.clone.batches: 'many' is not a whole number",
        ),
        (
            ["study", "mine", "clone", "batches"],
            0,
            "study.mine.clone.batches: 0 is too small; it must be at least 1",
        ),
        (
            ["study", "mine", "model"],
            "bagg",
            "study.mine.model: 'bagg' is not one of bag; did you mean 'bag'?",
        ),
        (
            ["study", "mine", "sort", "parts", "test"],
            0.2,
            "study.mine.sort.parts: the shares add up to 1.1, not to 1",
        ),
        (
            ["study", "mine", "sort", "minimum_files"],
            9000,
            "study.mine.sort: minimum_files is above files_per_language",
        ),
        (
            ["study", "mine", "scrape", "repositories_file"],
            "list.txt",
            "study.mine.scrape: seeds and repositories_file",
        ),
        (
            ["study", "mine", "dictionary", "pattern"],
            "(",
            "study.mine.dictionary.pattern '(' is no regular expression",
        ),
        (
            ["study", "mine", "dictionary", "pattern"],
            "(a)",
            "study.mine.dictionary.pattern '(a)' has a capturing group",
        ),
        (
            ["study", "mine", "scrape", "stop_after", "date"],
            "2026-02-31",
            "date: '2026-02-31' is no day of the calendar",
        ),
        (
            ["study", "mine", "train", "learning_rate"],
            float("nan"),
            "study.mine.train.learning_rate: nan is no finite number",
        ),
        (
            ["study", "mine", "train", "weights"],
            dict.fromkeys(("maximum_likelihood", "adversarial", "entropy", "virtual_adversarial"), 0),
            "study.mine.train.weights: all are 0",
        ),
        (
            ["study", "mine", "sort", "languages"],
            {False: [".no"], "C": [".c"]},
            "study.mine.sort.languages: the key False is no text; quote it",
        ),
        (["studies"], [], "studies: [] should be non-empty"),
        (["input"], [], "input: [] should be non-empty"),
        (["run", "contact"], "me\u00e9", "run.contact: 'me\u00e9' does not have the form"),
        (["study", "mine", "scrape", "stop_after", "date"], "soon", "date: 'soon' does not have the form"),
        (
            ["study", "mine", "scrape", "api"],
            "github",
            "study.mine.scrape.api: 'github' does not have the form",
        ),
    ],
)
def test_a_wrong_value_is_one_line_with_path_and_cure(schema, path, value, words):
    config = minimal()
    block = config
    for key in path[:-1]:
        block = block.setdefault(key, {})
    block[path[-1]] = value
    message = refusal(config, schema)
    assert words in message
    assert len(message.splitlines()) == 2


def test_a_date_need_not_be_quoted(schema):
    config = minimal()
    config["study"]["mine"]["scrape"]["stop_after"] = yaml.safe_load("date: 2026-02-28")
    assert checked(config, schema)["study"]["mine"]["scrape"]["stop_after"]["date"] == "2026-02-28"


def test_all_mistakes_are_told_at_once(schema):
    config = minimal() | {"studdies": "mine", "run": {"device": "tpu"}}
    assert len(refusal(config, schema).splitlines()) == 3


def test_checking_leaves_the_given_config_alone_and_is_idempotent(schema):
    config = minimal()
    before = copy.deepcopy(config)
    once = checked(config, schema)
    assert config == before
    assert checked(once, schema) == once


@pytest.mark.parametrize("given", ["mine, other", ["mine", "other"], "mine,other"])
def test_studies_come_as_a_list_or_with_commas(given):
    assert chosen_studies({"studies": given, "study": {"mine": {}, "other": {}}}) == ["mine", "other"]


def test_an_unknown_study_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match="no study is named 'langages'; did you mean 'languages'"):
        chosen_studies({"studies": "langages", "study": {"languages": {}}})
