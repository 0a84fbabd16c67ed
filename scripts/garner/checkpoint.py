"""Checkpoints of a training: safetensors files that are whole, of this very training, or not used.

A checkpoint is one file, `<step>-<digest>.safetensors`: tensors, and JSON values in its metadata. The digest
in its name is that of its bytes, so that a damaged one is seen; the last two are kept, so that it can be done
without. No pickle is read or written.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from garner.files import atomic
from garner.logs import log

KEPT = 2


class Checkpoints:
    """Those of one folder. `identity` names what the training depends on, each by a value or hash.

    A checkpoint of another identity is never resumed.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]):
        self.folder = folder
        self.identity = identity

    def save(self, step: int, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Seal a checkpoint, then drop all but the last two. `values` is any JSON."""
        text = json.dumps({"identity": self.identity, "values": values}, sort_keys=True)
        data = save(tensors, {"checkpoint": text})
        with atomic(self.folder / f"{step:010}-{_digest(data)}.safetensors") as part:
            part.write_bytes(data)
        for path in self._paths()[:-KEPT]:
            path.unlink()

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The newest checkpoint that is whole: its tensors and values; None where the training starts anew.

        Says why one that is there is not used, and deletes it.
        """
        for half_written in self.folder.glob("*.part"):
            half_written.unlink()
        paths = self._paths()
        for path in reversed(paths):
            data = path.read_bytes()
            if _digest(data) != path.stem.partition("-")[2]:
                log.warning("%s is damaged.", path)
            else:
                found = json.loads(_metadata(data)["checkpoint"])
                if found["identity"] == self.identity:
                    return load(data), found["values"]
                log.warning("%s is of another training: %s.", path, self._difference(found["identity"]))
            path.unlink()
        if paths:
            log.warning("no checkpoint can be resumed: training starts anew.")
        return None

    def clear(self) -> None:
        for path in self._paths():
            path.unlink()

    def _paths(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.folder.glob("*.safetensors"))

    def _difference(self, found: dict[str, Any]) -> str:
        names = sorted(self.identity.keys() | found.keys())
        return ", ".join(name for name in names if self.identity.get(name) != found.get(name)) + " changed"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _metadata(data: bytes) -> dict[str, str]:
    """The metadata of a safetensors file: JSON behind its length as 8 bytes, little-endian."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length])["__metadata__"]
