"""Learning rates over a stage of training: up along a line, then down to zero."""

import math


def share_of_rate(done: float, warm_up: float, decay: str) -> float:
    """The share of the highest rate for the step at which the share `done` of the stage is done.

    It rises over the first `warm_up` of the stage, then falls along a line ("linear") or half a cosine
    ("cosine").
    """
    if done < warm_up:
        return done / warm_up
    left = (1 - done) / (1 - warm_up)
    return left if decay == "linear" else (1 - math.cos(math.pi * left)) / 2
