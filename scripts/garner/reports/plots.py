"""The figures of any report: the title says what was found, the numbers stand where they belong.

Every function takes plain values and gives a matplotlib Figure.
"""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from garner.reports.figures import (
    COLOURS,
    GREY,
    INDIGO,
    OUTSIDE,
    PALE,
    QUIET,
    RED,
    ROSE,
    STYLE,
    counted,
    headline,
)


@matplotlib.rc_context(STYLE)
def learning_curves(losses: dict[str, Sequence[float]], scores: Sequence[float], score: str) -> Figure:
    """The losses by name, and the score of this name on the validation part, a value an epoch."""
    epochs = np.arange(1, len(scores) + 1)
    best = int(np.argmax(scores))  # the first of equals, as training keeps it
    figure = Figure(figsize=(8.5, 6.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    _draw_losses(above, epochs, losses)
    below.plot(epochs, scores, color=INDIGO, marker="o", markersize=3)
    for axes in (above, below):
        axes.axvline(best + 1, color=QUIET, linewidth=1, linestyle=":")
        axes.grid(axis="y", color=PALE)
    side, offset = ("right", -6) if best > len(scores) / 2 else ("left", 6)
    below.annotate(
        f"epoch {best + 1}: {scores[best]:.1%}",
        (best + 1, 0.06),
        xycoords=below.get_xaxis_transform(),
        xytext=(offset, 0),
        textcoords="offset points",
        ha=side,
    )
    below.yaxis.set_major_formatter(PercentFormatter(1))
    below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    below.set(xlabel="epoch", ylabel=f"{score},\nvalidation part")
    headline(
        figure,
        f"Best after epoch {best + 1} of {len(scores)}: {scores[best]:.1%} {score} in validation",
        "The weights of that epoch are exported; losses are means over the epoch's texts",
    )
    return figure


@matplotlib.rc_context(STYLE)
def comparison(measures: dict[str, tuple[float, float]], samples: str) -> Figure:
    """Scores of the encoder and of the linear model by their names; the first name is the one that decides.

    `samples`: how many of what they were measured on.
    """
    figure = Figure(figsize=(8.5, 2.2 + 0.62 * len(measures)), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(measures))
    for offset, name, colour, side in ((-0.19, "encoder", INDIGO, 0), (0.19, "linear model", GREY, 1)):
        values = [pair[side] for pair in measures.values()]
        bars = axes.barh(rows + offset, values, height=0.36, color=colour, label=name)
        axes.bar_label(bars, fmt="{:.1%}", padding=3, fontsize=9)
    axes.set_yticks(rows, measures)
    axes.set(xlim=(0, 1.08), xticks=np.arange(6) / 5)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.tick_params(axis="y", length=0)
    axes.legend(**OUTSIDE)
    lost = sum(linear >= encoder for encoder, linear in measures.values())
    reading = f"The linear model is as good or better in {lost} of {len(measures)} scores" if lost else ""
    colour = "black" if encoder_wins(measures) else RED
    headline(figure, verdict(measures), f"On {samples} never trained on. {reading}", colour)
    return figure


def encoder_wins(measures: dict[str, tuple[float, float]]) -> bool:
    """By the first of the `measures`, as all that follows."""
    encoder, linear = next(iter(measures.values()))
    return encoder > linear


def verdict(measures: dict[str, tuple[float, float]]) -> str:
    """Which model to use, in a sentence."""
    name, (encoder, linear) = next(iter(measures.items()))
    if encoder_wins(measures):
        return f"The encoder beats the linear model: {name} {encoder:.1%} against {linear:.1%}"
    return f"USE THE LINEAR MODEL: {name} {linear:.1%}, the encoder's is {encoder:.1%}"


@matplotlib.rc_context(STYLE)
def calibration(encoder: dict, linear: dict, events: str, first: int = 0) -> Figure:
    """How often what is so probable is true, from the calibration in two metrics.json; `events` names them.

    The headline leaves out the bins before the `first`.
    """
    figure = Figure(figsize=(8.5, 6.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=":")
    for name, found, colour, marker in (
        ("linear model", linear, GREY, "s"),
        ("encoder", encoder, INDIGO, "o"),
    ):
        bins = [row for row in found["bins"] if row["count"]]
        shares = [row["positives"] / row["count"] for row in bins]
        style = {"color": colour, "marker": marker, "markersize": 5}
        above.plot([row["probability"] for row in bins], shares, label=name, **style)
    edges = np.linspace(0, 1, len(encoder["bins"]) + 1)
    counts = [row["count"] for row in encoder["bins"]]
    below.bar(edges[:-1], counts, width=edges[1], align="edge", color=INDIGO, edgecolor="white")
    below.set_yscale("log")
    below.yaxis.set_major_formatter("{x:,.0f}")
    below.yaxis.set_minor_formatter(NullFormatter())
    for axis in (above.xaxis, above.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    above.set(ylabel="share that is true", ylim=(-0.02, 1.02))
    above.legend(**OUTSIDE)
    below.set(xlabel="probability", ylabel="encoder,\nhow many", xlim=(0, 1), ylim=(0.8, 2 * max(*counts, 1)))
    beyond = f" of {edges[first]:.0%} or more" if first else ""
    headline(
        figure,
        f"The encoder's probabilities{beyond} are off by {_distance(encoder['bins'][first:]):.1%} on average",
        f"Of the {events} with about this probability, the share that is true; dotted: as promised",
    )
    return figure


def _distance(bins: list[dict]) -> float:
    """Mean distance of a bin's probability from the share that is true, weighted by how many it holds."""
    distances = [abs(row["probability"] * row["count"] - row["positives"]) for row in bins if row["count"]]
    return sum(distances) / max(sum(row["count"] for row in bins), 1)


@matplotlib.rc_context(STYLE)
def kept(found: int, drops: dict[str, int], parts: dict[str, int], thing: str) -> Figure:
    """What became of the things found: dropped for a reason, or kept in a part."""
    counts = {name.replace("_", " "): number for name, number in drops.items()}
    rows = [(f"{name} part", number, INDIGO) for name, number in parts.items()]
    rows += [(name, number, ROSE) for name, number in counts.items()]
    figure = Figure(figsize=(8.5, 2.2 + 0.34 * len(rows)), layout="constrained")
    axes = figure.subplots()
    names, numbers, colours = zip(*rows, strict=True)
    bars = axes.barh(range(len(rows)), numbers, color=colours)
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.12 * max(*numbers, 1)), xlabel=thing + "s")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(axis="y", length=0)
    most = max(counts, key=counts.get, default=None)
    reason = f"most drops: {most} ({counts[most]:,})" if most and counts[most] else "nothing dropped"
    headline(
        figure,
        f"{sum(parts.values()):,} of {counted(found, thing)} kept; {reason}",
        "Blue: in a part of the split; red: dropped, by reason",
    )
    return figure


def _draw_losses(axes: Axes, epochs: np.ndarray, losses: dict[str, Sequence[float]]) -> None:
    for (name, values), colour in zip(losses.items(), [INDIGO, *COLOURS[1:]], strict=False):
        axes.plot(epochs, values, color=colour, marker="o", markersize=3, label=name)
    drawn = [value for values in losses.values() for value in values if value > 0]
    wide = max(drawn, default=1) > 100 * min(drawn, default=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("training loss (log scale)")
    axes.legend(**OUTSIDE)
