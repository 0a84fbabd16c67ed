"""Files of questions, read and answered."""

import csv
from types import SimpleNamespace

import pytest
import questions_csv

from garner.errors import InputError


def read(tmp_path, content: str | bytes):
    path = tmp_path / "questions.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return questions_csv.read(path)


def test_title_and_body_are_put_together_as_the_classifier_learnt_them(tmp_path):
    assert read(tmp_path, "body,title,id\nb,t,q7\n") == [("q7", "t\n\nb")]


def test_text_is_taken_as_it_is_and_rows_without_an_id_are_numbered(tmp_path):
    assert read(tmp_path, 'text\n"a\n\nb"\nc\n') == [("1", "a\n\nb"), ("2", "c")]


def test_byte_order_mark_of_a_spreadsheet_is_no_part_of_a_name(tmp_path):
    assert read(tmp_path, b"\xef\xbb\xbftext\r\na\r\n") == [("1", "a")]


def test_row_that_is_cut_short_is_read_as_empty_where_it_ends(tmp_path):
    assert read(tmp_path, "title,body\nt\n") == [("1", "t\n\n")]


def test_very_long_question_is_cut(tmp_path):
    ((_, text),) = read(tmp_path, "text\n" + "x" * 1_000_000)
    assert len(text) == questions_csv.LONGEST


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,words\na,b\n", "the file's columns are name, words. Expected title and body, or text"),
        ("title\na\n", "the file's columns are title. Expected title and body, or text"),
        ("", "the file's columns are none"),
        ("text\n", "holds no question below its first line"),
        ("text\na\n" + "b\n" * questions_csv.ROWS, "more than 1,000 questions. Divide it."),
        ("text\n\xe9".encode("latin-1"), "not in UTF-8"),
        ('text\n"a', "the file is no CSV"),
        ("text\na\0b\n", None),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, content, said):
    if said is None:
        assert read(tmp_path, content)[0][1].startswith("a")
        return
    with pytest.raises(InputError) as error:
        read(tmp_path, content)
    assert said in str(error.value)


def test_answers_stand_in_the_order_of_the_questions_best_tag_first(tmp_path):
    answers = [
        SimpleNamespace(probabilities=(0.25, 0.75), tags=("b",), note=""),
        SimpleNamespace(probabilities=(0.0, 0.0), tags=(), note="empty"),
    ]
    questions_csv.write(tmp_path / "tags.csv", ["q1", "=1+1"], answers, ("a", "b"))
    with open(tmp_path / "tags.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["id"], first["tags"], first["tag_1"], first["probability_1"]) == ("q1", "b", "b", "0.7500")
    assert (first["tag_2"], first["tag_3"], first["note"]) == ("a", "", "")
    # Not the formula that a spreadsheet would take the id for.
    assert (second["id"], second["tags"], second["tag_1"], second["note"]) == ("'=1+1", "", "", "empty")
