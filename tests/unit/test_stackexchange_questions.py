import pytest
from stackexchange_study import HOST, posts_xml, row

from garner.errors import ConfigError, MalformedError
from garner.sources.stackexchange_dump import read_questions
from garner.sources.stackexchange_questions import (
    document,
    from_item,
    from_row,
    from_table,
    host_of,
    read_excluded,
    read_reference,
)
from replica import questions


@pytest.mark.parametrize(
    ("site", "host"),
    [
        ("scifi", "scifi.stackexchange.com"),
        ("stackoverflow", "stackoverflow.com"),
        ("es.stackoverflow", "es.stackoverflow.com"),
        ("meta.superuser", "meta.superuser.com"),
        ("meta", "meta.stackexchange.com"),
        ("meta.scifi", "scifi.meta.stackexchange.com"),
        ("mathoverflow.net", "mathoverflow.net"),
        ("meta.mathoverflow.net", "meta.mathoverflow.net"),
    ],
)
def test_host_of_a_site(site, host):
    assert host_of(site) == host


@pytest.mark.parametrize("site", ["", "https://scifi.stackexchange.com", "Sci Fi", "a/b", "a;b"])
def test_what_can_be_no_site_is_refused(site):
    with pytest.raises(ConfigError, match=r"scrape\.site"):
        host_of(site)


@pytest.mark.parametrize(
    "text",
    [
        "123",
        " 123 ",
        "https://scifi.stackexchange.com/questions/123/why-is-it-so",
        "http://scifi.stackexchange.com/q/123/456",
        "https://scifi.stackexchange.com/questions/123?noredirect=1#comment4",
        "scifi.stackexchange.com/questions/123",
    ],
)
def test_reference_to_a_question(text):
    assert read_reference(text, "scifi") == 123


@pytest.mark.parametrize(
    "text",
    [
        "",
        "why",
        "-1",
        "12 13",
        "https://crypto.stackexchange.com/questions/123",
        "https://scifi.stackexchange.com.evil.org/questions/123",
        "https://scifi.stackexchange.com/a/123",
        "https://scifi.stackexchange.com/questions/tagged/star-wars",
    ],
)
def test_what_is_no_reference_to_a_question_of_the_site(text):
    assert read_reference(text, "scifi") is None


def test_excluded_questions_are_known_by_number_and_address():
    assert read_excluded(["7", "https://scifi.stackexchange.com/q/9", "7"], "scifi") == {7, 9}
    with pytest.raises(ConfigError, match=r"exclude names 'seven'.*a question of scifi"):
        read_excluded(["7", "seven"], "scifi")


def test_question_of_a_table_has_no_date_and_no_licence():
    given = {"question_id": 5, "title": " R&D &amp; so\n", "body": "<p>b</p>", "tags": ["x", "a", "x"]}
    made = document(from_table(given, "scifi"), "scifi")
    assert made.text == "R&D &amp; so\n\n<p>b</p>"
    assert made.labels == ("a", "x")
    assert made.origin == {
        "site": "scifi",
        "question_id": "5",
        "link": "https://scifi.stackexchange.com/questions/5",
    }


@pytest.mark.parametrize(
    "title",
    [
        "plain",
        "\"<b>\" & 'so'",
        "&amp; as text, &lt; too",
        "&copy without end",
        "ünï 🐉",
        "two  spaces\nand a line",
    ],
)
def test_title_comes_out_as_it_was_written_from_the_api_and_from_the_dump(title, tmp_path):
    asked = row(5, title=title)
    dump = tmp_path / "Posts.xml"
    dump.write_text(posts_xml([asked]), encoding="utf-8")
    of_api = from_item(questions.item(asked, HOST), "scifi")
    (of_dump,) = read_questions(dump, "scifi")
    assert of_api == of_dump
    assert of_api["title"] == " ".join(title.split())


def test_title_and_body_can_be_told_apart_whatever_they_hold():
    asked = questions.item(row(5, title="a\n\nb", body="\n\n<p>c</p>\n\n<p>d</p>"), HOST)
    title, _, body = document(from_item(asked, "scifi"), "scifi").text.partition("\n\n")
    assert (title, body) == ("a b", "\n\n<p>c</p>\n\n<p>d</p>")


def test_title_escaped_by_number_is_read_too():
    item = questions.item(row(5), HOST) | {"title": "Don&#39;t &#233;touffer &amp;amp; &quot;x&quot;"}
    assert from_item(item, "scifi")["title"] == 'Don\'t étouffer &amp; "x"'


def test_question_without_licence_has_none_in_its_origin():
    item = questions.item(row(5), HOST)
    del item["content_license"]
    assert "licence" not in document(from_item(item, "scifi"), "scifi").origin


def test_half_of_a_surrogate_pair_does_not_reach_a_file():
    item = questions.item(row(5, title="a\ud83d", body="b\udc09"), HOST)
    assert from_item(item, "scifi")["title"] == "a?"
    assert from_item(item, "scifi")["body"] == "b?"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": None}, "no title"),
        ({"body": 7}, "no body"),
        ({"tags": None}, "no tags"),
        ({"tags": [1]}, "tags are no words"),
    ],
)
def test_question_of_another_shape_is_malformed(change, why):
    with pytest.raises(MalformedError, match=why):
        from_item(questions.item(row(5), HOST) | change, "scifi")


def test_row_without_a_date_is_malformed():
    with pytest.raises(MalformedError, match="CreationDate"):
        from_row({"Id": "5", "Title": "a", "Body": "b", "Tags": "<c>", "CreationDate": "soon"}, "scifi")
