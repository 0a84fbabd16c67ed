import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garner.document import Document, read_documents, write_documents
from garner.errors import ConfigError, InputError
from garner.files import read_json
from garner.html_text import LONGEST
from garner.question_sorting import sort_questions

PARTS = {"train": 0.8, "validation": 0.1, "test": 0.1}
SETTINGS = {
    "code_lines": 10,
    "minimum_share": 0.002,
    "minimum_questions": 6,
    "near_duplicates": {"threshold": 0.5, "permutations": 64, "shingle": 5},
    "parts": PARTS,
}


def words(seed: int, count: int = 40) -> str:
    """A text that resembles no other."""
    randomly = random.Random(seed)
    return " ".join(f"w{randomly.randrange(10**6)}" for _ in range(count))


def question(number: int, tags: Iterable[str], body: str | None = None, title: str | None = None) -> Document:
    """As scrape writes it."""
    body = f"<p>{words(number)}</p>" if body is None else body
    title = f"About {number}" if title is None else title
    origin = {"site": "scifi", "question_id": str(number)}
    return Document(f"scifi:{number}", f"{title}\n\n{body}", tuple(sorted(tags)), str(number), origin)


def site(count: int = 120, tags: int = 4) -> list[Document]:
    return [question(number, {f"tag-{number % tags}", f"tag-{number % 3}"}) for number in range(1, count + 1)]


class Sorted:
    """What a run of the stage left."""

    def __init__(self, folder: Path):
        self.outputs = {part: folder / f"{part}.parquet" for part in PARTS}
        self.outputs |= {name: folder / f"{name}.json" for name in ("labels", "drops")}

    @property
    def bytes(self) -> list[bytes]:
        return [path.read_bytes() for path in self.outputs.values()]

    @property
    def documents(self) -> dict:
        """{number: (part, document)}."""
        return {
            int(each.id.partition(":")[2]): (part, each)
            for part in PARTS
            for each in read_documents(self.outputs[part])
        }

    @property
    def labels(self) -> dict:
        return read_json(self.outputs["labels"])

    @property
    def drops(self) -> dict:
        return read_json(self.outputs["drops"])


@pytest.fixture
def sort(tmp_path_factory):
    def sort(found: list[Document], exclude=(), seed=1, site="scifi", **changed) -> Sorted:
        folder = tmp_path_factory.mktemp("sort")
        result = Sorted(folder)
        write_documents(folder / "documents.parquet", found)
        sort_questions(
            folder / "documents.parquet", result.outputs, SETTINGS | changed, seed, list(exclude), site
        )
        return result

    return sort


def test_text_is_title_empty_line_and_plain_body_and_can_be_traced(sort):
    found = site()
    found[6] = question(7, {"tag-1"}, "<p>a <b>b</b>\nc</p><pre>1\n2</pre>", "What is $x < 7$?")
    _, document = sort(found, code_lines=1).documents[7]
    assert document.text == "What is $x < 7$?\n\na b c\n1"
    assert document.labels == ("tag-1",)
    assert document.group == document.id == "scifi:7"
    assert document.origin == {"site": "scifi", "question_id": "7"}


def test_each_part_gets_its_share_of_every_tag(sort):
    documents = sort(site(600)).documents.values()
    count = Counter((part, tag) for part, document in documents for tag in document.labels)
    for tag in ("tag-0", "tag-1", "tag-2", "tag-3"):
        total = sum(count[part, tag] for part in PARTS)
        assert {part: round(count[part, tag] / total, 1) for part in PARTS} == PARTS


def test_rare_tags_are_left_out_with_their_counts_and_questions_without_a_tag_dropped(sort):
    found = site()
    found += [question(number, {"rare", "tag-1"}) for number in range(200, 205)]
    found += [question(number, {"rarer"}) for number in range(210, 214)]
    result = sort(found)
    assert result.labels["labels"] == ["tag-0", "tag-1", "tag-2", "tag-3"]
    assert result.labels["left_out"] == {"rare": 5, "rarer": 4}
    assert result.drops["drops"]["no_tag"] == 4
    assert result.documents[200][1].labels == ("tag-1",)
    assert not result.documents.keys() & set(range(210, 214))


def test_tag_is_kept_from_the_share_on(sort):
    found = site(990) + [question(number, {"tag-0", "edge"}) for number in range(2000, 2010)]
    assert "edge" in sort(found, minimum_share=0.01).labels["labels"]
    assert "edge" not in sort(found[:-1], minimum_share=0.01).labels["labels"]


def test_near_duplicates_count_as_one_towards_the_least_number_of_questions(sort):
    body = words(1, 60)
    copies = [question(number, {"copied", "tag-0"}, f"{body} {number}") for number in range(200, 220)]
    assert sort(site() + copies).labels["left_out"] == {"copied": 20}


def test_of_equal_texts_the_oldest_is_kept_with_its_own_tags(sort):
    again = [
        question(number, {tag}, "<p>the same</p>", "Title")
        for number, tag in ((1000, "tag-0"), (99, "tag-1"), (500, "tag-2"))
    ]
    result = sort([again[0], *site(90), *again[1:]])
    assert result.drops["drops"]["duplicate"] == 2
    assert not result.documents.keys() & {500, 1000}
    assert result.documents[99][1].labels == ("tag-1",)


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 60), min_size=1, max_size=25), st.integers(0, 99))
def test_near_duplicates_never_straddle_not_even_in_a_chain(sort, originals, seed):
    """Each copy differs from the one before it by a few words, so that in the end nothing is left."""
    text = {number: words(number, 60).split() for number in range(1, 61)}
    found = [question(number, {f"tag-{number % 2}"}, " ".join(text[number])) for number in text]
    family = {}
    for number, original in enumerate(originals, start=100):
        text[original] = [*text[original][3:], *words(number, 3).split()]
        found.append(question(number, {"tag-0", "tag-1"}, " ".join(text[original])))
        family[number] = original
    result = sort(found, seed=seed)
    parts, groups = defaultdict(set), defaultdict(set)
    for number, (part, document) in result.documents.items():
        parts[family.get(number, number)].add(part)
        groups[family.get(number, number)].add(document.group)
    assert all(len(each) == 1 for each in [*parts.values(), *groups.values()])
    assert result.drops["near_duplicates"] == len(set(originals)) + len(originals)


def test_questions_in_another_script_are_not_taken_for_near_duplicates(sort):
    letters = "абвгдежзиклмнопрстуфхцчшщэюя"
    randomly = random.Random(1)

    def russian() -> str:
        return " ".join("".join(randomly.choices(letters, k=6)) for _ in range(30))

    found = [question(number, {f"tag-{number % 2}"}, russian(), russian()) for number in range(1, 41)]
    result = sort(found)
    assert result.drops["near_duplicates"] == 0
    assert result.drops["kept"] == 40


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_no_choice_depends_on_the_order_of_the_documents(sort, randomly):
    found = site(80)
    found += [question(number, {"tag-0"}, words(number % 5, 60) + f" {number}") for number in range(200, 220)]
    found += [question(number, {"tag-1"}, "", "equal") for number in range(300, 304)]
    one, other = sort(found), sort(randomly.sample(found, len(found)))
    assert other.documents == one.documents
    assert (other.labels, other.drops) == (one.labels, one.drops)


def test_result_does_not_depend_on_the_hash_seed_of_python(tmp_path):
    write_documents(tmp_path / "documents.parquet", site(60))
    script = (
        "import sys, json; from pathlib import Path; from garner.question_sorting import sort_questions;"
        "documents, outputs, settings = json.loads(sys.argv[1]);"
        "outputs = {name: Path(path) for name, path in outputs.items()};"
        "sort_questions(Path(documents), outputs, settings, 1, [], 'scifi')"
    )
    answers = []
    for seed in ("1", "2"):
        result = Sorted(tmp_path / seed)
        outputs = {name: str(path) for name, path in result.outputs.items()}
        given_ = json.dumps([str(tmp_path / "documents.parquet"), outputs, SETTINGS])
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": "scripts"}
        subprocess.run([sys.executable, "-c", script, given_], env=environment, check=True)
        answers.append(result.bytes)
    assert answers[0] == answers[1]


def test_another_seed_divides_otherwise(sort):
    def parts(seed):
        return {number: part for number, (part, _) in sort(site(), seed=seed).documents.items()}

    assert parts(1) == parts(1) != parts(2)


def test_every_question_is_counted_once(sort):
    found = site(100)
    found += [question(200, {"tag-0"}, " ", ""), question(201, {"tag-0"}, "<p></p>", "")]
    found += [question(number, {"tag-0"}, "", "Same") for number in (210, 211, 212)]
    found += [question(220, {"only-here"}), question(221, set())]
    found += [question(230, {"tag-0"}, "long " * LONGEST)]
    result = sort(found, exclude=["5", "https://scifi.stackexchange.com/questions/6/x"])
    drops = result.drops
    assert drops["drops"] == {"excluded": 2, "empty": 2, "duplicate": 2, "no_tag": 2}
    assert drops["cut"] == 1
    assert drops["found"] == len(found) == drops["kept"] + sum(drops["drops"].values())
    assert Counter(part for part, _ in result.documents.values()) == {part: drops[part] for part in PARTS}
    assert drops["uncovered_tags"] == []


def test_excluded_questions_disappear_and_count_towards_no_tag(sort):
    found = site() + [question(number, {"edge", "tag-0"}) for number in range(200, 206)]
    result = sort(found, exclude=["203"])
    assert 203 not in result.documents
    assert result.labels["left_out"] == {"edge": 5}


def test_exclude_that_names_no_question_is_refused(sort):
    with pytest.raises(ConfigError, match=r"exclude names 'https://crypto.*a question of scifi"):
        sort(site(), exclude=["https://crypto.stackexchange.com/questions/6"])


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("scifi", "https://scifi.stackexchange.com/questions/tagged/{tag}"),
        ("meta.superuser", "https://meta.superuser.com/questions/tagged/{tag}"),
    ],
)
def test_link_leads_to_the_tags_of_the_site(sort, name, link):
    assert sort(site(40), site=name).labels["link"] == link


def test_tags_that_are_all_too_rare_are_refused_with_the_most_frequent_and_nothing_is_written(tmp_path):
    found = [question(number, {f"tag-{number}", "all" if number < 5 else "other"}) for number in range(12)]
    write_documents(tmp_path / "documents.parquet", found)
    result = Sorted(tmp_path)
    with pytest.raises(
        InputError, match=r"1 of the 14 tags .* 12 questions .* other, is in 7\. .*lower sort\.minimum_share"
    ):
        sort_questions(tmp_path / "documents.parquet", result.outputs, SETTINGS, 1, [], "scifi")
    assert not any(path.exists() for path in result.outputs.values())


def test_site_of_which_nothing_is_left_is_refused(sort):
    with pytest.raises(InputError, match=r"0 of the 0 tags .* 0 questions"):
        sort(site(3), exclude=["1", "2", "3"])
