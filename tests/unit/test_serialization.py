"""The stage serialize: row i becomes sample i, whatever is in it."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import garner.serialization
from garner.dictionary import build_dictionary
from garner.document import Document, write_documents
from garner.errors import InputError, Interrupted, ShardError
from garner.files import write_json
from garner.serialization import serialize_split
from garner.shards import ShardReader
from garner.vocabulary import Vocabulary

PATTERN = r"[^\W\d_]+|\d+|[^a-zA-Z\d\s:]+"
SETTINGS = {"tokens": 20, "samples_per_shard": 3, "level": 3}
LABELS = ["C", "Python", "Rust"]
TEXTS = [
    "def main():\n  pass",
    "int main(void) { return 0; }",
    "fn main() {}",
    "x = [i for i in range(3)]",
] * 5


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, Path]:
    """What the stages sort and dictionary would have left."""
    folder = tmp_path_factory.mktemp("inputs")
    documents = [Document(str(i), text, (LABELS[i % 3],)) for i, text in enumerate(TEXTS)]
    write_documents(folder / "train.parquet", documents)
    write_json(folder / "labels.json", {"labels": LABELS, "left_out": {}})
    outputs = {"vocabulary": folder / "vocabulary.json", "zstd": folder / "zstd.dict"}
    dictionary = {"size": 100, "pattern": PATTERN, "minimum_count": 2, "zstd_bytes": 1024}
    build_dictionary(folder / "train.parquet", outputs, dictionary, workers=1)
    return {"documents": folder / "train.parquet", "labels": folder / "labels.json", **outputs}


documents = st.lists(
    st.tuples(st.text() | st.sampled_from(TEXTS), st.lists(st.sampled_from(LABELS), max_size=3)), max_size=8
)


@settings(max_examples=40, deadline=None)
@given(documents)
def test_row_i_is_sample_i_with_its_first_tokens_and_labels(inputs, rows):
    vocabulary = Vocabulary.load(inputs["vocabulary"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given_documents = [Document(str(i), text, tuple(labels)) for i, (text, labels) in enumerate(rows)]
        write_documents(folder / "test.parquet", given_documents)
        serialize_split(
            **inputs | {"documents": folder / "test.parquet"}, output=folder / "test", settings=SETTINGS
        )
        with ShardReader(folder / "test") as reader:
            assert len(reader) == len(rows)
            for sample, (text, labels) in zip(reader, rows, strict=True):
                assert sample.tokens.tolist() == vocabulary.ids(text, 20).tolist()
                assert [LABELS[number] for number in sample.labels] == labels


def test_shards_say_which_labels_and_vocabulary_they_were_made_with(inputs, tmp_path):
    serialize_split(**inputs, output=tmp_path / "train", settings=SETTINGS)
    with ShardReader(tmp_path / "train") as reader:
        assert reader.meta["labels"] == LABELS
        assert reader.meta["tokens"] == 20
        assert reader.meta["vocabulary_size"] == len(Vocabulary.load(inputs["vocabulary"]))
    assert len(list((tmp_path / "train").glob("*.shard"))) == 7


def test_same_documents_give_the_same_bytes(inputs, tmp_path):
    written = []
    for name in ("a", "b"):
        serialize_split(**inputs, output=tmp_path / name, settings=SETTINGS)
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]


def test_unknown_label_names_the_document_and_leaves_nothing(inputs, tmp_path):
    path = tmp_path / "test.parquet"
    write_documents(path, [Document("a/b:c.py", "x", ("Python",)), Document("a/b:d.f", "x", ("Fortran",))])
    with pytest.raises(InputError, match=r"test\.parquet: document 'a/b:d\.f' has the label 'Fortran'"):
        serialize_split(**inputs | {"documents": path}, output=tmp_path / "test", settings=SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["test.parquet"]


@pytest.mark.parametrize("name", ["documents", "labels", "vocabulary", "zstd"])
def test_missing_input_is_named(inputs, tmp_path, name):
    with pytest.raises(InputError, match=r"absent.*is not there"):
        serialize_split(**inputs | {name: tmp_path / "absent"}, output=tmp_path / "out", settings=SETTINGS)
    assert not (tmp_path / "out").exists()


def test_labels_that_are_no_list_are_refused_by_name(inputs, tmp_path):
    (tmp_path / "labels.json").write_text(json.dumps({"labels": "Python"}))
    with pytest.raises(InputError, match=r'labels\.json has no list "labels"'):
        serialize_split(
            **inputs | {"labels": tmp_path / "labels.json"}, output=tmp_path / "out", settings=SETTINGS
        )


def test_shards_made_from_another_dictionary_show_it(inputs, tmp_path):
    (tmp_path / "empty.dict").write_bytes(b"")
    serialize_split(
        **inputs | {"zstd": tmp_path / "empty.dict"}, output=tmp_path / "plain", settings=SETTINGS
    )
    with ShardReader(tmp_path / "plain") as reader:
        assert len(reader) == len(TEXTS)
    (tmp_path / "plain" / "zstd.dict").write_bytes(b"another")
    with pytest.raises(ShardError, match=r"zstd\.dict is damaged"):
        ShardReader(tmp_path / "plain")


def test_stop_on_request_leaves_no_folder(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(garner.serialization, "stop_requested", lambda: True)
    with pytest.raises(Interrupted):
        serialize_split(**inputs, output=tmp_path / "train", settings=SETTINGS)
    assert not list(tmp_path.iterdir())
