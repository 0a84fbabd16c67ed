"""The figures of a report on source files: the title says what was found, numbers stand where they belong.

Every function takes plain values and gives a matplotlib Figure.
"""

from collections.abc import Sequence
from itertools import accumulate, groupby

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from garner.reports.figures import COLOURS, GREY, INDIGO, OUTSIDE, ROSE, STYLE, counted, headline, percent

DARK = {INDIGO, "#117733", "#882255", "#AA4499"}  # text on these is white
OTHER = "other reasons"


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
        axes.text(column, row, percent(share), ha="center", va="center", color=colour)
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
    headline(
        figure,
        f"Balanced accuracy {metrics['balanced_accuracy']:.1%} on {counted(repositories, 'repository')} "
        "never trained on",
        f"Answers to {counted(metrics['samples'], 'file')}, in % of the row; an empty cell is 0. "
        + _worst(shares, labels, columns),
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
    headline(
        figure,
        f"{kept:,} of {counted(sum(found.values()), 'file')} kept; {_most_drops(parts)}",
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
    axes.plot(positions, passed, color=ROSE, linestyle="--", label=f"pass the filters ({passed[-1]:,})")
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
    headline(
        figure,
        f"{counted(found[-1], 'repository')} of {counted(len(users), 'user')}, "
        f"up to {counted(max((user['depth'] for user in users), default=0), 'step')} from the seeds",
        f"Numbers over the bands: steps from the seeds. {counted(failed, 'user')} could not be read",
    )
    return figure


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
    return f"Most mistaken: {labels[row]} for {columns[column]}, {percent(mistakes[row, column])}%"


def _most_drops(parts: dict[str, dict[str, int]]) -> str:
    totals = {name: sum(counts.values()) for name, counts in parts.items() if name not in ("kept", OTHER)}
    if not totals:
        return "nothing dropped"
    name = max(totals, key=totals.get)
    return f"most drops: {name} ({totals[name]:,})"
