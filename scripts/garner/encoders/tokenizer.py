"""The tokenizer of a pretrained encoder: text to the ids that the encoder was trained on.

numpy and tokenizers only, as the shipped classifier reads it too. The file is tokenizer.json of the library
of this name: https://huggingface.co/docs/tokenizers/api/tokenizer
"""

from pathlib import Path

import numpy as np

from garner.errors import InputError

CHARACTERS_PER_TOKEN = 6  # of most texts, at most: so much is read at first
MOST_CHARACTERS_PER_TOKEN = 400  # where a text begins with blanks or endless words
_CURE = "If it is a result, delete it and run the same command again."
_PADDING = ("[PAD]", "<pad>")


class EncoderTokenizer:
    """`cls`, `sep` and `pad` are ids; `dtype` is uint16 where the vocabulary allows, else uint32.

    `maximum` is the longest input of the encoder in tokens, `cls` and `sep` included, where the file says it.
    """

    def __init__(self, tokenizer, path: Path | str):
        self._tokenizer = tokenizer
        self.maximum: int | None = (tokenizer.truncation or {}).get("max_length")
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "[CLS]" in a text is five characters
        self.dtype = np.dtype(np.uint16 if len(self) <= 1 << 16 else np.uint32)
        frame = tokenizer.encode("").ids
        padding = [
            tokenizer.token_to_id(name) for name in _PADDING if tokenizer.token_to_id(name) is not None
        ]
        if len(frame) != 2 or not padding:
            raise InputError(
                f"{path} does not put a text between two special tokens, or has none for padding. Name an "
                "encoder of the kind of BERT or RoBERTa."
            )
        self.cls, self.sep = frame
        self.pad = padding[0]

    def __len__(self) -> int:
        """Number of ids, special ones included."""
        return self._tokenizer.get_vocab_size()

    def ids(self, text: str, limit: int) -> np.ndarray:
        """Ids of the first `limit` tokens of `text`, none of them special: shape (≤ limit,), `self.dtype`.

        Only as much of the text is read as they need, and never more than MOST_CHARACTERS_PER_TOKEN.
        """
        end = limit * CHARACTERS_PER_TOKEN
        while True:
            ids = self._ids(_beginning(text, end))
            if len(ids) >= limit or end >= min(len(text), limit * MOST_CHARACTERS_PER_TOKEN / 4):
                return ids[:limit]
            end *= 4

    def sample(self, text: str, tokens: int) -> np.ndarray:
        """`cls` and the ids of `text`: what is stored of it, and what a model reads once it has put `sep`.

        Shape (≤ tokens - 1,): there is room for `sep`.
        """
        return np.concatenate([np.array([self.cls], self.dtype), self.ids(text, tokens - 2)])

    @classmethod
    def load(cls, path: Path | str) -> "EncoderTokenizer":
        """Raises InputError that names `path` where it is missing, damaged or without special tokens."""
        from tokenizers import Tokenizer

        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            raise InputError(f"{path} is not there.") from None
        try:
            tokenizer = Tokenizer.from_buffer(data)
        except Exception as error:  # noqa: BLE001 - the library has no type of its own
            raise InputError(f"{path} is no tokenizer ({error}). {_CURE}") from None
        return cls(tokenizer, path)

    def _ids(self, text: str) -> np.ndarray:
        ids = np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, self.dtype)
        # A unigram model knows the special tokens as pieces of text, too.
        return ids[(ids != self.cls) & (ids != self.sep) & (ids != self.pad)]


def _beginning(text: str, end: int) -> str:
    """At most `end` characters of `text`, whole words where it has any: half a word has other ids."""
    if end >= len(text):
        return text
    space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
    return text[: space if space > 0 else end]
