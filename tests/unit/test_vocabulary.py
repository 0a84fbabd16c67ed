"""The vocabulary: its file, and the ids that it gives."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from garner.errors import InputError
from garner.vocabulary import OUT_OF_VOCABULARY, Vocabulary

PATTERN = r"[^\W\d_]+|\d+|[^a-zA-Z\d\s:]+"


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 10**12), max_size=20))
def test_vocabulary_reads_back_what_was_saved(tmp_path_factory, counts):
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.json"
    Vocabulary(PATTERN, counts.items()).save(path)
    loaded = Vocabulary.load(path)
    assert dict(loaded.counts) == counts
    assert loaded.pattern == PATTERN
    assert len(loaded) == len(counts) + 2


def test_ids_follow_the_order_and_strangers_are_out_of_vocabulary():
    vocabulary = Vocabulary(PATTERN, [("=", 9), ("x", 5), ("1", 2)])
    ids = vocabulary.ids("x = y1 1 x", limit=5)
    assert ids.tolist() == [3, 2, OUT_OF_VOCABULARY, 4, 4]
    assert ids.dtype == np.uint16
    assert vocabulary.ids("", limit=5).tolist() == []


def test_more_tokens_than_two_bytes_can_number_take_four():
    assert Vocabulary(PATTERN, ((str(i), 1) for i in range((1 << 16) - 2))).dtype == np.uint16
    assert Vocabulary(PATTERN, ((str(i), 1) for i in range((1 << 16) - 1))).dtype == np.uint32


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "is no JSON"),
        ("[]", "is no vocabulary"),
        ('{"version": 9, "pattern": "a", "tokens": []}', "of version 9, not 1"),
        ('{"version": 1, "pattern": "a", "tokens": [["a"]]}', "no list of"),
        ('{"version": 1, "pattern": "a", "tokens": [["a", 2], ["a", 1]]}', "token twice"),
    ],
)
def test_damaged_vocabulary_is_refused_by_name(tmp_path, text, what):
    path = tmp_path / "vocabulary.json"
    path.write_text(text)
    with pytest.raises(InputError, match=what) as caught:
        Vocabulary.load(path)
    assert str(path) in str(caught.value)


def test_vocabulary_needs_no_package_but_numpy():
    program = (
        "import sys; import garner.vocabulary; "
        "print([name for name in ('pyarrow', 'zstandard', 'tqdm', 'psutil', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
