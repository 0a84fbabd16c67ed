"""The samples that the demo trains on, written and read back by us and by two peers in turn, five times.

`datasets` (Hugging Face) keeps them in uncompressed Arrow files that it maps into memory; `array_record`
(Google) keeps each in a zstd frame of its own at the same level, as our shards do. Bytes: all files of the
folder. Random access: samples a second as numpy arrays, in a seeded random order, one process, files in the
system's cache. Load: all tokens as one array; from `datasets` that is one copy of memory, as nothing is
compressed.
"""

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.harness import ROOT, BenchmarkError, Goal, Measure, alternate, peer_python, run_script
from garner.shards import ShardReader

TITLE = "our shards against Arrow and ArrayRecord"
SHARDS = ROOT / "results" / "languages" / "serialize" / "train"
PEERS = ["datasets", "array_record"]
# A compressed format cannot load faster than a copy of memory, so that no goal is set on it.
MEASURES = [
    ("bytes on disk", "bytes", "MB", Goal("≤", 1.0, of_ratio=True)),
    ("random access", "random", "samples/s", Goal("≥", 1.0, of_ratio=True)),
    ("load", "load", "samples/s", None),
    ("write", "write", "samples/s", None),
]


def measure() -> list[Measure]:
    if not (SHARDS / "index.json").exists():
        raise BenchmarkError(f"{SHARDS} is not there. Run `make demo` first.")
    pythons = {"ours": sys.executable} | dict.fromkeys(PEERS, peer_python())
    with TemporaryDirectory(prefix="garner-bench-") as folder:
        data = Path(folder) / "samples.npz"
        extract(SHARDS, data)
        sides = {
            side: partial(run_script, python, "shards_sides.py", side, str(data), f"{folder}/{side}")
            for side, python in pythons.items()
        }
        values = alternate(sides)
    return [
        Measure(name, unit, values["ours"][key], values[peer][key], peer, goal)
        for name, key, unit, goal in MEASURES
        for peer in PEERS
    ]


def extract(shards: Path, data: Path) -> None:
    """The samples as plain arrays, so that each side begins with the same."""
    with ShardReader(shards) as reader:
        samples = reader.load()
    np.savez(
        data,
        tokens=samples.tokens,
        offsets=samples.offsets,
        labels=samples.labels,
        dictionary=np.frombuffer((shards / "zstd.dict").read_bytes(), np.uint8),
    )
