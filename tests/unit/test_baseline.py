"""The linear baseline learns, chooses on the validation part alone, and says what it cannot learn from."""

import random
from pathlib import Path

import pytest

from garner.baseline import train_baseline
from garner.document import Document, write_documents
from garner.errors import InputError
from garner.files import read_json, write_json

TOPICS = {"arm": "gripper elbow torque", "drone": "rotor hover altitude", "rare": "lidar"}
CLASSES = ["under 21", "21 or over"]
SETTINGS = {"maximum_features": 1000, "decision": "global"}
COMMON = [f"word{i}" for i in range(40)]
PARTS = {"train": 120, "validation": 40, "test": 40}


def questions(part: str, number: int) -> list[Document]:
    choose = random.Random(part)
    found = []
    for i in range(number):
        tags = [["arm"], ["drone"], ["arm", "drone"]][i % 3] + (["rare"] if i % 10 == 0 else [])
        words = [choose.choice(TOPICS[tag].split()) for tag in tags for _ in range(3)] + choose.choices(
            COMMON, k=9
        )
        found.append(Document(f"{part}{i}", " ".join(words), tuple(tags), f"{part}{i}"))
    return found


def posts(part: str, number: int, each: int = 3) -> list[Document]:
    """Every third user is older, and only the last of their posts shows it."""
    found = []
    for i in range(number):
        older = i % 3 == 0
        texts = ["hello there"] * (each - 1) + ["mortgage taxes office" if older else "homework prom school"]
        label = (CLASSES[older],)
        found += [Document(f"{part}{i}/{k}", text, label, f"{part}{i}") for k, text in enumerate(texts)]
    return found


def make(folder: Path, labels: list[str], documents) -> dict[str, Path]:
    inputs = {part: folder / f"{part}.parquet" for part in PARTS} | {"labels": folder / "labels.json"}
    for part, number in PARTS.items():
        write_documents(inputs[part], documents(part, number))
    write_json(inputs["labels"], {"labels": labels})
    return inputs


def make_questions(folder: Path) -> dict[str, Path]:
    return make(folder, sorted(TOPICS), questions)


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "metrics.json"


@pytest.mark.parametrize("decision", ["global", "per_label"])
def test_tags_that_words_tell_are_found(tmp_path, output, decision):
    train_baseline(make_questions(tmp_path), output, SETTINGS | {"decision": decision}, seed=1)
    found = read_json(output)
    assert found["test"]["micro_f1"] > 0.95
    assert found["test"]["labels"]["rare"]["support"] == 4
    assert found["validation"]["samples"] == 40


def test_a_user_is_told_from_all_posts_together(tmp_path, output):
    train_baseline(make(tmp_path, CLASSES, posts), output, SETTINGS, seed=1, posts=3, samples_per_user=1)
    found = read_json(output)["test"]
    assert (found["samples"], found["accuracy"]) == (40, 1)
    assert found["confusion"]["labels"] == CLASSES


def test_posts_beyond_the_number_are_not_read(tmp_path, output):
    train_baseline(make(tmp_path, CLASSES, posts), output, SETTINGS, seed=1, posts=2, samples_per_user=1)
    assert read_json(output)["test"]["roc_auc"] == 0.5


def test_of_users_with_more_posts_more_samples_are_learned(tmp_path, output):
    def telling_at_the_end(part: str, number: int) -> list[Document]:
        return posts(part, number, each=3 if part == "train" else 1)

    inputs = make(tmp_path, CLASSES, telling_at_the_end)
    for samples, accuracy in ((1, 27 / 40), (2, 1)):
        train_baseline(inputs, output, SETTINGS, seed=1, posts=2, samples_per_user=samples)
        assert read_json(output)["test"]["accuracy"] == pytest.approx(accuracy, abs=0.05)


def test_the_test_part_changes_nothing_that_is_chosen(tmp_path, output):
    inputs = make_questions(tmp_path)
    train_baseline(inputs, output, SETTINGS, seed=1)
    before = read_json(output)
    write_documents(inputs["test"], questions("another test", 11))
    train_baseline(inputs, output, SETTINGS, seed=1)
    after = read_json(output)
    assert after["validation"] == before["validation"]
    assert after["test"]["samples"] == 11


def test_the_same_run_gives_the_same_bytes(tmp_path, output):
    inputs = make_questions(tmp_path)
    outputs = [tmp_path / name for name in ("one.json", "two.json")]
    for path in outputs:
        train_baseline(inputs, path, SETTINGS, seed=3)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_no_more_features_than_allowed(tmp_path, output):
    train_baseline(make_questions(tmp_path), output, SETTINGS | {"maximum_features": 25}, seed=1)
    assert read_json(output)["features"] == 25


def test_a_tag_without_a_training_text_is_never_given(tmp_path, output):
    inputs = make_questions(tmp_path)
    untold = [Document(d.id, d.text, d.labels[:1], d.group) for d in questions("train", 120)]
    write_documents(inputs["train"], untold)
    train_baseline(inputs, output, SETTINGS, seed=1)
    assert read_json(output)["test"]["labels"]["rare"]["recall"] == 0


def test_texts_without_a_word_in_common_are_refused(tmp_path, output):
    inputs = make_questions(tmp_path)
    write_documents(
        inputs["train"], [Document("1", "one", ("arm",), "1"), Document("2", "two", ("arm",), "2")]
    )
    with pytest.raises(InputError, match=r"train\.parquet: no word is in two of its texts"):
        train_baseline(inputs, output, SETTINGS, seed=1)
    assert not output.exists()


def test_an_empty_part_is_named(tmp_path, output):
    inputs = make_questions(tmp_path)
    write_documents(inputs["validation"], [])
    with pytest.raises(InputError, match=r"validation\.parquet holds no document"):
        train_baseline(inputs, output, SETTINGS, seed=1)


def test_a_validation_part_of_one_class_is_refused(tmp_path, output):
    inputs = make(tmp_path, CLASSES, posts)
    write_documents(inputs["validation"], posts("validation", 1))
    with pytest.raises(InputError, match=r"validation\.parquet has one class alone"):
        train_baseline(inputs, output, SETTINGS, seed=1, posts=3, samples_per_user=1)
