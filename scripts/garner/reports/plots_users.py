"""The figures of a report on users that show how well the two classes are told apart."""

from itertools import groupby

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from scipy.stats import binomtest

from garner.reports.figures import GREY, INDIGO, OUTSIDE, PALE, QUIET, ROSE, STYLE, counted, headline

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


@matplotlib.rc_context(STYLE)
def by_posts(rows: list[dict]) -> Figure:
    """Accuracy over the number of a user's posts, from `by_posts` of a metrics.json; doubling groups."""
    groups = [list(group) for _, group in groupby(rows, lambda row: row["posts"].bit_length())]
    users, right = (
        np.array([sum(row[key] for row in group) for group in groups]) for key in ("users", "right")
    )
    accuracy = right / users
    low, high = np.array([_likely(k, n) for k, n in zip(right, users, strict=True)]).T
    names = [_span(group[0]["posts"], group[-1]["posts"]) for group in groups]
    figure = Figure(figsize=(8.5, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(
        range(len(groups)),
        accuracy,
        [accuracy - low, high - accuracy],
        color=INDIGO,
        fmt="o",
        markersize=8,
        capsize=4,
    )
    ticks = [f"{name}\n{n:,}" for name, n in zip(names, users, strict=True)]
    axes.set_xticks(range(len(groups)), ticks)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel="posts of a user, and how many users have so many", ylabel="right answers")
    axes.set(xlim=(-0.5, len(groups) - 0.5), ylim=(min(0.5, low.min()) - 0.02, 1.02))
    axes.grid(axis="y", color=PALE)
    ends = [f"{accuracy[i]:.0%} with {names[i]}" for i in sorted({0, len(groups) - 1})]
    headline(
        figure,
        f"Right answers: {', '.join(ends)} {'post' if names[-1] == '1' else 'posts'} of a user",
        f"{counted(int(users.sum()), 'user')} of the test part; where the true share lies, in 19 cases of 20",
    )
    return figure


def _likely(right: int, users: int) -> tuple[float, float]:
    """The 95% interval of the share of right answers, by Wilson's score."""
    interval = binomtest(int(right), int(users)).proportion_ci(method="wilson")
    return interval.low, interval.high


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"
