from collections import Counter

import numpy as np
import pytest

from garner.balancing import File, Tally, choose, shortages
from garner.errors import InputError

SETTINGS = {
    "languages": {"C": [".c"], "Go": [".go"], "Lua": [".lua"]},
    "files_per_language": 100,
    "files_per_repository": 20,
    "balance_ratio": 4.0,
    "minimum_repositories": 6,
    "minimum_files": 20,
    "parts": {"train": 0.8, "validation": 0.1, "test": 0.1},
}


def files(**repositories: list[int]) -> list[File]:
    """The files of {language: number of files by repository}."""
    made = []
    for language, sizes in repositories.items():
        for number, size in enumerate(sizes):
            for file in range(size):
                name = f"{language}{number}"
                made.append(File(len(made), name, language, bytes([number, file]), b"", np.empty(0)))
    return made


def test_repository_gives_no_more_files_of_a_language_than_its_cap():
    tally = Tally()
    chosen, _ = choose(files(C=[90] + [5] * 9, Go=[5] * 10), SETTINGS, 1, tally)
    assert tally.drops["C"]["repository_cap"] == 70
    assert max(Counter((file.repository, file.language) for file in chosen).values()) <= 20


def test_repository_lies_wholly_in_one_part():
    chosen, _ = choose(files(C=[9] * 12, Go=[7] * 9, Lua=[5] * 8), SETTINGS, 1, Tally())
    parts = Counter(repository for repository, _ in {(file.repository, file.part) for file in chosen})
    assert set(parts.values()) == {1}


def test_validation_and_test_hold_equally_many_files_of_every_language():
    chosen, _ = choose(files(C=[20] * 20, Go=[10] * 10, Lua=[4] * 8), SETTINGS, 1, Tally())
    count = Counter((file.part, file.language) for file in chosen)
    for part in ("validation", "test"):
        assert len({count[part, language] for language in SETTINGS["languages"]}) == 1
        assert count[part, "Lua"] >= 3


def test_language_with_files_enough_gets_exactly_its_quota():
    chosen, _ = choose(files(C=[20] * 20, Go=[20] * 20), SETTINGS, 1, Tally())
    count = Counter((file.language, file.part) for file in chosen)
    expected = {"train": 80, "validation": 10, "test": 10}
    assert count == {(language, part): n for language in ("C", "Go") for part, n in expected.items()}


def test_training_part_is_no_more_uneven_than_the_ratio_allows():
    many, few = [20] * 20, [4] * 6
    for ratio in (1.0, 2.0):
        chosen, _ = choose(files(C=many, Lua=few), SETTINGS | {"balance_ratio": ratio}, 1, Tally())
        count = Counter(file.language for file in chosen if file.part == "train")
        assert count["C"] == ratio * count["Lua"]


def test_files_are_taken_evenly_from_the_repositories():
    settings = SETTINGS | {"files_per_language": 40}
    chosen, _ = choose(files(C=[20] * 12, Go=[20] * 12), settings, 1, Tally())
    per_repository = Counter(file.repository for file in chosen if file.part == "train")
    assert max(per_repository.values()) - min(per_repository.values()) <= 1


def test_language_below_a_minimum_is_left_out_with_the_setting_to_lower():
    tally = Tally()
    found = files(C=[9] * 9, Go=[9] * 9, Lua=[9] * 5)
    chosen, left_out = choose(found, SETTINGS, 1, tally)
    assert {file.language for file in chosen} == {"C", "Go"}
    assert "5 repositories and needs 6" in left_out["Lua"]
    assert "sort.minimum_repositories" in left_out["Lua"]
    assert tally.drops["Lua"]["left_out"] == 45

    _, left_out = choose(files(C=[9] * 9, Go=[9] * 9, Lua=[2] * 6), SETTINGS, 1, Tally())
    assert "12 clean files and needs 20" in left_out["Lua"]
    assert "sort.minimum_files" in left_out["Lua"]

    _, left_out = choose(files(C=[9] * 9, Go=[9] * 9), SETTINGS, 1, Tally())
    assert "no clean file" in left_out["Lua"]


def test_language_that_cannot_be_in_every_part_is_left_out():
    settings = SETTINGS | {"minimum_repositories": 1}
    chosen, left_out = choose(files(C=[9] * 9, Go=[9] * 9, Lua=[20, 20]), settings, 1, Tally())
    assert "could not be divided" in left_out["Lua"]
    assert {file.language for file in chosen} == {"C", "Go"}


def test_fewer_than_two_languages_are_refused_with_the_reasons():
    with pytest.raises(
        InputError, match=r"fewer than two languages.*Go: no clean file.*Lua: it has clean files in 2"
    ):
        choose(files(C=[9] * 9, Lua=[9, 9]), SETTINGS, 1, Tally())
    with pytest.raises(InputError, match="fewer than two languages"):
        choose([], SETTINGS, 1, Tally())


def test_every_file_is_chosen_or_counted_as_dropped():
    tally = Tally()
    found = files(C=[30] * 20, Go=[10] * 10, Lua=[4] * 5)
    chosen, _ = choose(found, SETTINGS, 1, tally)
    kept, all_of_it = (Counter(file.language for file in group) for group in (chosen, found))
    for language in SETTINGS["languages"]:
        assert kept[language] + sum(tally.drops[language].values()) == all_of_it[language]


def test_short_languages_are_named_with_the_setting_that_helps():
    def advice(settings=SETTINGS, **repositories):
        tally = Tally()
        chosen, _ = choose(files(**repositories), settings, 1, tally)
        return {each["language"]: each for each in shortages(tally, chosen, settings)}

    enough = [20] * 10
    assert "C" not in advice(C=enough, Go=enough)
    go = advice(C=enough, Go=[5] * 10)["Go"]
    assert (go["kept"], go["wanted"]) == (50, 100)
    assert "clone.oversampling" in go["advice"]
    assert "sort.files_per_repository" in advice(C=enough, Go=[200, 20, 5, 5, 5, 5, 5])["Go"]["advice"]
    assert (
        "sort.balance_ratio"
        in advice(C=[20] * 20, Go=[5] * 6, settings=SETTINGS | {"balance_ratio": 1.0})["C"]["advice"]
    )
    assert "labels.json" in advice(C=enough, Go=enough, Lua=[5])["Lua"]["advice"]
