import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garner.html_text import LONGEST, to_text

MARKUP = ["<p>", "</p>", "<pre>", "</pre>", "<code>", "<b>", "</i>", "<script>", "</script>", "<td>", "<br/>"]
MARKUP += [
    "<!--",
    "-->",
    "<img alt='a",
    "'>",
    "<![CDATA[",
    "]]>",
    "&amp",
    "&#xD800;",
    "&#0;",
    "\0",
    "</",
    "<a\n",
]


def text(html: str, code_lines: int | None = None) -> str:
    return to_text(html, {"code_lines": code_lines})


def test_a_block_is_a_line_with_single_spaces():
    html = "<p>one\n  two&nbsp;&amp; three</p>\n\n<ul><li>a<li>b</ul><h2>c</h2>d<br/>e<hr>"
    assert text(html) == "one two & three\na\nb\nc\nd\ne"


def test_cells_of_a_row_are_parted_by_spaces():
    assert text("<table><tr><th>a</th><td>b</td></tr><tr><td>c</table>") == "a b\nc"


def test_words_that_markup_divides_stay_whole():
    assert text("un<b>believ</b>able <ins>new</ins> <del>old</del>") == "unbelievable new old"


def test_code_blocks_keep_their_lines_up_to_the_limit():
    html = "<p>see</p><pre><code>a  = 1\n\n\tb = 2\nc = 3\n</code></pre><p>then</p>"
    assert text(html) == "see\na = 1\nb = 2\nc = 3\nthen"
    assert text(html, 2) == "see\na = 1\nb = 2\nthen"
    assert text(html, 0) == "see\nthen"


def test_the_limit_is_for_each_block_of_code_and_not_for_code_within_a_line():
    html = "<pre>a\nb</pre><pre>c\nd</pre><p>call <code>f(x)</code></p>"
    assert text(html, 1) == "a\nc\ncall f(x)"
    assert text(html, 0) == "call f(x)"


@pytest.mark.parametrize(
    "html", ["<pre>a<br>b<p>c</p></pre>", "<pre><pre>a\n</pre>b\nc</pre>", "<pre>a\nb\nc"]
)
def test_all_lines_of_a_code_block_count_whatever_parts_them(html):
    assert text(html, 2) == "a\nb"
    assert text(html) == "a\nb\nc"


def test_quotes_and_latex_stay_as_they_are():
    html = r"<blockquote><p>They say $\mathbb{Z}_p^* &lt; q$</p></blockquote>$$a_1" + "\n= 2$$"
    assert text(html) == "They say $\\mathbb{Z}_p^* < q$\n$$a_1 = 2$$"


def test_links_keep_their_text_and_images_their_description():
    html = '<a href="https://a.b/c" title="t">the docs</a><img src="x.png" alt="a blue box">end'
    assert text(html) == "the docs a blue box end"


@pytest.mark.parametrize("alt", ["", "enter image description here", "Alt text"])
def test_description_that_the_site_puts_there_is_dropped(alt):
    assert text(f'a<img alt="{alt}">b<img>') == "ab"


def test_scripts_styles_and_comments_are_dropped():
    html = "a<script>if (1 < 2) x = '<b>';</script><style>p { color: red }</style><!-- c -->b<?php d ?>"
    assert text(html) == "ab"


def test_text_in_the_place_of_markup_is_read_as_text():
    assert text("if a < b && c > d then R&D &unknown; 3 <4") == "if a < b && c > d then R&D &unknown; 3 <4"


def test_declared_encodings_change_nothing():
    assert text('<meta charset="utf-16"><p>é 🐉</p>') == "é 🐉"


@pytest.mark.parametrize("html", ["", " \n", "&nbsp;", "<p></p>", "<!---->"])
def test_nothing_is_no_text(html):
    assert text(html) == ""


def test_ten_megabytes_are_cut_to_what_is_read():
    assert len(text("<p>word</p>" * 1_000_000)) < LONGEST
    assert text("word " * 2_000_000).startswith("word word")
    assert text('<a href="' + "x" * 10_000_000 + '">y</a>') == ""


@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "pre", "svg"])
def test_depth_of_nesting_is_no_matter(tag):
    closing = "".join(f"</{name.strip('<')}>" for name in reversed(tag.split(">")))
    assert text(f"<{tag}>" * 10_000 + "deep" + closing * 10_000).replace("\n", "")[:4] == "deep"


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(MARKUP),
            st.text(max_size=8),
            st.just("\ud83d"),
        ),
        max_size=30,
    ),
    st.sampled_from([None, 0, 1, 10]),
)
def test_any_markup_gives_lines_without_empty_ones_or_double_spaces(pieces, code_lines):
    found = text("".join(pieces), code_lines)
    found.encode()
    assert all(line and line == " ".join(line.split()) for line in found.split("\n") if found)
    assert text("".join(pieces), code_lines) == found
