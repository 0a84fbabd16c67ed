import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garner.document import Document, read_documents, write_documents
from garner.errors import InputError
from garner.files import read_json, write_json
from garner.pseudonyms import PlainNames, Pseudonyms
from garner.user_sorting import read_ages, sort_users

PARTS = {"train": 0.8, "validation": 0.1, "test": 0.1}
SETTINGS = {
    "name_column": "user.name",
    "age_column": "labeled age",
    "age_cutoff": 21,
    "posts_per_user": None,
    "post_characters": None,
    "parts": PARTS,
}
YOUNG, OLD = "under 21", "21 or over"
NAMING = Pseudonyms("ab" * 32)


class Study:
    """A crawl and a file of labels in a folder, and what sorting them left."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.outputs = {part: folder / f"{part}.parquet" for part in PARTS}
        self.outputs |= {name: folder / f"{name}.json" for name in ("labels", "drops")}
        self.failures = {}
        self.exclude = []

    def crawl(self, posts: dict[str, int], naming=NAMING) -> None:
        """So many posts of each user, as scrape seals them."""
        keys = {naming.user(name): count for name, count in posts.items()}
        write_documents(
            self.folder / "documents.parquet",
            (
                Document(f"{key}:{number}", f"post {number}", (), key, {"user": key, "post_id": str(number)})
                for key, count in sorted(keys.items())
                for number in range(count)
            ),
        )

    def label(self, rows: Iterable[tuple], header: tuple = ("user.name", "labeled age")) -> None:
        lines = [header, *rows]
        text = "".join(",".join(map(str, line)) + "\n" for line in lines)
        (self.folder / "ages.csv").write_text(text, encoding="utf-8")

    def sort(self, seed=1, naming=NAMING, **changed) -> "Study":
        failures = [{"item": naming.user(name), "reason": why} for name, why in self.failures.items()]
        write_json(self.folder / "failures.json", failures)
        sort_users(
            self.folder / "documents.parquet",
            self.folder / "failures.json",
            self.folder / "ages.csv",
            self.outputs,
            SETTINGS | changed,
            seed,
            self.exclude,
            naming,
        )
        return self

    @property
    def parts(self) -> dict[str, list[Document]]:
        return {part: list(read_documents(self.outputs[part])) for part in PARTS}

    @property
    def drops(self) -> dict:
        return read_json(self.outputs["drops"])

    def class_of(self) -> dict[str, str]:
        return {each.group: each.labels[0] for found in self.parts.values() for each in found}


@pytest.fixture
def study(tmp_path) -> Study:
    """40 users with three posts each, half of whom are 17."""
    study = Study(tmp_path)
    study.crawl({f"user{number}": 3 for number in range(40)})
    study.label((f"@User{number}", 17 if number % 2 else 30) for number in range(40))
    return study


def test_the_classes_part_at_the_cutoff_the_younger_one_first(study):
    study.label((f"user{number}", 19.5 + number % 3) for number in range(40))
    study.sort(age_cutoff=21)
    labels = {"labels": [YOUNG, OLD], "left_out": {}, "cutoff": 21, "post_characters": None}
    assert read_json(study.outputs["labels"]) == labels
    assert study.class_of()[NAMING.user("user1")] == YOUNG
    assert study.class_of()[NAMING.user("user2")] == OLD


def test_who_is_as_old_as_the_cutoff_is_of_the_older_class(study):
    study.label((f"user{number}", 21 if number % 2 else 20) for number in range(40))
    assert study.sort().class_of()[NAMING.user("user1")] == OLD


def test_a_users_posts_are_in_one_part_and_stay_together_in_their_order(study):
    parts = study.sort().parts
    groups = [{document.group for document in found} for found in parts.values()]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 40
    for found in parts.values():
        for place in range(0, len(found), 3):
            posts = found[place : place + 3]
            assert [post.text for post in posts] == ["post 0", "post 1", "post 2"]
            assert len({post.group for post in posts}) == 1
            assert posts[0].origin == {"user": posts[0].group, "post_id": "0"}


def test_each_class_is_divided_by_users_however_many_posts_they_have(study):
    study.crawl({f"user{number}": 1 + 50 * (number < 4) for number in range(40)})
    study.sort()
    of_class = {
        label: [
            len({post.group for post in found if post.labels == (label,)}) for found in study.parts.values()
        ]
        for label in (YOUNG, OLD)
    }
    assert of_class == {YOUNG: [16, 2, 2], OLD: [16, 2, 2]}
    assert study.drops["train"] == {YOUNG: 16, OLD: 16}


def test_only_the_newest_posts_are_kept_where_that_is_asked_for(study):
    found = [post for part in study.sort(posts_per_user=2).parts.values() for post in part]
    assert Counter(post.text for post in found) == {"post 0": 40, "post 1": 40}


def test_a_long_post_is_cut_and_the_rest_helps_to_learn_behind_the_beginnings_of_all(study):
    parts = study.sort(post_characters=5).parts
    for part, found in parts.items():
        rest = ["0", "1", "2"] if part == "train" else []
        for place in range(0, len(found), 3 + len(rest)):
            pieces = found[place : place + 3 + len(rest)]
            assert [piece.text for piece in pieces] == ["post "] * 3 + rest
            assert len({piece.group for piece in pieces}) == 1
            assert len({piece.id for piece in pieces}) == len(pieces)
            assert [piece.origin["post_id"] for piece in pieces[3:]] == rest


def test_who_is_left_out_is_listed_with_the_reason_and_never_guessed(study):
    study.failures = {"eve": "no caption", "ivo": "private", "una": "no caption", "user3": "error"}
    study.crawl({f"user{number}": 1 for number in range(45)})
    study.label(
        [(f"user{number}", 17 if number % 2 else 30) for number in range(40)]
        + [("eve", 20), ("ivo", 40), ("zoe", 18)]
    )
    drops = study.sort().drops
    assert drops["users"] == {
        "no label": sorted(NAMING.user(f"user{number}") for number in range(40, 45)),
        "no caption": sorted(map(NAMING.user, ("eve", "una"))),
        "private": [NAMING.user("ivo")],
        "not crawled": [NAMING.user("zoe")],
    }
    assert drops["found"] == 45 == drops["kept"] + sum(drops["drops"].values())
    assert drops["drops"] == {"excluded": 0, "no label": 5}
    assert sum(sum(drops[part].values()) for part in PARTS) == drops["kept"] == 40


def test_excluded_users_disappear_from_every_list(study):
    study.failures = {"eve": "no caption"}
    study.label([(f"user{number}", 17 if number % 2 else 30) for number in range(39)] + [("zoe", 18)])
    study.exclude = ["@USER0", "user39", "eve", "zoe"]
    study.sort()
    assert study.drops["drops"] == {"excluded": 2, "no label": 0}
    assert study.drops["users"] == {"no label": [], "not crawled": []}
    assert NAMING.user("user0") not in study.class_of()


def test_no_name_is_written_and_the_study_may_keep_plain_ones(study):
    study.sort()
    written = b"".join(path.read_bytes() for path in study.outputs.values())
    assert b"user1" not in written.lower()
    study.crawl({f"user{number}": 1 for number in range(40)}, PlainNames())
    assert study.sort(naming=PlainNames()).class_of()["user1"] == YOUNG


def test_columns_may_have_other_names(study):
    study.label(
        ((number, 30 - number % 2 * 15, f"user{number}") for number in range(40)), ("n", "years", "who")
    )
    assert len(study.sort(name_column="who", age_column="years").class_of()) == 40


def test_same_label_twice_is_no_harm(study):
    rows = [(f"user{number}", 17 if number % 2 else 30) for number in range(40)]
    study.label([*rows, ("@USER1", "17.0")])
    assert len(study.sort().class_of()) == 40


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(10, 60), min_size=8, max_size=60).filter(
        lambda ages: all(sum(each) >= 3 for each in ([age < 21 for age in ages], [age >= 21 for age in ages]))
    ),
    st.integers(0, 9),
    st.randoms(use_true_random=False),
)
def test_every_part_holds_both_classes_whatever_the_order_of_the_labels(study, ages, seed, randomly):
    users = {f"u{number}": age for number, age in enumerate(ages)}
    study.crawl(dict.fromkeys(users, 2))
    study.label(users.items())
    one = study.sort(seed).parts
    study.label(randomly.sample([*users.items()], len(users)))
    assert study.sort(seed).parts == one
    assert all({document.labels[0] for document in found} == {YOUNG, OLD} for found in one.values())


@pytest.mark.parametrize("age", ["twenty", "", "nan", "-3", "151", "2_1", "1e2", '"21,5"', "21 years"])
def test_age_that_is_no_number_is_refused_with_row_and_value(study, age):
    study.label([("user0", 20), ("user1", age)])
    words = (
        rf"ages\.csv, row 3: labeled age is '{re.escape(age.strip(chr(34)))}'\. Expected a number of years"
    )
    with pytest.raises(InputError, match=words) as caught:
        study.sort()
    assert "user1" not in str(caught.value)


def test_user_with_two_ages_is_refused_by_the_rows(study):
    study.label([("user0", 20), ("user1", 20), ("@User0", 22)])
    with pytest.raises(InputError, match=r"ages\.csv: rows 2 and 4 give two ages to one user") as caught:
        study.sort()
    assert "ser0" not in str(caught.value)


def test_row_without_a_name_is_refused(study):
    study.label([("user0", 20), (" @", 20)])
    with pytest.raises(InputError, match=r"row 3 has no name"):
        study.sort()


def test_file_without_the_columns_is_refused(study):
    study.label([("user0", 20)], ("name", "labeled age"))
    with pytest.raises(InputError, match=r"ages\.csv has no column 'user\.name'\. Its columns: 'name', "):
        study.sort()
    (study.folder / "ages.csv").unlink()
    with pytest.raises(InputError, match=r"ages\.csv can't be read: No such file"):
        study.sort()


def test_labels_of_nobody_who_was_crawled_are_refused_with_the_likely_cause(study):
    study.label([("zoe", 20), ("yan", 30)])
    with pytest.raises(
        InputError, match=r"none of the 2 users .* among the 40 with posts.*sort\.name_column"
    ):
        study.sort()
    assert not any(path.exists() for path in study.outputs.values())


@pytest.mark.parametrize(
    ("cutoff", "words"),
    [
        (16, r"leaves one class: all 40 labelled users with posts are 16 or over \(17 to 30 years\)"),
        (31, r"leaves one class: all 40 labelled users with posts are under 31 \(17 to 30 years\)"),
    ],
)
def test_cutoff_that_leaves_one_class_is_refused_with_the_range_of_ages(study, cutoff, words):
    with pytest.raises(InputError, match=words):
        study.sort(age_cutoff=cutoff)


def test_class_with_too_few_users_for_the_parts_is_refused(study):
    study.label((f"user{number}", 17 if number < 2 else 30) for number in range(40))
    with pytest.raises(InputError, match=r"2 of the 40 labelled users with posts are under 21, .* 3 parts"):
        study.sort()


def test_posts_of_a_user_that_lie_apart_are_refused(study):
    found = [Document(f"{user}:{n}", "text", (), user) for n, user in enumerate("aba")]
    write_documents(study.folder / "documents.parquet", found)
    with pytest.raises(InputError, match=r"documents\.parquet has the posts of one user in several places"):
        study.sort()


def test_ages_are_read_by_pseudonym(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbf"user.name",x,"labeled age"\r\n"@Ann",1, 20.5 \r\n')
    assert read_ages(tmp_path / "a.csv", SETTINGS, NAMING) == {NAMING.user("ann"): 20.5}
