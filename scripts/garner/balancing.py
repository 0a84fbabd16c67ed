"""Which of the clean files to learn from: capped by repository, divided over parts, balanced over languages.

The rules, in this order:

1. At most `files_per_repository` files of one language from one repository.
2. A language with fewer than `minimum_repositories` repositories or `minimum_files` files is left out.
3. A repository lies wholly in one part (see splits.py).
4. Validation and test hold equally many files of every language: their share of `files_per_language`, or what
   the scarcest language has there. Training is filled up to `files_per_language` in all, with at most
   `balance_ratio` times as many files of a language as of the scarcest one.

Where only some files of a language are taken, they are spread evenly over its repositories.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from garner.errors import InputError
from garner.splits import split_groups, uncovered

TRAIN = "train"


@dataclass(slots=True)
class File:
    """What is known of a clean file when its text is gone: less than a kilobyte."""

    row: int  # its place in the reading order
    repository: str
    language: str
    order: bytes  # seeded hash of its id: the smallest is preferred
    digest: bytes  # of its text, white space apart
    signature: np.ndarray  # MinHash, uint32 (permutations,)
    part: str = ""  # of the split


class Tally:
    """Where every file went: found = dropped (by reason) + kept, for each language; the rest is rejected."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self.drops: dict[str, Counter[str]] = defaultdict(Counter)
        self.rejected: Counter[str] = Counter()

    def keep(self, files: list[File], kept: list[File], reason: str) -> list[File]:
        """Count the `files` that are not `kept` under `reason`; returns `kept`."""
        rows = {file.row for file in kept}
        for file in files:
            if file.row not in rows:
                self.drops[file.language][reason] += 1
        return kept


def choose(files: list[File], settings: dict, seed: int, tally: Tally) -> tuple[list[File], dict[str, str]]:
    """The files to learn from, each with its part, and the languages left out with the reason.

    Raises InputError if fewer than two languages are left.
    """
    files = tally.keep(files, _capped(files, settings["files_per_repository"]), "repository_cap")
    left_out = _too_few(files, settings)
    kept = [file for file in files if file.language not in left_out]
    left_out |= _divide(kept, settings["parts"], seed)
    files = tally.keep(files, [file for file in kept if file.language not in left_out], "left_out")
    if len({file.language for file in files}) < 2:
        why = " ".join(f"{language}: {reason}" for language, reason in sorted(left_out.items()))
        raise InputError(f"fewer than two languages are left to tell apart. {why}")
    return tally.keep(files, _balanced(files, settings), "balance"), left_out


def shortages(tally: Tally, chosen: list[File], settings: dict) -> list[dict]:
    """The languages with fewer files than `files_per_language`: kept, wanted, and which setting helps."""
    kept = Counter(file.language for file in chosen)
    wanted = settings["files_per_language"]
    return [
        {
            "language": language,
            "kept": kept[language],
            "wanted": wanted,
            "advice": _advice(tally.drops[language], wanted - kept[language]),
        }
        for language in sorted(settings["languages"])
        if kept[language] < wanted
    ]


def _advice(drops: Counter[str], lacking: int) -> str:
    more = "raise scrape.stop_after, to find more repositories, or clone.oversampling, to clone more of them"
    if drops["left_out"]:
        return f"it is left out, see labels.json; {more}"
    if drops["balance"] >= lacking:
        return "raise sort.balance_ratio, or get more files of the scarcest language"
    if drops["repository_cap"] >= lacking:
        return f"raise sort.files_per_repository; or, for more variety, {more}"
    return more


def _capped(files: list[File], cap: int) -> list[File]:
    return [file for file, rank in _ranked(files) if rank < cap]


def _ranked(files: list[File]) -> list[tuple[File, int]]:
    """The files in order of preference, each with its rank in its repository and language."""
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for file in sorted(files, key=lambda file: (file.order, file.row)):
        ranked.append((file, seen[file.repository, file.language]))
        seen[file.repository, file.language] += 1
    return ranked


def _too_few(files: list[File], settings: dict) -> dict[str, str]:
    count = Counter(file.language for file in files)
    repositories = Counter(language for _, language in {(file.repository, file.language) for file in files})
    left_out = {}
    for language in settings["languages"]:
        if not count[language]:
            left_out[language] = "no clean file of it was found; widen scrape.languages or scrape.stop_after."
        elif repositories[language] < settings["minimum_repositories"]:
            left_out[language] = (
                f"it has clean files in {repositories[language]} repositories and needs "
                f"{settings['minimum_repositories']}; lower sort.minimum_repositories or raise "
                "scrape.stop_after."
            )
        elif count[language] < settings["minimum_files"]:
            left_out[language] = (
                f"it has {count[language]} clean files and needs {settings['minimum_files']}; lower "
                "sort.minimum_files or raise scrape.stop_after."
            )
    return left_out


def _divide(files: list[File], parts: dict[str, float], seed: int) -> dict[str, str]:
    """Set each file's part; returns the languages whose repositories are too few or too mixed for that."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for file in files:
        groups[file.repository][file.language] += 1
    part_of = split_groups(groups, parts, seed)
    for file in files:
        file.part = part_of[file.repository]
    return {
        language: f"its repositories could not be divided over {', '.join(parts)}; raise scrape.stop_after."
        for language in uncovered(groups, part_of, parts)
    }


def _balanced(files: list[File], settings: dict) -> list[File]:
    available = Counter((file.part, file.language) for file in files)
    quota = _quotas(available, settings)
    taken: Counter[tuple[str, str]] = Counter()
    chosen = []
    for file, _ in sorted(_ranked(files), key=lambda item: item[1]):
        if taken[file.part, file.language] < quota[file.part]:
            taken[file.part, file.language] += 1
            chosen.append(file)
    return chosen


def _quotas(available: Counter[tuple[str, str]], settings: dict) -> dict[str, int]:
    """How many files of a language each part takes at most."""
    wanted, parts = settings["files_per_language"], settings["parts"]

    def scarcest(part: str) -> int:
        return min(count for (of, _), count in available.items() if of == part)

    quota = {
        part: min(scarcest(part), max(1, round(wanted * share)))
        for part, share in parts.items()
        if part != TRAIN
    }
    quota[TRAIN] = min(max(1, wanted - sum(quota.values())), int(scarcest(TRAIN) * settings["balance_ratio"]))
    return quota
