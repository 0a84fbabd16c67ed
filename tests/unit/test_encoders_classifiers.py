"""The exported classifiers with an encoder: every road agrees, no input breaks them, and they need little."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_encoder
import tiny_questions
import tiny_users

from garner import Classifier
from garner.document import read_documents
from garner.encoders.classifiers import Answer, UserAnswer
from garner.errors import ClassifierError
from garner.files import read_json

TEXT = " ".join(["word", *tiny_encoder.words_of("bread")[:8]])
NEEDED = {"numpy", "onnxruntime", "tokenizers", "flatbuffers", "google", "packaging", "coloredlogs"}


@pytest.fixture(scope="module")
def tags(questions) -> Classifier:
    return Classifier(questions / "export")


@pytest.fixture(scope="module")
def ages(users) -> Classifier:
    return Classifier(users / "export")


@pytest.fixture
def folder(questions, tmp_path) -> Path:
    """A copy of the export to be damaged."""
    return shutil.copytree(questions / "export", tmp_path / "export")


def test_an_answer_has_all_probabilities_and_the_tags_that_reach_their_threshold(tags):
    (answer,) = tags.predict([TEXT])
    shares = dict(zip(tags.config.labels, answer.probabilities, strict=True))
    thresholds = dict(zip(tags.config.labels, tags.config.decision["thresholds"], strict=True))
    assert answer.tags[0] == "bread"
    assert set(answer.tags) == {label for label in shares if shares[label] >= thresholds[label]}
    assert list(answer.tags) == sorted(answer.tags, key=shares.get, reverse=True)


def test_the_app_finds_what_it_shows(tags):
    assert tags.config.labels == tuple(tiny_questions.LABELS)
    assert "{tag}" in tags.config.link
    documents = {document.id: document for document in tiny_questions.documents("test", 60)}
    assert len(tags.config.examples) == 3
    for example in tags.config.examples:
        document = documents[example["id"]]
        assert f"{example['title']}\n\n{example['text']}" == document.text
        assert example["link"] == document.origin["link"]


def test_the_shipped_scores_are_those_of_the_answers(tags, questions):
    """What the parity was measured on, in batches of ids, is what a text is answered with."""
    documents = list(read_documents(questions / "sort/validation.parquet"))
    answers = tags.predict([document.text for document in documents])
    hits = sum(
        len({*answer.tags} & {*document.labels}) for answer, document in zip(answers, documents, strict=True)
    )
    total = sum(
        len(answer.tags) + len(document.labels) for answer, document in zip(answers, documents, strict=True)
    )
    parity = read_json(questions / "export/parity.json")
    assert 2 * hits / total == pytest.approx(parity["int8"]["validation"]["micro_f1"])
    assert tags.config.metrics == parity["int8"]["validation"]


def test_a_users_answer_is_that_of_the_posts_together(ages, users):
    posts: dict[str, list[str]] = {}
    labels = {}
    for document in read_documents(users / "sort/validation.parquet"):
        posts.setdefault(document.group, []).append(document.text)
        labels[document.group] = document.labels[0]
    answers = ages.predict(posts.values())
    right = [answer.label == label for answer, label in zip(answers, labels.values(), strict=True)]
    assert np.mean(right) == pytest.approx(ages.config.metrics["accuracy"])
    assert [answer.posts for answer in answers] == [min(len(texts), 4) for texts in posts.values()]
    assert {answer.label for answer in answers} <= set(tiny_users.LABELS)


def test_posts_beyond_the_first_are_not_read_and_blank_ones_do_not_count(ages):
    posts = [" ", "word bread", "", "word algae", b"\xff\x00", "bread", "cloud"]
    (answer,) = ages.predict([posts])
    assert answer == ages.predict([["word bread", "word algae", "bread", "cloud", "drums drums"]])[0]
    assert answer.posts == tiny_users.SETTINGS["posts"]


def test_posts_are_read_as_those_of_the_training_were(ages, users, tmp_path):
    named, plain = (["bread @anna word bread", "cloud"], ["bread @b.c_d word bread", "cloud"])
    assert ages.predict([named]) == ages.predict([plain])
    folder = shutil.copytree(users / "export", tmp_path / "export")
    described = read_json(folder / "classifier.json")
    (folder / "classifier.json").write_text(json.dumps(described | {"post_characters": len("bread @user")}))
    assert Classifier(folder).predict([named]) == ages.predict([["bread @user", "cloud"]])
    assert ages.predict([named]) != ages.predict([["bread @user", "cloud"]])


def test_a_user_without_a_post_is_not_guessed(ages):
    assert ages.predict([[], [" ", b"\0"]]) == [UserAnswer("", 0.0, 0, "no posts")] * 2


@pytest.mark.parametrize("given", ["one post", b"one post", Path("posts.csv")])
def test_a_users_text_is_not_taken_for_their_posts(ages, given):
    with pytest.raises(TypeError, match="brackets"):
        ages.predict([given])


def test_the_answer_does_not_depend_on_the_texts_beside(tags, ages):
    texts = [TEXT, "", "eagle " * 200, "ß", "[CLS] bread"]
    assert tags.predict(texts * 2) == [*(tags.predict([text])[0] for text in texts)] * 2
    users = [["bread"], texts, [], texts[::-1]]
    assert ages.predict(users) == [ages.predict([user])[0] for user in users]


def test_a_text_its_bytes_and_its_file_get_the_same_answer(tags, tmp_path):
    (tmp_path / "text").write_text(TEXT)
    assert len({tags.predict([given])[0] for given in (TEXT, TEXT.encode(), tmp_path / "text")}) == 1


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        (b"\x7fELF\x02\x00\x00", "binary"),
        (Path("/nowhere/at/all"), "unreadable: No such file or directory"),
    ],
)
def test_what_is_no_text_gets_no_tag_and_the_reason(tags, content, note):
    nothing = (0.0,) * len(tags.config.labels)
    assert tags.predict([content]) == [Answer(nothing, (), note)]


@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "\x07\x1b[31m" * 50,
        "\ud800",
        "\u202e\u200b",
        "word" * 2_500_000,
        "\n" * 10_000_000 + "bread",
        "ﷺ" * 99,
    ],
    ids=["nul", "control", "surrogate", "bidirectional", "10 MB word", "10 MB of line ends", "ligatures"],
)
def test_hostile_texts_are_answered(tags, text):
    (answer,) = tags.predict([text])
    assert len(answer.probabilities) == len(tags.config.labels)
    assert all(0 <= share <= 1 for share in answer.probabilities)


def test_the_names_of_special_tokens_in_a_text_are_text(tags):
    found = [tags.predict([f"bread {name} cloud"])[0] for name in ("[SEP]", "[PAD]", "[CLS]")]
    assert len({answer.probabilities for answer in found}) == 3  # spelt out, they are different words


@pytest.mark.parametrize("name", ["classifier.json", "model.int8.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ClassifierError, match=name):
        Classifier(folder)


@pytest.mark.parametrize("name", ["model.int8.onnx", "tokenizer.json"])
def test_a_file_of_another_export_is_refused_by_name(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    with pytest.raises(ClassifierError, match=f"{name} is not the file"):
        Classifier(folder)


def test_a_description_that_lacks_something_is_refused(folder):
    path = folder / "classifier.json"
    values = json.loads(path.read_text())
    del values["decision"]
    path.write_text(json.dumps(values))
    with pytest.raises(ClassifierError, match="decision"):
        Classifier(folder)


@pytest.mark.parametrize("kind", ["questions", "users"])
def test_it_needs_numpy_onnxruntime_and_tokenizers_alone(kind, request):
    folder = request.getfixturevalue(kind) / "export"
    code = (
        "import sys; from garner import Classifier; "
        f"Classifier({str(folder)!r}).predict([['a', 'b']] if {kind == 'users'} else ['a', b'b']); "
        "print(*{name.split('.')[0] for name in sys.modules if getattr(sys.modules[name], '__file__', None)"
        " and 'site-packages' in sys.modules[name].__file__})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(found.split()) - {"_distutils_hack"} <= NEEDED
