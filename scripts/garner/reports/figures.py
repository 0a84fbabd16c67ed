"""What all figures of a report share: their style, their headline, and how they are sealed.

Colours are Paul Tol's "muted" scheme (https://personal.sron.nl/~pault/), which colour-blind readers can tell
apart.
"""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from garner.files import atomic

INDIGO, ROSE, GREY, RED = "#332288", "#CC6677", "#BBBBBB", "#BB0000"
COLOURS = ["#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", ROSE, "#882255", "#AA4499"]
QUIET, PALE = "#555555", "#E5E5E5"
STYLE = {
    "svg.hashsalt": "garner",  # the ids in an SVG are random without it
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
HEADLINE = 0.85  # inches over the axes for the finding and how to read it
OUTSIDE = {"loc": "upper left", "bbox_to_anchor": (1, 1)}  # of a legend: right of the axes


def save(figure: Figure, path: Path) -> None:
    """Seal `figure` as SVG at `path`."""
    with atomic(path) as part, matplotlib.rc_context(STYLE):
        figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})


def headline(figure: Figure, finding: str, reading: str, colour: str = "black") -> None:
    """What was found, in bold, and how to read it, quietly, over the axes."""
    width, height = figure.get_size_inches()
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - HEADLINE / height), w_pad=0.12, h_pad=0.08)
    figure.text(0.15 / width, 1 - 0.35 / height, finding, fontsize=13, fontweight="bold", color=colour)
    figure.text(0.15 / width, 1 - 0.62 / height, reading, fontsize=9.5, color=QUIET)


def percent(share: float) -> str:
    return "<1" if share < 0.005 else f"{share * 100:.0f}"


def counted(number: int, thing: str) -> str:
    """`1 repository`, `2 repositories`."""
    plural = thing[:-1] + "ies" if thing.endswith("y") else thing + "s"
    return f"{number:,} {thing if number == 1 else plural}"
