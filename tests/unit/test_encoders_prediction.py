"""predictions.csv and metrics.json of the models with an encoder."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_encoder

from garner import Classifier
from garner.csv_rows import as_text
from garner.document import Document, read_documents, write_documents
from garner.errors import InputError
from garner.files import read_json
from garner.prediction import predict_inputs

TEXT = " ".join(["word", *tiny_encoder.words_of("bread")[:8]])
TAG_COLUMNS = ["id", "tags", *(f"{name}_{i}" for i in range(1, 6) for name in ("tag", "probability")), "note"]
USER_COLUMNS = ["Username", "Age is equal to or greater than 21", "probability", "posts", "note"]


def predict(study: Path, inputs: list[Path], folder: Path, *more: str) -> list[dict[str, str]]:
    outputs = {"predictions": folder / "predictions.csv"} | {name: folder / f"{name}.json" for name in more}
    predict_inputs(study / "export", inputs, outputs)
    with open(outputs["predictions"], newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, *rows: list[str]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def test_questions_of_a_parquet_a_csv_and_files_get_the_same_answers(questions, tmp_path):
    documents = list(read_documents(questions / "sort/test.parquet"))[:5]
    write_documents(tmp_path / "some.parquet", documents)
    parts = [document.text.split("\n\n", 1) for document in documents]
    rows = [["id", "title", "body"], *([d.id, *part] for d, part in zip(documents, parts, strict=True))]
    write_csv(tmp_path / "apart.csv", *rows)
    write_csv(tmp_path / "text.csv", ["text"], *([document.text] for document in documents))
    files = [tmp_path / f"{number}.txt" for number in range(5)]
    for file, document in zip(files, documents, strict=True):
        file.write_text(document.text)
    found = {
        name: predict(questions, inputs, tmp_path / name)
        for name, inputs in {
            "parquet": [tmp_path / "some.parquet"],
            "apart": [tmp_path / "apart.csv"],
            "text": [tmp_path / "text.csv"],
            "files": files,
        }.items()
    }
    ids = [document.id for document in documents]
    assert [row["id"] for row in found["parquet"]] == [row["id"] for row in found["apart"]] == ids
    assert [row["id"] for row in found["text"]] == [f"{tmp_path}/text.csv:{row}" for row in range(2, 7)]
    assert [row["id"] for row in found["files"]] == list(map(str, files))
    answers = [[list(row.values())[1:] for row in rows] for rows in found.values()]
    assert all(each == answers[0] for each in answers)


def test_a_body_in_html_is_read_as_the_training_read_it(questions, tmp_path):
    lines = [f"bread {line} &lt;" for line in range(30)]
    html = f"<p>word <b>algae</b></p>\n<pre><code>{chr(10).join(lines)}</code></pre>"
    plain = "\n".join(["word algae", *(line.replace("&lt;", "<") for line in lines[:10])])
    about = "word < 5 and <p>"  # plain text that only speaks of HTML
    rows = [["1", "eagle", html], ["2", "eagle", plain], ["3", "eagle", about]]
    path = write_csv(tmp_path / "q.csv", ["id", "title", "body"], *rows)
    first, second, third = (list(row.values())[1:] for row in predict(questions, [path], tmp_path))
    assert first == second
    (alone,) = predict(questions, [write_csv(tmp_path / "t.csv", ["text"], [f"eagle\n\n{about}"])], tmp_path)
    assert third == list(alone.values())[1:]


def test_the_kind_of_a_file_does_not_depend_on_the_case_of_its_name(questions, tmp_path):
    path = write_csv(tmp_path / "Q.CSV", ["id", "text"], ["7", TEXT], ["8", TEXT])
    assert [row["id"] for row in predict(questions, [path], tmp_path)] == ["7", "8"]


def test_a_row_has_the_tags_and_the_five_most_probable(questions, tmp_path):
    (row,) = predict(questions, [write_csv(tmp_path / "q.csv", ["id", "text"], ["7", TEXT])], tmp_path)
    assert list(row) == TAG_COLUMNS
    classifier = Classifier(questions / "export")
    (answer,) = classifier.predict([TEXT])
    assert (row["id"], row["tags"], row["note"]) == ("7", " ".join(answer.tags), "")
    shares = [float(row[f"probability_{rank}"]) for rank in range(1, 6)]
    assert shares == pytest.approx(sorted(answer.probabilities, reverse=True)[:5], abs=1e-6)
    assert classifier.config.labels[answer.probabilities.index(max(answer.probabilities))] == row["tag_1"]


def test_metrics_are_over_what_the_csv_says(questions, tmp_path):
    rows = predict(questions, [questions / "sort/test.parquet"], tmp_path, "metrics")
    documents = list(read_documents(questions / "sort/test.parquet"))
    metrics = read_json(tmp_path / "metrics.json")
    pairs = [({*row["tags"].split()}, {*d.labels}) for row, d in zip(rows, documents, strict=True)]
    hits = sum(len(found & true) for found, true in pairs)
    assert metrics["micro_f1"] == pytest.approx(2 * hits / sum(len(a) + len(b) for a, b in pairs))
    assert metrics["precision_at"]["1"] == pytest.approx(
        sum(row["tag_1"] in document.labels for row, document in zip(rows, documents, strict=True)) / 60
    )
    assert metrics["samples"] == 60


def test_an_empty_question_is_a_row_without_tags_and_counts_as_missed(questions, tmp_path):
    documents = [Document("a", TEXT, ("bread",)), Document("b", " ", ("cloud",)), Document("c", TEXT)]
    write_documents(tmp_path / "some.parquet", documents)
    rows = predict(questions, [tmp_path / "some.parquet"], tmp_path, "metrics")
    assert (rows[1]["tags"], rows[1]["tag_1"], rows[1]["note"]) == ("", "", "empty")
    metrics = read_json(tmp_path / "metrics.json")
    assert metrics["samples"] == 2
    assert metrics["labels"]["cloud"]["recall"] == 0


def test_a_tag_or_class_that_the_classifier_does_not_know_is_named(questions, users, tmp_path):
    write_documents(tmp_path / "odd.parquet", [Document("the one", TEXT, ("algol",), "someone")])
    with pytest.raises(InputError, match=r"the one.*'algol'"):
        predict(questions, [tmp_path / "odd.parquet"], tmp_path, "metrics")
    with pytest.raises(InputError, match=r"someone.*'algol'"):
        predict(users, [tmp_path / "odd.parquet"], tmp_path, "metrics")
    assert not (tmp_path / "predictions.csv").exists()


def test_a_csv_without_the_columns_names_those_that_it_has(questions, tmp_path):
    path = write_csv(tmp_path / "q.csv", ["id", "question"], ["1", TEXT])
    with pytest.raises(InputError, match=r"no column 'title'.*'question'"):
        predict(questions, [path], tmp_path)


def test_a_user_of_a_parquet_and_of_a_file_get_the_same_answer(users, tmp_path):
    posts: dict[str, list[str]] = {}
    for document in read_documents(users / "sort/test.parquet"):
        posts.setdefault(document.group, []).append(document.text)
    by_document = predict(users, [users / "sort/test.parquet"], tmp_path / "documents")
    files = [
        write_csv(tmp_path / f"@{name}.csv", ["text"], *([text] for text in texts))
        for name, texts in posts.items()
    ]
    assert predict(users, files, tmp_path / "files") == by_document
    assert list(by_document[0]) == USER_COLUMNS
    assert [row["Username"] for row in by_document] == list(posts)
    assert [int(row["posts"]) for row in by_document] == [min(4, len(texts)) for texts in posts.values()]


def test_the_answer_at_the_cutoff_is_true_or_false_and_metrics_are_over_it(users, tmp_path):
    rows = predict(users, [users / "sort/test.parquet"], tmp_path, "metrics")
    label_of = {
        document.group: document.labels[0] for document in read_documents(users / "sort/test.parquet")
    }
    older = {True: "21 or over", False: "under 21"}
    right = [
        older[row["Age is equal to or greater than 21"] == "True"] == label_of[row["Username"]]
        for row in rows
    ]
    metrics = read_json(tmp_path / "metrics.json")
    assert {row["Age is equal to or greater than 21"] for row in rows} == {"True", "False"}
    assert metrics["accuracy"] == pytest.approx(sum(right) / len(rows))
    assert metrics["samples"] == len(rows) == 40
    posts = [int(row["posts"]) for row in rows]
    assert metrics["by_posts"] == [
        {
            "posts": n,
            "users": posts.count(n),
            "right": sum(ok for ok, found in zip(right, posts, strict=True) if found == n),
        }
        for n in (1, 2, 3, 4)
    ]


def test_users_without_posts_and_files_that_cannot_be_read_are_listed_and_not_guessed(users, tmp_path):
    files = [
        write_csv(tmp_path / "@silent.csv", ["text"], [" "], []),
        write_csv(tmp_path / "@odd.csv", ["caption"], ["word"]),
        write_csv(tmp_path / "@fine.csv", ["date", "text"], ["1", "word bread"]),
        tmp_path / "@absent.csv",
    ]
    rows = {row["Username"]: row for row in predict(users, files, tmp_path / "out")}
    assert rows["silent"]["note"] == "no posts"
    assert "no column 'text'" in rows["odd"]["note"]
    assert "unreadable" in rows["absent"]["note"]
    assert (rows["fine"]["posts"], rows["fine"]["note"]) == ("1", "")
    assert all(rows[name]["probability"] == "" for name in ("silent", "odd", "absent"))


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-cmd", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_name_that_a_spreadsheet_would_compute_is_shown_as_text(cell):
    assert as_text(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["12", "-12.5", "name", "a=b", "", "3f-e"])
def test_any_other_name_is_written_as_it_is(cell):
    assert as_text(cell) == cell


def test_the_command_line_prints_the_same_answers(users, questions, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    write_csv(given / "@one.csv", ["text"], [TEXT])
    (tmp_path / "one.txt").write_text(TEXT)
    for study, path, file in ((users, given, given / "@one.csv"), (questions, tmp_path / "one.txt", None)):
        command = [sys.executable, "-m", "garner", "predict", study / "export", path]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        expected = predict(study, [file or path], tmp_path / "out")
        assert list(csv.DictReader(io.StringIO(done.stdout))) == expected
