"""Texts become samples: one a question, one a user, whatever is in them."""

from pathlib import Path

import numpy as np
import pytest
import tiny_encoder
import tiny_questions
import tiny_users
from tokenizers import Tokenizer

import garner.encoders.serialization
from garner.document import Document, write_documents
from garner.encoders.serialization import serialize_texts
from garner.encoders.tokenizer import EncoderTokenizer
from garner.errors import ConfigError, InputError, Interrupted
from garner.files import read_json, write_json
from garner.shards import ShardReader

SETTINGS = {"tokens": 10, "samples_per_shard": 2, "level": 3}
LABELS = ["old", "young"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    tiny_encoder.make(folder / "encoder")
    write_json(folder / "labels.json", {"labels": LABELS, "left_out": {}})
    return {"labels": folder / "labels.json", "tokenizer": folder / "encoder/tokenizer.json"}


def serialized(
    folder: Path,
    inputs: dict[str, Path],
    documents: list[Document],
    posts: int | None = None,
    samples_per_group: int = 1,
) -> list:
    """The samples, as pairs of tokens and labels."""
    write_documents(folder / "train.parquet", documents)
    serialize_texts(
        folder / "train.parquet",
        **inputs,
        output=folder / "out",
        settings=SETTINGS | {"posts": posts},
        samples_per_group=samples_per_group,
    )
    with ShardReader(folder / "out") as reader:
        return [(sample.tokens.tolist(), sample.labels.tolist()) for sample in reader]


def test_a_question_is_a_sample_with_all_of_its_labels(tmp_path, inputs):
    tokenizer = EncoderTokenizer.load(inputs["tokenizer"])
    texts = ["algaebas wordbas", "", "wordbas " * 30, "[CLS] [SEP]"]
    documents = [Document(str(i), text, ("young", "old"), "same") for i, text in enumerate(texts)]
    samples = serialized(tmp_path, inputs, documents)
    assert [tokens for tokens, _ in samples] == [tokenizer.sample(text, 10).tolist() for text in texts]
    assert all(labels == [1, 0] for _, labels in samples)
    assert all(tokens.count(tokenizer.cls) == 1 and len(tokens) <= 9 for tokens, _ in samples)


def test_a_users_neighbouring_posts_are_one_sample_each_behind_its_mark(tmp_path, inputs):
    tokenizer = EncoderTokenizer.load(inputs["tokenizer"])
    posts = {"ann": ["algaebas", "", "bread " * 20], "bob": ["eaglebas"]}
    documents = [
        Document(f"{user}/{i}", text, ("young",) if user == "ann" else ("old",), user)
        for user, texts in posts.items()
        for i, text in enumerate(texts)
    ]
    samples = serialized(tmp_path, inputs, documents, posts=3)
    expected = [np.concatenate([tokenizer.sample(text, 10) for text in texts]) for texts in posts.values()]
    assert [tokens for tokens, _ in samples] == [tokens.tolist() for tokens in expected]
    assert [labels for _, labels in samples] == [[1], [0]]


def test_of_a_users_posts_the_first_are_taken(tmp_path, inputs):
    documents = [Document(f"ann/{i}", f"algae{i}", (), "ann") for i in range(7)]
    documents += [Document(f"bob/{i}", f"algae{i}", (), "bob") for i in range(2)]
    samples = serialized(tmp_path, inputs, documents, posts=4)
    cls = EncoderTokenizer.load(inputs["tokenizer"]).cls
    assert [tokens.count(cls) for tokens, _ in samples] == [4, 2]


def test_more_posts_of_a_user_make_more_samples_up_to_a_number(tmp_path, inputs):
    documents = [Document(f"ann/{i}", f"algae{i}", (), "ann") for i in range(7)]
    documents += [Document(f"bob/{i}", f"algae{i}", (), "bob") for i in range(2)]
    tokenizer = EncoderTokenizer.load(inputs["tokenizer"])
    for most, sizes in ((2, [3, 3, 2]), (9, [3, 3, 1, 2])):
        samples = serialized(tmp_path, inputs, documents, posts=3, samples_per_group=most)
        assert [tokens.count(tokenizer.cls) for tokens, _ in samples] == sizes
    assert samples[1][0] == np.concatenate([tokenizer.sample(f"algae{i}", 10) for i in (3, 4, 5)]).tolist()


def test_a_reader_of_the_shards_has_at_hand_what_a_model_needs(tmp_path, inputs):
    serialized(tmp_path, inputs, [])
    with ShardReader(tmp_path / "out") as reader:
        assert reader.meta["labels"] == LABELS
        assert reader.meta["tokens"] == 10
        assert reader.meta["special"] == {"cls": 2, "sep": 3, "pad": 0}
        assert reader.dtype == np.uint16
        assert len(reader) == 0


def test_same_texts_give_the_same_bytes(tmp_path):
    for module in (tiny_questions, tiny_users):
        folders = [module.make(tmp_path / f"{module.__name__}-{i}") for i in range(2)]
        files = [sorted(path for path in folder.rglob("*") if path.is_file()) for folder in folders]
        names = [
            [path.relative_to(folder) for path in found] for folder, found in zip(folders, files, strict=True)
        ]
        assert names[0] == names[1]
        for one, other in zip(*files, strict=True):
            assert one.name == "origin.json" or one.read_bytes() == other.read_bytes(), one


def test_a_label_that_is_not_listed_is_named_and_nothing_is_left(tmp_path, inputs):
    with pytest.raises(InputError, match=r"document '7' has the label 'middle'"):
        serialized(tmp_path, inputs, [Document("7", "text", ("middle",))])
    assert not (tmp_path / "out").exists()


def test_more_tokens_than_the_encoder_reads_are_refused(tmp_path, inputs):
    tokenizer = Tokenizer.from_file(str(inputs["tokenizer"]))
    tokenizer.enable_truncation(8)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ConfigError, match=r"serialize\.tokens is 10, and the encoder reads at most 8"):
        serialized(tmp_path, inputs | {"tokenizer": tmp_path / "tokenizer.json"}, [])


def test_a_request_to_stop_leaves_no_half_part(tmp_path, inputs, monkeypatch):
    monkeypatch.setattr(garner.encoders.serialization, "stop_requested", lambda: True)
    with pytest.raises(Interrupted):
        serialized(tmp_path, inputs, [Document("1", "text")] * 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.parquet"]


def test_made_up_questions_and_users_are_whole_studies(tmp_path):
    for module in (tiny_questions, tiny_users):
        folder = module.make(tmp_path / module.__name__)
        names = set(read_json(folder / "sort/labels.json")["labels"])
        for part, size in module.PARTS.items():
            with ShardReader(folder / f"serialize/{part}") as reader:
                assert len(reader) == size
                assert {module.LABELS[label] for sample in reader for label in sample.labels} == names
