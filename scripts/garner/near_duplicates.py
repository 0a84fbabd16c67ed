"""Near-duplicates: MinHash over shingles of words, and locality-sensitive hashing to find the pairs.

A. Z. Broder, "On the resemblance and containment of documents" (1997); the banding follows chapter 3 of
Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets". Hashes are our own arithmetic over CRC-32,
so that signatures are the same on every machine. 64 permutations estimate a resemblance of 0.85 within
0.045 (one standard deviation).
"""

import hashlib
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

CODE_TOKEN = re.compile(rb"\w+")
WORD = re.compile(rb"[\w\x80-\xff]+")  # of text in any script
_COLUMNS = 1024  # shingles hashed at once, so that a huge file takes no more memory than a small one
MISSED = 0.001  # share of pairs just at the threshold that banding may miss


class MinHash:
    """`signature(text)`: for each of `permutations` hash functions the minimum over the text's shingles.

    A shingle is `shingle` consecutive tokens (words and numbers; punctuation and white space do not count).
    `token` is what matches one in UTF-8. The share of places in which two signatures agree estimates the
    Jaccard resemblance of their shingles.
    """

    def __init__(self, permutations: int, shingle: int, token: re.Pattern[bytes] = CODE_TOKEN):
        self._token = token
        numbers = _random_numbers(2 * permutations + shingle) | np.uint32(1)
        self._factor = numbers[:permutations, None]
        self._offset = numbers[permutations : 2 * permutations, None]
        self._position = numbers[2 * permutations :]

    def signature(self, text: str) -> np.ndarray:
        """uint32 array (permutations,)."""
        tokens = self._token.findall(text.encode())
        hashes = self._shingles(np.fromiter(map(zlib.crc32, tokens), np.uint32, len(tokens)))
        minima = [
            (hashes[start : start + _COLUMNS] * self._factor + self._offset).min(axis=1)
            for start in range(0, len(hashes), _COLUMNS)
        ]
        return np.minimum.reduce(minima)

    def _shingles(self, tokens: np.ndarray) -> np.ndarray:
        """Mix each run of tokens into one uint32; a text shorter than a shingle is a shingle by itself."""
        width = len(self._position)
        if len(tokens) < width:
            tokens = np.pad(tokens, (0, width - len(tokens)))
        count = len(tokens) - width + 1
        mixed = np.zeros(count, np.uint32)
        for place, factor in enumerate(self._position):
            mixed += tokens[place : place + count] * factor
        mixed ^= mixed >> np.uint32(15)  # CRC and sums are linear: mix, or near shingles get near hashes
        mixed *= np.uint32(0x2C1B3C6D)
        mixed ^= mixed >> np.uint32(13)
        return mixed


def originals(signatures: np.ndarray, threshold: float) -> np.ndarray:
    """For each text the one that it repeats, itself where it repeats none: int64 array (n,).

    `signatures` is a uint32 array (n, permutations) in order of preference. A text is kept (it is its own
    original) if no kept text before it resembles it by `threshold` or more. So no two kept texts resemble one
    another, and every other text resembles its original.
    """
    count, permutations = signatures.shape
    result = np.arange(count)
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    keys, shared = _bands(signatures, rows_in_band(permutations, threshold))
    for text in np.flatnonzero(shared.any(axis=1)):
        own = [(band, int(keys[text, band])) for band in np.flatnonzero(shared[text])]
        candidates = sorted({other for bucket in own for other in buckets[bucket]})
        agreement = (signatures[candidates] == signatures[text]).mean(axis=1) if candidates else np.empty(0)
        if (agreement >= threshold).any():
            result[text] = candidates[int(agreement.argmax())]
        else:
            for bucket in own:
                buckets[bucket].append(int(text))
    return result


def families(signatures: np.ndarray, threshold: float) -> np.ndarray:
    """For each text the first one of its family: int64 array (n,).

    `signatures` is a uint32 array (n, permutations). Two texts that resemble one another by `threshold` or
    more are of one family, and so are two that a chain of such pairs connects.
    """
    first = np.arange(len(signatures))
    keys, shared = _bands(signatures, rows_in_band(signatures.shape[1], threshold))
    for band in range(keys.shape[1]):
        texts = np.flatnonzero(shared[:, band])
        texts = texts[np.argsort(keys[texts, band], kind="stable")]
        ends = np.flatnonzero(np.diff(keys[texts, band])) + 1
        for bucket in np.split(texts, ends) if len(texts) else ():
            for text, other in _resembling(bucket, signatures, threshold):
                one, two = sorted((_root(first, text), _root(first, other)))
                first[two] = one
    return np.array([_root(first, text) for text in range(len(first))], dtype=np.int64)


def _resembling(bucket: np.ndarray, signatures: np.ndarray, threshold: float) -> Iterator[tuple[int, int]]:
    """Pairs that resemble one another, as many as connect all in `bucket` that belong together.

    What one text has reached is not looked for by another, so that a thousand copies take a thousand
    comparisons and not a million.
    """
    left = bucket
    reached: list[int] = []
    while len(left):
        if reached:
            text = reached.pop()
        else:
            text, left = int(left[0]), left[1:]
        near = (signatures[left] == signatures[text]).mean(axis=1) >= threshold
        for other in left[near]:
            yield text, int(other)
            reached.append(int(other))
        left = left[~near]


def _root(first: np.ndarray, text: int) -> int:
    while first[text] != text:
        first[text] = first[first[text]]
        text = int(first[text])
    return text


def rows_in_band(permutations: int, threshold: float) -> int:
    """The most rows a band for which pairs at the threshold are missed with a probability of at most 0.1 %.

    Two texts become candidates if they agree in all rows of any band: more rows mean fewer candidates to
    compare and more pairs missed.
    """
    rows = 1
    while (1 - threshold ** (rows + 1)) ** (permutations // (rows + 1)) <= MISSED and rows < permutations:
        rows += 1
    return rows


def _bands(signatures: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Each text's key in each band (uint32) and whether another text has it too (bool): (n, bands)."""
    bands = signatures.shape[1] // rows
    factors = _random_numbers(rows) | np.uint32(1)
    keys = np.empty((len(signatures), bands), np.uint32)
    shared = np.empty(keys.shape, bool)
    for band in range(bands):
        keys[:, band] = (signatures[:, band * rows : (band + 1) * rows] * factors).sum(
            axis=1, dtype=np.uint32
        )
        _, place, times = np.unique(keys[:, band], return_inverse=True, return_counts=True)
        shared[:, band] = times[place] > 1
    return keys, shared


def _random_numbers(count: int) -> np.ndarray:
    """uint32 array (count,), the same everywhere: numpy's generators may change between versions."""
    digests = b"".join(hashlib.blake2b(b"%d" % number, digest_size=4).digest() for number in range(count))
    return np.frombuffer(digests, "<u4").astype(np.uint32)
