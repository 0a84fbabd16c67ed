import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garner.splits import split_groups, stratify, uncovered

PARTS = {"train": 0.8, "validation": 0.1, "test": 0.1}
NAMES = st.text("abcdef/-é", min_size=1, max_size=8)
LABELS = st.dictionaries(
    st.sampled_from(["C", "Go", "Lua", "Rust"]), st.integers(1, 200), min_size=1, max_size=3
)


def documents(groups, part_of) -> Counter:
    """(label, part) → documents."""
    count = Counter()
    for group, labels in groups.items():
        for label, number in labels.items():
            count[label, part_of[group]] += number
    return count


def one_label(*sizes: int) -> dict[str, dict[str, int]]:
    return {f"owner/r{number}": {"C": size} for number, size in enumerate(sizes)}


@settings(deadline=None, max_examples=25)
@given(st.dictionaries(NAMES, LABELS, max_size=12), st.randoms(use_true_random=False), st.integers(0, 9))
def test_division_does_not_depend_on_the_order_of_groups_or_labels(groups, randomly, seed):
    shuffled = list(groups.items())
    randomly.shuffle(shuffled)
    shuffled = {group: dict(reversed(labels.items())) for group, labels in shuffled}
    division = split_groups(groups, PARTS, seed)
    assert split_groups(shuffled, dict(reversed(PARTS.items())), seed) == division
    assert division.keys() == groups.keys()
    assert set(division.values()) <= set(PARTS)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 1000), min_size=3, max_size=20), st.integers(0, 9))
def test_label_with_as_many_groups_as_parts_is_in_every_part(sizes, seed):
    groups = one_label(*sizes)
    assert not uncovered(groups, split_groups(groups, PARTS, seed), PARTS)


def test_many_even_groups_get_their_shares():
    groups = {
        f"owner/r{number}": {label: 50}
        for number in range(300)
        for label in ("C", "Lua")
        if number % 3 or label == "C"
    }
    count = documents(groups, split_groups(groups, PARTS, 1))
    for label, total in (("C", 100 * 50), ("Lua", 200 * 50)):
        for part, share in PARTS.items():
            assert count[label, part] == pytest.approx(total * share, rel=0.1)


def test_groups_of_several_labels_are_divided_for_every_label():
    randomly = random.Random(1)
    groups = {
        f"owner/r{number}": {label: randomly.randint(5, 200) for label in randomly.sample("ABCDEFGH", 3)}
        for number in range(120)
    }
    part_of = split_groups(groups, PARTS, 1)
    count = documents(groups, part_of)
    for label in "ABCDEFGH":
        total = sum(count[label, part] for part in PARTS)
        for part, share in PARTS.items():
            assert count[label, part] > 0.7 * share * total
        assert len({group for group in groups if label in groups[group] and part_of[group] == "test"}) >= 2


def test_each_part_gets_two_groups_where_there_are_six():
    part_of = split_groups(one_label(200, 200, 200, 200, 200, 200), PARTS, 1)
    assert Counter(part_of.values()) == {"train": 2, "validation": 2, "test": 2}


def test_no_part_is_starved_where_a_few_groups_hold_nearly_all():
    groups = one_label(200, 200, 200, 200, 2, 1)
    count = documents(groups, split_groups(groups, PARTS, 1))
    assert min(count["C", part] for part in PARTS) >= 80


def test_label_in_too_few_groups_is_named():
    groups = {"a/a": {"C": 9}, "a/b": {"C": 9}, **{f"b/{n}": {"Lua": 9} for n in range(6)}}
    assert uncovered(groups, split_groups(groups, PARTS, 1), PARTS) == {"C"}


def test_another_seed_divides_otherwise():
    groups = one_label(*[20] * 40)
    assert split_groups(groups, PARTS, 1) != split_groups(groups, PARTS, 2)


def test_thousands_of_users_are_divided_by_their_label():
    groups = {
        f"user{number}": {"adult" if number % 4 else "minor": 1 + number % 7} for number in range(4_000)
    }
    count = documents(groups, split_groups(groups, PARTS, 1))
    for label in ("adult", "minor"):
        total = sum(count[label, part] for part in PARTS)
        assert count[label, "test"] == pytest.approx(0.1 * total, rel=0.1)


def test_division_does_not_depend_on_the_hash_seed_of_python():
    script = (
        "from garner.splits import split_groups;"
        "groups = {f'r{n}': {chr(65 + n % 5): n, chr(66 + n % 3): 5} for n in range(40)};"
        "print(sorted(split_groups(groups, {'train': 0.8, 'validation': 0.1, 'test': 0.1}, 1).items()))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "scripts"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def questions(count: int, seed: int) -> dict[str, dict[str, int]]:
    """With up to three of 60 labels each; of the n-th label there are about 1/n as many as of the first."""
    chance = random.Random(seed)
    names = [f"tag{number}" for number in range(60)]
    weights = [1 / (number + 1) for number in range(60)]
    return {
        f"{number}": dict.fromkeys(chance.choices(names, weights, k=chance.randint(0, 3)), 1)
        for number in range(count)
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_part_gets_its_share_of_every_label_also_of_the_rarest(seed):
    groups = questions(3000, seed)
    part_of = stratify(groups, PARTS, seed)
    count = documents(groups, part_of)
    for label in {label for labels in groups.values() for label in labels}:
        total = sum(count[label, part] for part in PARTS)
        for part, share in PARTS.items():
            assert abs(count[label, part] - share * total) <= max(2, 0.05 * total), (label, part)
    sizes = Counter(part_of.values())
    assert all(abs(sizes[part] - share * len(groups)) <= 0.02 * len(groups) for part, share in PARTS.items())


def test_stratification_does_not_depend_on_the_order_of_groups_or_labels():
    groups = questions(300, 1)
    shuffled = {group: dict(reversed(labels.items())) for group, labels in reversed(groups.items())}
    division = stratify(groups, PARTS, 5)
    assert stratify(shuffled, dict(reversed(PARTS.items())), 5) == division
    assert division.keys() == groups.keys()
    assert stratify(groups, PARTS, 6) != division
