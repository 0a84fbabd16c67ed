"""The report's figures: the title says what was found, the numbers stand where they belong.

Every function takes plain values and gives a matplotlib Figure; `save` writes it as SVG, always the same
bytes. Colours are Paul Tol's "muted" scheme (https://personal.sron.nl/~pault/), which colour-blind readers
can tell apart.
"""

from collections.abc import Sequence
from itertools import accumulate, groupby
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from garner.files import atomic

INDIGO, GREY = "#332288", "#BBBBBB"
COLOURS = ["#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499"]
DARK = {INDIGO, "#117733", "#882255", "#AA4499"}  # text on these is white
QUIET = "#555555"
STYLE = {
    "svg.hashsalt": "garner",  # the ids in an SVG are random without it
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
HEADLINE = 0.85  # inches over the axes for the finding and how to read it
OUTSIDE = {"loc": "upper left", "bbox_to_anchor": (1, 1)}  # of a legend: right of the axes
OTHER = "other reasons"


def save(figure: Figure, path: Path) -> None:
    """Seal `figure` as SVG at `path`."""
    with atomic(path) as part, matplotlib.rc_context(STYLE):
        figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})


@matplotlib.rc_context(STYLE)
def confusion(metrics: dict, repositories: int) -> Figure:
    """How often each true class was taken for which, from a metrics.json over files of `repositories`."""
    labels = metrics["confusion"]["labels"]
    counts = np.array(metrics["confusion"]["counts"])
    used = [i for i in range(counts.shape[1]) if i < len(labels) or counts[:, i].any()]
    counts, columns = counts[:, used], [metrics["confusion"]["columns"][i] for i in used]
    support = counts.sum(axis=1)
    shares = counts / np.maximum(support, 1)[:, None]
    figure = Figure(
        figsize=(max(7.5, 3 + 0.6 * len(columns)), 2.4 + 0.45 * len(labels)), layout="constrained"
    )
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = shares[row, column]
        colour = "white" if share > 0.55 else "black"
        axes.text(column, row, _percent(share), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(columns)), columns, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(
        range(len(labels)), [f"{label} ({count:,})" for label, count in zip(labels, support, strict=True)]
    )
    axes.set_xticks(np.arange(0.5, len(columns)), minor=True)
    axes.set_yticks(np.arange(0.5, len(labels)), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="answer", ylabel="true language (files)")
    _headline(
        figure,
        f"Balanced accuracy {metrics['balanced_accuracy']:.1%} on {_count(repositories, 'repository')} "
        "never trained on",
        f"Answers to {_count(metrics['samples'], 'file')}, in % of the row; an empty cell is 0. "
        + _worst(shares, labels, columns),
    )
    return figure


@matplotlib.rc_context(STYLE)
def learning_curves(losses: dict[str, Sequence[float]], scores: Sequence[float]) -> Figure:
    """The losses by name, and the balanced accuracy on the validation part, a value an epoch."""
    epochs = np.arange(1, len(scores) + 1)
    best = int(np.argmax(scores))  # the first of equals, as training keeps it
    figure = Figure(figsize=(8.5, 6.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    _draw_losses(above, epochs, losses)
    below.plot(epochs, scores, color=INDIGO, marker="o", markersize=3)
    for axes in (above, below):
        axes.axvline(best + 1, color=QUIET, linewidth=1, linestyle=":")
        axes.grid(axis="y", color="#E5E5E5")
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
    below.set(xlabel="epoch", ylabel="balanced accuracy,\nvalidation part")
    _headline(
        figure,
        f"Best after epoch {best + 1} of {len(scores)}: {scores[best]:.1%} balanced accuracy in validation",
        "The weights of that epoch are exported; losses are means over the epoch's texts",
    )
    return figure


@matplotlib.rc_context(STYLE)
def files(languages: dict[str, dict], reasons: Sequence[str]) -> Figure:
    """What became of the files found, by language, from drops.json; `reasons` in the order of their check."""
    found = {name: entry["found"] for name, entry in languages.items()}
    shown = [name for name in sorted(found, key=lambda name: (-found[name], name)) if found[name]]
    parts = _parts(languages, reasons)
    figure = Figure(figsize=(10.5, max(4.5, 2.6 + 0.42 * len(shown))), layout="constrained")
    axes = figure.subplots()
    _draw_bars(axes, parts, {name: found[name] for name in shown})
    axes.set_yticks(range(len(shown)), [f"{name} ({found[name]:,})" for name in shown])
    axes.set(xlim=(0, 1), ylabel="language (files found)", xlabel="share of the files found")
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.legend(**OUTSIDE, title="kept, and dropped as")
    kept = sum(entry["kept"] for entry in languages.values())
    absent = [name for name in sorted(found) if not found[name]]
    _headline(
        figure,
        f"{kept:,} of {_count(sum(found.values()), 'file')} kept; {_most_drops(parts)}",
        "From right to left what each check dropped, in the order of the checks; at the left what is kept. "
        + (f"None found: {', '.join(absent)}" if absent else ""),
    )
    return figure


@matplotlib.rc_context(STYLE)
def crawl(users: Sequence[dict], kept: Sequence[int]) -> Figure:
    """Repositories found by user, in breadth-first order; `kept`: of each user, those that pass the filters.

    A user is a row of users.parquet: `depth`, `status`, `repositories`.
    """
    figure = Figure(figsize=(8.5, 5), layout="constrained")
    axes = figure.subplots()
    positions = range(len(users) + 1)
    found = list(accumulate((user["repositories"] for user in users), initial=0))
    passed = list(accumulate(kept, initial=0))
    axes.plot(positions, found, color=INDIGO, label=f"found ({found[-1]:,})")
    axes.plot(positions, passed, color="#CC6677", linestyle="--", label=f"pass the filters ({passed[-1]:,})")
    _draw_bands(axes, [user["depth"] for user in users])
    axes.set(
        xlim=(0, max(len(users), 1)),
        ylim=(0, max(found[-1], 1) * 1.08),
        xlabel="users, in breadth-first order",
        ylabel="repositories",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.0f}")
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(**OUTSIDE)
    failed = sum(user["status"] != "ok" for user in users)
    _headline(
        figure,
        f"{_count(found[-1], 'repository')} of {_count(len(users), 'user')}, "
        f"up to {_count(max((user['depth'] for user in users), default=0), 'step')} from the seeds",
        f"Numbers over the bands: steps from the seeds. {_count(failed, 'user')} could not be read",
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


def _parts(languages: dict[str, dict], reasons: Sequence[str]) -> dict[str, dict[str, int]]:
    """Files kept, then dropped, by reason and language, the last check first; rare reasons are lumped."""
    totals = {
        reason: sum(entry["drops"].get(reason, 0) for entry in languages.values()) for reason in reasons
    }
    frequent = sorted(totals, key=lambda reason: -totals[reason])[: len(COLOURS)]
    parts = {"kept": {name: entry["kept"] for name, entry in languages.items()}}
    for reason in reversed(reasons):
        if reason in frequent and totals[reason]:
            parts[reason.replace("_", " ")] = {
                name: entry["drops"].get(reason, 0) for name, entry in languages.items()
            }
    parts[OTHER] = {
        name: entry["found"] - sum(part[name] for part in parts.values()) for name, entry in languages.items()
    }
    return parts


def _draw_bars(axes: Axes, parts: dict[str, dict[str, int]], found: dict[str, int]) -> None:
    """A bar of shares for each language in `found`, with the number of files where a part is wide enough."""
    left = np.zeros(len(found))
    for (name, counts), colour in zip(parts.items(), [INDIGO, *COLOURS[: len(parts) - 2], GREY], strict=True):
        numbers = [counts[language] for language in found]
        shares = np.array(numbers) / np.array(list(found.values()))
        label = f"{name} ({sum(numbers):,})"
        axes.barh(range(len(found)), shares, left=left, color=colour, edgecolor="white", label=label)
        style = {
            "ha": "center",
            "va": "center",
            "fontsize": 8,
            "color": "white" if colour in DARK else "black",
        }
        for row, share in enumerate(shares):
            if share > 0.045:
                axes.text(left[row] + share / 2, row, f"{numbers[row]:,}", **style)
        left += shares


def _draw_bands(axes: Axes, depths: Sequence[int]) -> None:
    """A band and its number for each depth, over the users who have it."""
    place = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "top"}
    begin = 0
    for depth, users in groupby(depths):
        end = begin + len(list(users))
        if depth % 2:
            axes.axvspan(begin, end, color="#F0F0F0", zorder=0)
        axes.text((begin + end) / 2, 1, f"{depth}", **place)
        begin = end


def _worst(shares: np.ndarray, labels: Sequence[str], columns: Sequence[str]) -> str:
    mistakes = shares - np.eye(*shares.shape) * shares
    row, column = np.unravel_index(np.argmax(mistakes), mistakes.shape)
    if not mistakes[row, column]:
        return "No mistakes"
    return f"Most mistaken: {labels[row]} for {columns[column]}, {_percent(mistakes[row, column])}%"


def _most_drops(parts: dict[str, dict[str, int]]) -> str:
    totals = {name: sum(counts.values()) for name, counts in parts.items() if name not in ("kept", OTHER)}
    if not totals:
        return "nothing dropped"
    name = max(totals, key=totals.get)
    return f"most drops: {name} ({totals[name]:,})"


def _headline(figure: Figure, finding: str, reading: str) -> None:
    """What was found, in bold, and how to read it, quietly, over the axes."""
    width, height = figure.get_size_inches()
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - HEADLINE / height), w_pad=0.12, h_pad=0.08)
    figure.text(0.15 / width, 1 - 0.35 / height, finding, fontsize=13, fontweight="bold")
    figure.text(0.15 / width, 1 - 0.62 / height, reading, fontsize=9.5, color=QUIET)


def _percent(share: float) -> str:
    return "<1" if share < 0.005 else f"{share * 100:.0f}"


def _count(number: int, thing: str) -> str:
    """`1 repository`, `2 repositories`."""
    plural = thing[:-1] + "ies" if thing.endswith("y") else thing + "s"
    return f"{number:,} {thing if number == 1 else plural}"
