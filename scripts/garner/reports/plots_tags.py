"""The figure of a report on questions that shows how F1 depends on a tag's frequency."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from garner.reports.figures import INDIGO, OUTSIDE, PALE, ROSE, STYLE, counted, headline

GROUPS = 4  # of tags, by their frequency


@matplotlib.rc_context(STYLE)
def f1_by_frequency(frequency: Sequence[int], encoder: Sequence[float], linear: Sequence[float]) -> Figure:
    """F1 on the test part over the number of training questions, a value a tag; both models."""
    order = np.argsort(frequency, kind="stable")
    groups = [group for group in np.array_split(order, GROUPS) if len(group)]
    frequency, encoder, linear = (np.array(values, float) for values in (frequency, encoder, linear))
    figure = Figure(figsize=(9.5, 5.5), layout="constrained")
    axes = figure.subplots()
    means = {}
    for name, values, colour, marker in (
        ("linear model", linear, ROSE, "s"),
        ("encoder", encoder, INDIGO, "o"),
    ):
        means[name] = [values[group].mean() for group in groups]
        axes.scatter(frequency, values, s=14, color=colour, marker=marker, alpha=0.5, linewidths=0)
        centres = [np.exp(np.log(frequency[group]).mean()) for group in groups]
        axes.plot(centres, means[name], color=colour, marker=marker, markersize=8, label=name)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(
        xlabel="training questions with the tag (log scale)",
        ylabel="F1 of the tag, test part",
        ylim=(-0.03, 1.03),
    )
    axes.grid(axis="y", color=PALE)
    axes.legend(**OUTSIDE)
    rarest, frequent = (f"{means['encoder'][i]:.0%} ({means['linear model'][i]:.0%})" for i in (0, -1))
    headline(
        figure,
        f"Mean F1 (linear model): rarest tags {rarest}, most frequent {frequent}",
        f"Small marks: {counted(len(order), 'tag')} of the test part; large: means of a quarter of them",
    )
    return figure
