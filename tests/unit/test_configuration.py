import copy
import re

import pytest
import yaml

from garner.configuration import checked, chosen_studies, load_schema
from garner.errors import ConfigError
from garner.http.pacing import read_window


@pytest.fixture
def schema(root):
    return root / "rules" / "config.schema.yaml"


@pytest.fixture
def shipped(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def minimal() -> dict:
    return {"study": {"mine": {"source": "github", "model": "bag", "scrape": {"seeds": ["someone"]}}}}


def training_block(schema, model: str) -> dict:
    studies = load_schema(schema)["properties"]["study"]["additionalProperties"]
    return studies["by"]["model"][model]["train"]


def refusal(config: dict, schema) -> str:
    with pytest.raises(ConfigError) as caught:
        checked(config, schema)
    return str(caught.value)


def test_a_study_needs_a_source_a_model_and_a_beginning_and_gets_defaults_for_the_rest(schema):
    study = checked(minimal(), schema)["study"]["mine"]
    assert study["sort"]["near_duplicates"]["threshold"] == 0.85
    assert study["scrape"]["stop_after"]["users"] == 2000


def test_the_shipped_config_shows_every_setting_with_its_default_but_those_of_a_preset(schema, shipped):
    studies = {
        "languages": {"source": "github", "model": "bag", "scrape": {"seeds": ["torvalds"]}},
        "tags": {"source": "stackexchange", "model": "multilabel", "scrape": {"site": "scifi"}},
        "ages": {"source": "instagram", "model": "users", "scrape": {"users_file": "users.txt"}},
    }
    filled = checked({"study": studies}, schema)
    assert checked(shipped, schema) == filled
    for model, name in (("multilabel", "tags"), ("users", "ages")):
        for key in training_block(schema, model)["presets"]["best"]:
            del filled["study"][name]["train"][key]
    assert shipped == filled


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
    study = whole["properties"]["study"]["additionalProperties"]
    variants = [{"properties": keys} for by in study["by"].values() for keys in by.values()]
    assert not [path for part in (whole, study, *variants) for path in undescribed(part, "")]


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
            "study.mine.model: 'bagg' is not one of null, bag, multilabel, users; did you mean 'bag'?",
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
        (
            ["study", "mine", "source"],
            "githb",
            "study.mine.source: 'githb' is not one of github, stackexchange, instagram; "
            "did you mean 'github'?",
        ),
        (["run", "ratelimit"], {"github": ["60/h"]}, "run.ratelimit.github.0: '60/h' does not have the form"),
        (["run", "ratelimit"], {"instagram": "1/30s"}, "run.ratelimit.instagram: '1/30s' is not a list"),
        (
            ["run", "backoff"],
            {"exp": 1.5},
            "run.backoff: no power makes a first wait of one second or less grow",
        ),
        (["run", "backoff"], {"max": 0}, "run.backoff.max: 0 is too small; it must be more than 0"),
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


@pytest.mark.parametrize(
    ("source", "scrape", "words"),
    [
        ("stackexchange", {}, "study.mine.scrape: 'site' is missing"),
        ("stackexchange", {"site": "Sci Fi"}, "study.mine.scrape.site: 'Sci Fi' does not have the form"),
        ("stackexchange", {"site": "scifi", "seeds": ["a"]}, "study.mine.scrape.seeds: unknown setting"),
        (
            "stackexchange",
            {"site": "scifi", "dump": "a.7z", "questions_file": "b"},
            "study.mine.scrape: questions_file and dump are both given",
        ),
        (
            "stackexchange",
            {"site": "scifi", "from_date": "2024-02-30"},
            "study.mine.scrape.from_date: '2024-02-30' is no day of the calendar",
        ),
        (
            "stackexchange",
            {"site": "scifi", "from_date": "2024-03-01", "to_date": "2024-03-01"},
            "study.mine.scrape: from_date is not before to_date",
        ),
        ("instagram", {}, "study.mine.scrape: neither users_file nor folder is given"),
        (
            "instagram",
            {"users_file": "u", "folder": "f"},
            "study.mine.scrape: users_file and folder are both given",
        ),
        ("instagram", {"users_file": "u", "export": "csv"}, "'csv' is not one of null, json"),
        (
            "instagram",
            {"users_file": "u", "posts_per_user": 0},
            "study.mine.scrape.posts_per_user: 0 is too small",
        ),
    ],
)
def test_each_source_has_settings_of_its_own(schema, source, scrape, words):
    message = refusal({"study": {"mine": {"source": source, "scrape": scrape}}}, schema)
    assert words in message
    assert len(message.splitlines()) == 2


def test_a_study_without_a_model_gets_no_settings_of_later_stages(schema):
    config = {"study": {"mine": {"source": "stackexchange", "scrape": {"site": "scifi"}}}}
    study = checked(config, schema)["study"]["mine"]
    assert set(study) == {"source", "model", "seed", "exclude", "scrape"}
    assert study["model"] is None


def test_a_setting_of_a_later_stage_is_refused_where_there_is_no_model(schema):
    study = {"source": "stackexchange", "scrape": {"site": "scifi"}, "train": {"epochs": 3}}
    message = refusal({"study": {"mine": study}}, schema)
    assert "study.mine.train: only a study with `model: bag` or `model: multilabel` or" in message


def test_a_model_that_cannot_learn_from_the_source_is_refused(schema):
    study = {"source": "stackexchange", "model": "bag", "scrape": {"site": "scifi"}}
    message = refusal({"study": {"mine": study}}, schema)
    assert "study.mine.model: bag learns from source files" in message


def test_the_windows_that_the_schema_accepts_can_be_read(schema):
    config = minimal() | {"run": {"ratelimit": {"github": ["5000/1h", "1/30s", "20/2min", "9/1d"]}}}
    windows = checked(config, schema)["run"]["ratelimit"]["github"]
    assert [read_window(text) for text in windows] == [(5000, 3600), (1, 30), (20, 120), (9, 86400)]


def test_text_within_a_block_of_the_command_line_is_read_as_what_the_setting_takes(schema):
    config = minimal()
    config["study"]["mine"] |= {"seed": "3", "sort": {"minimum_bytes": "10"}}
    config["study"]["mine"]["scrape"] |= {"forks": "true", "stop_after": {"users": "null"}}
    study = checked(config, schema)["study"]["mine"]
    assert (study["seed"], study["sort"]["minimum_bytes"]) == (3, 10)
    assert (study["scrape"]["forks"], study["scrape"]["stop_after"]["users"]) == (True, None)


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


@pytest.mark.parametrize("model", ["multilabel", "users"])
def test_every_preset_gives_a_value_to_each_setting_that_has_no_default(schema, model):
    train = training_block(schema, model)
    without_default = {key for key, inner in train["properties"].items() if "default" not in inner}
    assert without_default
    assert set(train["presets"]) == set(train["properties"]["preset"]["enum"])
    for name, given in train["presets"].items():
        assert set(given) == without_default, name


def test_a_preset_fills_what_is_not_given(schema):
    study = {"source": "stackexchange", "model": "multilabel", "scrape": {"site": "scifi"}}
    config = checked({"study": {"mine": study | {"train": {"preset": "old"}}}}, schema)
    old = config["study"]["mine"]["train"]
    config = checked({"study": {"mine": study | {"train": {"preset": "old", "epochs": 99}}}}, schema)
    assert config["study"]["mine"]["train"] == old | {"epochs": 99}
    best = checked({"study": {"mine": study}}, schema)["study"]["mine"]["train"]
    assert best["preset"] == "best"
    assert best != old | {"preset": "best"}


def test_a_block_of_a_preset_keeps_what_is_not_given_in_it(schema):
    study = {"source": "instagram", "model": "users", "scrape": {"users_file": "users.txt"}}
    for given in ({"penalty": 0.3}, "{penalty: 0.3}"):
        config = checked({"study": {"mine": study | {"train": {"ngrams": given}}}}, schema)
        ngrams = training_block(schema, "users")["presets"]["best"]["ngrams"]
        assert config["study"]["mine"]["train"]["ngrams"] == ngrams | {"penalty": 0.3}


def test_an_unknown_preset_is_refused_with_those_that_there_are(schema):
    study = {
        "source": "stackexchange",
        "model": "multilabel",
        "scrape": {"site": "scifi"},
        "train": {"preset": "odd"},
    }
    message = refusal({"study": {"mine": study}}, schema)
    assert "study.mine.train.preset: 'odd' is not one of best, old" in message
