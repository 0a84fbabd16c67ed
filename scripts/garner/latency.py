"""How long a model takes for one answer."""

import time
from collections.abc import Sequence
from statistics import median

import torch

from garner.evaluation import Predict
from garner.logs import log
from garner.models import Model

RUNS = 21


def measure_latency(trained: Model, models: dict[str, Predict], items: Sequence) -> dict:
    """The median time of each of `models` for the item of median size, in milliseconds, as JSON.

    They take turns, so that whatever else the machine does slows all alike. Torch's threads are the caller's.
    """
    samples = sorted((trained.collate([item])[0] for item in items), key=lambda inputs: inputs[0].numel())
    inputs = samples[len(samples) // 2]
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(RUNS):
        for name, predict in models.items():
            begin = time.perf_counter()
            predict(inputs)
            times[name].append(1000 * (time.perf_counter() - begin))
    found = {name: round(median(values), 3) for name, values in times.items()}
    log.info(
        "export: an answer at %d tokens takes %s",
        *(inputs[0].numel(), ", ".join(f"{value:.1f} ms ({name})" for name, value in found.items())),
    )
    return {
        "threads": torch.get_num_threads(),
        "runs": RUNS,
        "tokens": inputs[0].numel(),
        "milliseconds": found,
    }
