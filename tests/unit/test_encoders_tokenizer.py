"""The tokenizer of a pretrained encoder: nothing that a text says is special, and no text takes long."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from garner.encoders.tokenizer import CHARACTERS_PER_TOKEN, MOST_CHARACTERS_PER_TOKEN, EncoderTokenizer
from garner.errors import InputError


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tiny_encoder.make(tmp_path_factory.mktemp("tokenizer") / "encoder") / "tokenizer.json"


@pytest.fixture(scope="module")
def tokenizer(path) -> EncoderTokenizer:
    return EncoderTokenizer.load(path)


@pytest.fixture(scope="module")
def whole(path) -> Tokenizer:
    """The library's own, without a limit."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    return tokenizer


WORDS = st.sampled_from(["wordbas", "algaebas", "x" * 30, "[SEP]", "-", " ", "\n", "  ", "漢", "é"])


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, max_size=60).map(" ".join) | st.text(max_size=200), st.integers(1, 40))
def test_ids_are_the_first_of_the_whole_text(tokenizer, whole, text, limit):
    expected = whole.encode(text, add_special_tokens=False).ids[:limit]
    assert tokenizer.ids(text, limit).tolist() == expected


def test_words_at_the_cut_keep_their_ids(tokenizer, whole):
    text = " ".join(f"word{ending}" * 3 for ending in tiny_encoder.ENDINGS)
    for limit in range(1, 60):
        assert len(text) > limit * CHARACTERS_PER_TOKEN
        expected = whole.encode(text, add_special_tokens=False).ids[:limit]
        assert tokenizer.ids(text, limit).tolist() == expected


@pytest.mark.parametrize("text", ["[CLS]", "[SEP] [PAD]", "a[CLS]b", "[MASK]"])
def test_special_tokens_in_a_text_are_characters(tokenizer, text):
    ids = tokenizer.ids(text, 50).tolist()
    assert len(ids) >= 3
    assert not set(ids) & {tokenizer.cls, tokenizer.sep, tokenizer.pad}


def test_special_tokens_that_a_model_knows_as_words_are_left_out():
    vocabulary = {"<s>": 0, "</s>": 1, "<pad>": 2, "a": 3, "<unk>": 4}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.BertProcessing(("</s>", 1), ("<s>", 0))
    assert EncoderTokenizer(tokenizer, "here").ids("a <s> </s> <pad> a", 9).tolist() == [3, 3]


def test_a_sample_begins_with_its_mark_and_leaves_room_for_the_end(tokenizer):
    sample = tokenizer.sample("wordbas " * 50, 12)
    assert sample[0] == tokenizer.cls
    assert len(sample) == 11
    assert sample.dtype == np.uint16
    assert tokenizer.sample("", 12).tolist() == [tokenizer.cls]


def test_truncation_and_padding_of_the_file_do_not_count(path, tokenizer):
    other = Tokenizer.from_file(str(path))
    other.enable_truncation(6)
    other.enable_padding(length=6)
    limited = EncoderTokenizer(other, path)
    assert limited.maximum == 6
    assert tokenizer.maximum is None
    for text in ("", "wordbas " * 20):
        assert limited.ids(text, 30).tolist() == tokenizer.ids(text, 30).tolist()


def test_a_large_vocabulary_takes_wider_ids(path):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_tokens([f"token{number}" for number in range(1 << 16)])
    large = EncoderTokenizer(tokenizer, path)
    assert large.dtype == np.uint32
    assert large.ids("token65000", 5).tolist() == [len(large) - (1 << 16) + 65000]


@pytest.mark.parametrize("character", [" ", "\n", "x", "漢", "-"])
def test_ten_megabytes_are_read_no_further_than_needed(tokenizer, character):
    read = []

    class Counting:
        def encode(self, text, **options):
            read.append(len(text))
            return tokenizer._tokenizer.encode(text, **options)

    counting = EncoderTokenizer.__new__(EncoderTokenizer)
    counting.__dict__ = {**tokenizer.__dict__, "_tokenizer": Counting()}
    counting.ids(character * 10_000_000, 64)
    assert sum(read) <= 2 * 64 * MOST_CHARACTERS_PER_TOKEN


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"model": 1}', b"\xff"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(InputError, match=r"tokenizer\.json is no tokenizer"):
        EncoderTokenizer.load(tmp_path / "tokenizer.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"tokenizer\.json is not there"):
        EncoderTokenizer.load(tmp_path / "tokenizer.json")


def test_a_tokenizer_without_special_tokens_is_refused(path):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.post_processor = processors.ByteLevel()
    with pytest.raises(InputError, match="between two special tokens"):
        EncoderTokenizer(tokenizer, path)


def test_the_classifier_needs_no_torch_and_no_transformers_for_it(path, root):
    code = (
        "import sys; from garner.encoders.tokenizer import EncoderTokenizer\n"
        f"EncoderTokenizer.load({str(path)!r}).ids('wordbas', 5)\n"
        "assert not {'torch', 'transformers', 'pyarrow', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root / "scripts", timeout=60)
