"""What a frozen encoder makes of texts: computed once and kept on disk, so that a kill costs little.

Of the code, only this module, garner.models.encoder and what the two import make kept vectors stale when they
change: an encoder may have worked on them for hours.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from garner.batching import by_length
from garner.errors import Interrupted
from garner.files import atomic, sha256_of
from garner.fingerprint import fingerprint_of_modules
from garner.jobs import stop_requested
from garner.logs import Progress, log
from garner.models.encoder import Encoder
from garner.models.text_rows import pad_texts

PART_SECONDS = 30.0  # of computing in a file: what a kill can cost


class KeptVectors:
    """The encoder's vectors of all texts of some items, `counts` of them each."""

    def __init__(self, vectors: Tensor, counts: Sequence[int]):
        self.vectors = vectors
        self.ends = np.concatenate([[0], np.cumsum(counts)])

    def of(self, numbers: np.ndarray, device: torch.device) -> Tensor:
        """Those of the texts of these items, one after the other, (texts, size)."""
        rows = np.concatenate([np.arange(self.ends[i], self.ends[i + 1]) for i in numbers])
        return self.vectors[torch.from_numpy(rows)].to(device)


def encode(encoder: Encoder, texts: list[np.ndarray], special: dict[str, int]) -> Tensor:
    """The frozen encoder's vector of each text, float32 (texts, size), on the CPU."""
    device = next(encoder.parameters()).device
    encoder.eval()
    inputs = (torch.from_numpy(array).to(device) for array in pad_texts(texts, special))
    with torch.no_grad():
        return encoder(*inputs).cpu()


def key(texts: Sequence[np.ndarray], special: dict[str, int], identity: dict[str, Any]) -> str:
    """A name for the vectors of these texts, by what they are made of.

    `identity` says which encoder it is, how it is set, and what computes it.
    """
    digest = sha256()
    for text in texts:
        digest.update(len(text).to_bytes(8, "little"))
        digest.update(text.astype("<i8").tobytes())
    code = fingerprint_of_modules("garner.encoders.features", "garner.models.encoder")
    return sha256_of(identity | {"texts": digest.hexdigest(), "special": special, "code": code})[:16]


def vectors(
    folder: Path, texts: Sequence[np.ndarray], compute: Callable[[list[np.ndarray]], Tensor]
) -> Tensor:
    """The vector of each text, float32 (texts, size), in their order.

    `compute` makes vectors (texts, size) of some texts. What it made is kept in `folder`, whose name must be
    their `key`, and not computed again. Raises Interrupted when a stop is requested.
    """
    lengths = np.array([len(text) + 1 for text in texts])
    groups = by_length(lengths, np.ones_like(lengths))
    tokens = [int(lengths[group].sum()) for group in groups]
    found = _InOrder(np.concatenate(groups))
    done = 0
    for part, end in _kept(folder):
        found.add(part)
        done = end
    if done:
        log.info("%s of %s tokens were encoded before", f"{sum(tokens[:done]):,}", f"{sum(tokens):,}")
    fresh: list[Tensor] = []
    with Progress(sum(tokens[done:]), "encode the texts", "tokens") as progress:
        written = time.monotonic()
        for number in range(done, len(groups)):
            fresh.append(compute([texts[i] for i in groups[number]]))
            progress.advance(tokens[number])
            stop = stop_requested()
            if stop or number + 1 == len(groups) or time.monotonic() - written >= PART_SECONDS:
                part = torch.cat(fresh)
                _write(folder, number + 1 - len(fresh), number + 1, part)
                found.add(part)
                fresh, written = [], time.monotonic()
            if stop:
                encoded = sum(tokens[: number + 1])
                raise Interrupted(f"stopped on request, with {encoded:,} of {sum(tokens):,} tokens encoded.")
    return found.vectors


class _InOrder:
    """Takes the vectors of the texts `order` one part after another, and holds all of them just once."""

    def __init__(self, order: np.ndarray):
        self._order, self._taken = torch.from_numpy(order), 0
        self.vectors = torch.empty(0)

    def add(self, part: Tensor) -> None:
        if not self._taken:
            self.vectors = torch.empty(len(self._order), part.shape[1])
        places = self._order[self._taken : self._taken + len(part)]
        self.vectors.index_copy_(0, places, part)
        self._taken += len(part)


def keep_only(folder: Path) -> None:
    """Delete the folders beside `folder`: what was kept there is of other texts or another encoder."""
    for other in folder.parent.glob("*"):
        if other != folder:
            shutil.rmtree(other)


def _kept(folder: Path) -> Iterator[tuple[Tensor, int]]:
    """The parts in `folder` that follow on one another from the first group, each with where it ends."""
    done = 0
    for path in sorted(folder.glob("*")):
        first, _, rest = path.name.removesuffix(".safetensors").partition("-")
        end, _, digest = rest.partition("-")
        data = path.read_bytes()
        if path.suffix == ".safetensors" and int(first) == done and digest == _digest(data):
            done = int(end)
            yield load(data)["vectors"], done
        else:
            path.unlink()


def _write(folder: Path, first: int, end: int, vectors: Tensor) -> None:
    data = save({"vectors": vectors})
    with atomic(folder / f"{first:08}-{end:08}-{_digest(data)}.safetensors") as part:
        part.write_bytes(data)


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()[:16]
