"""A folder of shards: the samples of one part of a study, in the order of the Parquet that was serialized.

It holds `00000.shard`, `00001.shard`, … (shard_file.py has their format byte for byte), the zstd dictionary
`zstd.dict` (empty where there is none), and `index.json`, written last: version, dtype, settings, numbers of
samples, and the SHA-256 of every shard's head and of the dictionary.

One hash seals the next: the index has one over its other keys and one way of being written, it holds those of
the heads, and a head holds its payload's. Opening a folder checks all but the payloads, reading a sample
checks its frame, `verify()` checks everything.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zstandard

from garner.errors import ShardError
from garner.files import atomic, sha256_of
from garner.shard_file import (
    CURE,
    MAXIMUM_TOKENS,
    VERSION,
    ShardFile,
    encode_shard,
    encode_tokens,
    offsets,
    token_dtype,
)

FORMAT = "garner shards"


class Sample(NamedTuple):
    tokens: np.ndarray  # token ids, uint16 or uint32
    labels: np.ndarray  # numbers of classes, uint16
    row: int  # in the Parquet that was serialized


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples in flat arrays: sample i has `tokens[offsets[i]:offsets[i + 1]]`, and its labels likewise."""

    tokens: np.ndarray  # uint16 or uint32
    offsets: np.ndarray  # int64, one more than samples
    labels: np.ndarray  # uint16
    label_offsets: np.ndarray  # int64, one more than samples

    def __len__(self) -> int:
        return len(self.offsets) - 1


class ShardWriter:
    """`with ShardWriter(folder, dtype, dictionary) as writer: writer.append(tokens, labels)`.

    The folder appears whole when the block ends, and not at all when it fails. `dtype` is that of the token
    ids (uint16 or uint32), `dictionary` the bytes of a zstd dictionary, or none, `meta` any JSON object that
    readers should have at hand. Memory: one shard.
    """

    def __init__(
        self,
        folder: Path | str,
        dtype: np.dtype | type,
        dictionary: bytes = b"",
        meta: dict | None = None,
        samples_per_shard: int = 4096,
        level: int = 9,
    ):
        self._folder = Path(folder)
        self._dtype = token_dtype(dtype)
        self._dictionary = dictionary
        self._meta = meta or {}
        self._samples_per_shard = samples_per_shard
        self._compressor = zstandard.ZstdCompressor(level=level, dict_data=_zstd_dictionary(dictionary))
        self._stack = ExitStack()
        self._entries: list[dict] = []
        self._rows = 0
        self._begin_shard()

    def __enter__(self) -> "ShardWriter":
        self._part = self._stack.enter_context(atomic(self._folder))
        self._part.mkdir()
        return self

    def __exit__(self, kind, error, traceback) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            self._end_shard()
            (self._part / "zstd.dict").write_bytes(self._dictionary)
            index = {
                "format": FORMAT,
                "version": VERSION,
                "dtype": self._dtype.name,
                "meta": self._meta,
                "samples": self._rows,
                "zstd_sha256": sha256(self._dictionary).hexdigest(),
                "shards": self._entries,
            }
            (self._part / "index.json").write_bytes(_index_bytes(index))

    def append(self, tokens: np.ndarray, labels: Sequence[int]) -> None:
        """Add the next row: token ids of shape (n,), at most MAXIMUM_TOKENS of them, and its classes."""
        if len(tokens) > MAXIMUM_TOKENS:
            raise ShardError(
                f"row {self._rows} has {len(tokens):,} tokens, and a sample holds at most "
                f"{MAXIMUM_TOKENS:,}. Lower serialize.tokens."
            )
        self._frames.append(self._compressor.compress(encode_tokens(tokens, self._dtype)))
        self._tokens.append(len(tokens))
        self._labels.append(labels)
        self._rows += 1
        if len(self._frames) == self._samples_per_shard:
            self._end_shard()

    def _begin_shard(self) -> None:
        self._frames: list[bytes] = []
        self._tokens: list[int] = []
        self._labels: list[Sequence[int]] = []

    def _end_shard(self) -> None:
        if not self._frames:
            return
        first_row = self._rows - len(self._frames)
        head, payload = encode_shard(
            self._frames, self._tokens, self._labels, first_row, self._dtype, self._dictionary
        )
        (self._part / shard_name(len(self._entries))).write_bytes(head + payload)
        self._entries.append({"samples": len(self._frames), "head_sha256": sha256(head).hexdigest()})
        self._begin_shard()


class ShardReader:
    """The samples of a folder, by row: `len(reader)`, `reader[i]`, iteration, or all at once by `load()`.

    Opening raises ShardError, which names the file, where the index, the dictionary or a shard is missing,
    damaged, swapped, or of another version or dtype; reading a sample, where its frame is damaged. Processes
    forked from this one can share a reader; threads cannot.
    """

    def __init__(self, folder: Path | str):
        folder = Path(folder)
        index = _read_index(folder / "index.json")
        self.meta: dict = index["meta"]
        self.dtype = token_dtype(index["dtype"])
        self._decompressor = _decompressor(folder / "zstd.dict", index["zstd_sha256"])
        self._first_rows = list(accumulate((entry["samples"] for entry in index["shards"]), initial=0))
        self._shards = []
        for number, entry in enumerate(index["shards"]):
            shard = ShardFile(folder / shard_name(number))
            if shard.dtype != self.dtype:
                shard.refuse(f"holds ids of {shard.dtype.name} where index.json says {self.dtype.name}")
            if shard.dictionary_sha256 != index["zstd_sha256"]:
                shard.refuse("was written with another zstd dictionary than index.json says")
            if shard.head_sha256 != entry["head_sha256"]:
                shard.refuse("is not the one that index.json means: damaged, swapped, or of another run")
            self._shards.append(shard)

    def __len__(self) -> int:
        return self._first_rows[-1]

    def __getitem__(self, row: int) -> Sample:
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        number = bisect_right(self._first_rows, row) - 1
        place = row - self._first_rows[number]
        return Sample(*self._shards[number].sample(place, self._decompressor), row)

    def __iter__(self) -> Iterator[Sample]:
        return (self[row] for row in range(len(self)))

    def __enter__(self) -> "ShardReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for shard in self._shards:
            shard.close()

    def load(self) -> Samples:
        """All samples in memory, each frame checked: the fast path for training."""
        return Samples(
            tokens=_joined([shard.all_tokens(self._decompressor) for shard in self._shards], self.dtype),
            offsets=offsets(_joined([shard.table["tokens"] for shard in self._shards], np.uint32)),
            labels=_joined([shard.labels for shard in self._shards], np.uint16),
            label_offsets=offsets(_joined([shard.table["labels"] for shard in self._shards], np.uint32)),
        )

    def verify(self) -> None:
        """Check the hash of every payload; raises ShardError, which names the first shard that is damaged."""
        for shard in self._shards:
            shard.verify()


def shard_name(number: int) -> str:
    return f"{number:05}.shard"


def _joined(arrays: list[np.ndarray], dtype: np.dtype | type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *arrays])


def _zstd_dictionary(dictionary: bytes) -> zstandard.ZstdCompressionDict | None:
    return zstandard.ZstdCompressionDict(dictionary) if dictionary else None


def _decompressor(path: Path, expected_sha256: str) -> zstandard.ZstdDecompressor:
    try:
        dictionary = path.read_bytes()
    except FileNotFoundError:
        raise ShardError(f"{path} is missing. {CURE}") from None
    if sha256(dictionary).hexdigest() != expected_sha256:
        raise ShardError(f"{path} is damaged: its hash is another than index.json says. {CURE}")
    return zstandard.ZstdDecompressor(dict_data=_zstd_dictionary(dictionary))


def _index_bytes(index: dict) -> bytes:
    sealed = index | {"sha256": sha256_of(index)}
    return (json.dumps(sealed, indent=1, sort_keys=True) + "\n").encode()


def _read_index(path: Path) -> dict:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ShardError(f"{path} is missing, so the shards beside it are not whole. {CURE}") from None
    try:
        index = json.loads(data)
    except ValueError as error:
        raise ShardError(f"{path} is damaged: no JSON ({error}). {CURE}") from None
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise ShardError(f"{path} is no index of shards. {CURE}")
    if index.get("version") != VERSION:
        raise ShardError(
            f"{path} is of version {index.get('version')!r} of the format, not {VERSION}. {CURE}"
        )
    index.pop("sha256", None)
    if data != _index_bytes(index):
        raise ShardError(f"{path} is damaged: its hash is another than it says. {CURE}")
    return index
