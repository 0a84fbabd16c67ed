"""The figures of a report on users that show how well the two classes are told apart."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from garner.figures import GREY, INDIGO, OUTSIDE, PALE, QUIET, ROSE, STYLE, headline

UNSURE = (2, 8)  # the bins of probability between


@matplotlib.rc_context(STYLE)
def roc(encoder: dict, linear: dict, label: str) -> Figure:
    """Both ROC curves, from two metrics.json; `label` is the class whose probability it is."""
    figure = Figure(figsize=(7.5, 5.8), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=":")
    for name, found, colour in (("linear model", linear, GREY), ("encoder", encoder, INDIGO)):
        rates = found["roc"]
        area = f"{name} (area {found['roc_auc']:.3f})"
        axes.plot(rates["false_positive_rate"], rates["true_positive_rate"], color=colour, label=area)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel=f"of the others, taken for {label}", ylabel=f"of those {label}, found", aspect="equal")
    axes.grid(color=PALE)
    axes.legend(**OUTSIDE)
    headline(
        figure,
        f"Of two users, one {label}, that one is told in {encoder['roc_auc']:.1%} of cases",
        "A point a threshold; the dotted line is guessing",
    )
    return figure


@matplotlib.rc_context(STYLE)
def probabilities(encoder: dict, labels: list[str]) -> Figure:
    """How probable the second class is for users of each class, from a metrics.json."""
    bins = encoder["calibration"]["bins"]
    counts = np.array([[row["count"] - row["positives"], row["positives"]] for row in bins])
    edges = np.linspace(0, 1, len(bins) + 1)[:-1]
    width = 1 / len(bins)
    figure = Figure(figsize=(8.5, 4.8), layout="constrained")
    axes = figure.subplots()
    for i, colour in enumerate((ROSE, INDIGO)):
        label = f"{labels[i]} ({counts[:, i].sum():,})"
        axes.bar(
            edges + (0.05 + 0.45 * i) * width,
            counts[:, i],
            0.45 * width,
            align="edge",
            color=colour,
            label=label,
        )
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlim=(0, 1), xticks=np.linspace(0, 1, 11), xlabel=f"probability of {labels[1]}", ylabel="users")
    axes.legend(**OUTSIDE, title="true class (users)")
    sure = 1 - counts[slice(*UNSURE)].sum() / max(counts.sum(), 1)
    headline(
        figure,
        f"{sure:.0%} of the users get a probability below 20% or above 80%",
        "By the exported model, on the test part",
    )
    return figure
