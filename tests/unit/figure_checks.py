"""What is asked of every figure of a report."""

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

from garner.reports import figures


def words(path: Path) -> str:
    """The texts of an SVG, which matplotlib names in comments beside their outlines."""
    return "\n".join(re.findall("<!-- (.*?) -->", path.read_text(encoding="utf-8"), re.DOTALL))


def drawn_by(monkeypatch, report: Callable[[], None]) -> list[Figure]:
    """The figures that `report` would seal, laid out."""
    drawn: list[Figure] = []
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn.append(figure))
    report()
    for figure in drawn:
        figure.draw_without_rendering()
    return drawn


def texts_cut_off(figure: Figure) -> list[str]:
    return [text.get_text() for text in shown_texts(figure) if not is_inside(text, figure)]


def texts_over_each_other(figure: Figure) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown_texts(figure)]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)]


def shown_texts(figure: Figure) -> list[Text]:
    """All texts but the labels of ticks beyond an axis's ends, which are not drawn."""
    hidden = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        hidden |= {tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high}
    return [
        text for text in figure.findobj(Text) if text.get_text() and text.get_visible() and text not in hidden
    ]


def is_inside(text: Text, figure: Figure) -> bool:
    extent, whole = text.get_window_extent(), figure.bbox
    across = whole.x0 <= extent.x0 and extent.x1 <= whole.x1
    return across and whole.y0 <= extent.y0 and extent.y1 <= whole.y1
