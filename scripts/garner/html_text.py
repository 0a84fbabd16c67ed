"""HTML to plain text, by the parser of libxml2 (lxml), which runs nothing and fetches nothing.

The rules:

1. A block (paragraph, list item, heading, row of a table …) is a line of its own; white space within a line
   becomes one space, and empty lines go.
2. Of a code block (`pre`) the first `code_lines` lines stay; code within a line is text like any other.
3. Block quotes are text like any other, and so is LaTeX, which stays as it was typed: `$\\mathbb{Z}_p$`.
4. Of a link its text stays and its address goes. Of an image its description stays, unless it is the one that
   Stack Exchange puts there by itself.
5. Scripts and style sheets go.
6. The first LONGEST characters of HTML are read: a closing tag without an opening one costs as many steps as
   elements are open, so that time may grow with the square of the length.

The parser gives events and builds no tree, so that nothing is nested too deep.
"""

import re
from collections.abc import Mapping

from lxml import etree
from lxml.html import defs

LONGEST = 100_000  # characters; a site takes 30,000 of a question in Markdown

_CELLS = frozenset(("td", "th"))
_NOT_BLOCKS = _CELLS | {"del", "ins"}
_BLOCKS = (defs.block_tags | {"article", "br", "figure", "section", "summary", "title"}) - _NOT_BLOCKS
_HIDDEN = frozenset(("script", "style"))
_PLACEHOLDER = re.compile(r"(?:enter image description here|alt text)?", re.IGNORECASE)


def to_text(html: str, settings: Mapping) -> str:
    """Plain text of `html`, whole document or piece, by the rules above: lines, none of them empty.

    `settings["code_lines"]` is how many lines of a code block are kept, None for all. Broken markup is read
    as a browser would read it; nothing is raised.
    """
    parser = etree.HTMLParser(target=_Lines(settings["code_lines"]), encoding="utf-8", huge_tree=True)
    # Half a surrogate pair can't be encoded; and an empty text is no document to the parser.
    parser.feed(html[:LONGEST].encode("utf-8", "replace") or b" ")
    return parser.close()


class _Lines:
    """Takes the parser's events; `close` gives the text."""

    def __init__(self, code_lines: int | None):
        self._code_lines = code_lines
        self._lines: list[str] = []
        self._pieces: list[str] = []  # of the line, or the code block, that is being read
        self._within = {"pre": 0, "script": 0, "style": 0}  # elements that are open

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _BLOCKS:
            self._end_line()
        elif tag in _CELLS:
            self._pieces.append(" ")
        elif tag == "img" and not _PLACEHOLDER.fullmatch(attributes.get("alt", "").strip()):
            self.data(f" {attributes['alt']} ")
        if tag in self._within:
            self._within[tag] += 1

    def end(self, tag: str) -> None:
        if tag in self._within:
            self._within[tag] -= 1
        if tag == "pre" and not self._within["pre"]:
            self._end_code()
        elif tag in _BLOCKS:
            self._end_line()

    def data(self, text: str) -> None:
        if not any(self._within[tag] for tag in _HIDDEN):
            self._pieces.append(text)

    def close(self) -> str:
        self._end_line()
        return "\n".join(self._lines)

    def _end_line(self) -> None:
        if self._within["pre"]:  # its lines are counted together
            self._pieces.append("\n")
        elif line := _collapsed(self._taken()):
            self._lines.append(line)

    def _end_code(self) -> None:
        lines = [line for line in map(_collapsed, self._taken().splitlines()) if line]
        self._lines += lines[: self._code_lines]

    def _taken(self) -> str:
        text = "".join(self._pieces)
        self._pieces.clear()
        return text


def _collapsed(text: str) -> str:
    return " ".join(text.split())
