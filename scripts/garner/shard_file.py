r"""One shard: samples of token ids and labels in one file, read by random access. A format of our own.

All numbers are little-endian. A shard is a head and a payload, and nothing after it:

    offset    size  field
    0            8  magic: 89 47 41 52 4E 0D 0A 1A ("\x89GARN\r\n\x1a")
    8            2  version of the format: 1
    10           2  dtype: bytes of a token id, 2 (uint16) or 4 (uint32)
    12           4  n: number of samples
    16           8  row of the first sample; the others are the rows after it
    24           8  m: number of labels, of all samples together
    32           8  p: bytes of the payload
    40          32  SHA-256 of the zstd dictionary
    72          32  SHA-256 of the payload
    104       16 n  table, four 4-byte numbers a sample: bytes and CRC-32 of its frame, tokens, labels
    …          2 m  labels of all samples, one after another: numbers of classes
    …            p  payload: one zstd frame a sample, one after another; its content is the token ids

A sample begins where the one before it ends, so that the sums of the table's columns are the offsets. The
folder's index holds the SHA-256 of the head, and the head that of the payload: one seals the next.
"""

import os
import struct
import zlib
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
import zstandard

from garner.errors import ShardError

MAGIC = b"\x89GARN\r\n\x1a"
VERSION = 1
MAXIMUM_TOKENS = 1 << 20  # of a sample: bounds what reading one may take
CURE = "Delete the folder and run the same command again: it is written anew."

_HEADER = struct.Struct("<8sHHIQQQ32s32s")
_LINE = np.dtype([("bytes", "<u4"), ("crc", "<u4"), ("tokens", "<u4"), ("labels", "<u4")])
_LABEL = np.dtype("<u2")
_DTYPES = {2: np.dtype("<u2"), 4: np.dtype("<u4")}


class _Header(NamedTuple):
    magic: bytes
    version: int
    dtype: int
    samples: int
    first_row: int
    labels: int
    payload: int
    dictionary_sha256: bytes
    payload_sha256: bytes

    @property
    def head_bytes(self) -> int:
        return _HEADER.size + self.samples * _LINE.itemsize + self.labels * _LABEL.itemsize


def token_dtype(dtype: np.dtype | type | str) -> np.dtype:
    """Little-endian uint16 or uint32, by the size of `dtype`."""
    return _DTYPES[np.dtype(dtype).itemsize]


def encode_tokens(tokens: np.ndarray, dtype: np.dtype) -> bytes:
    """What a frame holds. Raises TypeError where an id might not fit, as it would wrap round to another."""
    return np.asarray(tokens).astype(dtype, casting="safe", copy=False).tobytes()


def encode_shard(
    frames: Sequence[bytes],
    tokens: Sequence[int],
    labels: Sequence[Sequence[int]],
    first_row: int,
    dtype: np.dtype,
    dictionary: bytes,
) -> tuple[bytes, bytes]:
    """Head and payload of a shard, of one frame, one number of tokens and one list of classes a sample."""
    payload = b"".join(frames)
    table = np.empty(len(frames), dtype=_LINE)
    table["bytes"] = [len(frame) for frame in frames]
    table["crc"] = [zlib.crc32(frame) for frame in frames]
    table["tokens"] = tokens
    table["labels"] = [len(classes) for classes in labels]
    flat_labels = np.array([number for classes in labels for number in classes], dtype=_LABEL)
    header = _HEADER.pack(
        *_Header(
            magic=MAGIC,
            version=VERSION,
            dtype=dtype.itemsize,
            samples=len(frames),
            first_row=first_row,
            labels=len(flat_labels),
            payload=len(payload),
            dictionary_sha256=sha256(dictionary).digest(),
            payload_sha256=sha256(payload).digest(),
        )
    )
    return header + table.tobytes() + flat_labels.tobytes(), payload


class ShardFile:
    """A shard open for reading, its head in memory. Raises ShardError where it cannot be one of ours, whole.

    Read by `pread`, so that processes forked from this one can share it.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - as long as the reader lives
        except FileNotFoundError:
            self.refuse("is missing")
        head = self._read_head()
        self.dtype = _DTYPES[self._header.dtype]
        self.head_sha256 = sha256(head).hexdigest()
        self.table = np.frombuffer(head, _LINE, self._header.samples, offset=_HEADER.size)
        labels_begin = _HEADER.size + self.table.nbytes
        self.labels = np.frombuffer(head, _LABEL, self._header.labels, labels_begin)
        if self.table["bytes"].sum(dtype=np.uint64) != self._header.payload:
            self.refuse("is damaged: its frames do not add up to its payload")
        if self.table["labels"].sum(dtype=np.uint64) != self._header.labels:
            self.refuse("is damaged: its samples do not add up to its labels")
        if np.any(self.table["tokens"] > MAXIMUM_TOKENS):
            self.refuse(f"is damaged: a sample claims more than {MAXIMUM_TOKENS:,} tokens")

    def _read_head(self) -> bytes:
        size = os.fstat(self._file.fileno()).st_size
        start = self._read(0, min(size, _HEADER.size))
        if not start.startswith(MAGIC):
            self.refuse("is no shard: it does not begin with the magic number")
        if len(start) < _HEADER.size:
            self.refuse(f"is truncated: {size:,} bytes, less than a header")
        self._header = _Header(*_HEADER.unpack(start))
        if self._header.version != VERSION:
            self.refuse(f"is of version {self._header.version} of the format, not {VERSION}")
        if self._header.dtype not in _DTYPES:
            self.refuse(f"is damaged: {self._header.dtype} is the code of no dtype")
        expected = self._header.head_bytes + self._header.payload
        if size != expected:
            self.refuse(f"is truncated or damaged: {size:,} bytes, where its header says {expected:,}")
        return self._read(0, self._header.head_bytes)

    @property
    def dictionary_sha256(self) -> str:
        return self._header.dictionary_sha256.hex()

    @cached_property
    def _frame_offsets(self) -> np.ndarray:
        return self._header.head_bytes + offsets(self.table["bytes"])

    @cached_property
    def _label_offsets(self) -> np.ndarray:
        return offsets(self.table["labels"])

    def sample(self, place: int, decompressor: zstandard.ZstdDecompressor) -> tuple[np.ndarray, np.ndarray]:
        """Token ids (`self.dtype`) and classes (uint16) of a sample; ShardError if its frame is damaged."""
        size, crc, tokens, labels = self.table[place].item()
        frame = self._read(self._frame_offsets.item(place), size)
        content = self._content(place, frame, crc, tokens, decompressor)
        begin = self._label_offsets.item(place)
        return np.frombuffer(content, self.dtype), self.labels[begin : begin + labels]

    def all_tokens(self, decompressor: zstandard.ZstdDecompressor) -> np.ndarray:
        """Token ids of all samples, one after another; ShardError where a frame is damaged."""
        payload = memoryview(self._read(self._header.head_bytes, self._header.payload))
        begins = (self._frame_offsets - self._header.head_bytes).tolist()
        contents = (
            self._content(place, payload[begins[place] : begins[place + 1]], crc, tokens, decompressor)
            for place, (_, crc, tokens, _) in enumerate(self.table.tolist())
        )
        return np.frombuffer(b"".join(contents), self.dtype)

    def verify(self) -> None:
        """Raises ShardError where the payload's hash is not the one in the head."""
        payload = self._read(self._header.head_bytes, self._header.payload)
        if sha256(payload).digest() != self._header.payload_sha256:
            self.refuse("is damaged: the hash of its payload is another than its head says")

    def close(self) -> None:
        self._file.close()

    def refuse(self, what: str) -> NoReturn:
        raise ShardError(f"{self.path} {what}. {CURE}")

    def _content(self, place: int, frame: bytes | memoryview, crc: int, tokens: int, decompressor) -> bytes:
        row = self._header.first_row + place
        if zlib.crc32(frame) != crc:
            self.refuse(f"is damaged in row {row}: the hash of its frame is another than the table says")
        try:
            # A frame states how large its content is, and zstd makes room for as much: look before.
            if zstandard.frame_content_size(frame) != tokens * self.dtype.itemsize:
                self.refuse(f"is damaged in row {row}: its frame is not of the size that the table says")
            return decompressor.decompress(frame)
        except zstandard.ZstdError as error:
            self.refuse(f"is damaged in row {row}: {error}")

    def _read(self, begin: int, size: int) -> bytes:
        data = os.pread(self._file.fileno(), size, begin)
        if len(data) != size:
            self.refuse("was truncated while it was open")
        return data


def offsets(sizes: np.ndarray) -> np.ndarray:
    """Where each of `sizes` begins, and where the last ends: int64, one more than sizes."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
