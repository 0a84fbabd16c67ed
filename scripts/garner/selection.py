"""Which of the crawled repositories to clone: scarcest language first, until each has files enough."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from garner.errors import InputError
from garner.exclusion import Excluded
from garner.files import read_parquet, write_parquet
from garner.logs import log

# Mean of 60,000 source files of the twelve languages in 174 public repositories (4.8 kB in Shell, 13.7 in C):
# the API tells bytes alone.
TYPICAL_FILE_BYTES = 7_000
# Fewest repositories to take of a language, as far as there are: many authors' style and not one's.
VARIETY = 20
_LINE = "%-12s %12s %10s %18s %12s"


@dataclass(frozen=True)
class Candidate:
    """A repository with the number of files of each language that sort might keep, estimated."""

    repository: str
    clone_url: str
    licence: str | None
    files: dict[str, int]
    main_language: str


def select_repositories(
    repositories: Path,
    output: Path,
    settings: dict,
    languages: list[str],
    exclude: list[str],
    seed: int,
    quota: int,
    cap: int,
) -> None:
    """Write `output` (repository, clone_url, licence, batch, language), sorted by repository.

    Each language gets repositories until they hold an estimated quota × oversampling files, no repository
    counting for more than `cap`. Raises InputError where no repository names any of the languages.
    """
    candidates = _candidates(repositories, set(languages), exclude, cap)
    if not candidates:
        raise InputError(
            f"no repository of {repositories} holds {', '.join(languages)}. "
            "Let the crawl go on (scrape.stop_after) or loosen its filters."
        )
    wanted = quota * settings["oversampling"]
    chosen = _choose(candidates, _scarcest_first(candidates, languages), wanted, seed)
    _report(candidates, chosen, languages, wanted)
    rows = (
        {
            "repository": candidate.repository,
            "clone_url": candidate.clone_url,
            "licence": candidate.licence,
            "batch": batch_of(candidate.repository, settings["batches"]),
            "language": chosen[candidate.repository],
        }
        for candidate in candidates
        if candidate.repository in chosen
    )
    write_parquet(output, rows, _schema())


def batch_of(repository: str, batches: int) -> int:
    """The batch of a repository hangs on its name alone, so that a larger crawl moves none."""
    return _hash(repository) % batches


def _candidates(repositories: Path, languages: set[str], exclude: list[str], cap: int) -> list[Candidate]:
    excluded = Excluded(exclude)
    found = []
    columns = ["repository", "clone_url", "licence", "languages"]
    for row in read_parquet(repositories, columns):
        sizes = {
            language: size
            for language, size in sorted(row["languages"] or ())
            if language in languages and size > 0
        }
        if sizes and row["repository"] not in excluded:
            files = {language: min(cap, -(-size // TYPICAL_FILE_BYTES)) for language, size in sizes.items()}
            main = max(sizes, key=sizes.__getitem__)
            found.append(Candidate(row["repository"], row["clone_url"], row["licence"], files, main))
    return sorted(found, key=lambda candidate: candidate.repository)


def _scarcest_first(candidates: list[Candidate], languages: list[str]) -> list[str]:
    return sorted(languages, key=lambda language: (_files(candidates, language), language))


def _choose(candidates: list[Candidate], languages: list[str], wanted: float, seed: int) -> dict[str, str]:
    """{repository: the language it was chosen for}.

    Where a language is a repository's main one comes first. Among these the order is random but fixed by the
    seed and each name, so that a larger crawl adds to the choice more than it changes it.
    """
    chosen: dict[str, str] = {}
    for language in languages:
        having = [candidate for candidate in candidates if language in candidate.files]
        having.sort(key=lambda c: (c.main_language != language, _hash(seed, language, c.repository)))
        taken = [candidate for candidate in having if candidate.repository in chosen]
        files, count = _files(taken, language), len(taken)
        for candidate in having:
            if files >= wanted and count >= VARIETY:
                break
            if candidate.repository not in chosen:
                chosen[candidate.repository] = language
                files, count = files + candidate.files[language], count + 1
    return chosen


def _report(candidates: list[Candidate], chosen: dict[str, str], languages: list[str], wanted: float) -> None:
    taken = [candidate for candidate in candidates if candidate.repository in chosen]
    counts = (len(taken), len(candidates), wanted)
    log.info("{:,} of {:,} repositories selected, for {:,.0f} files a language".format(*counts))
    log.info(_LINE, "language", "repositories", "of", "files (estimated)", "of")
    for language in sorted(languages):
        repositories = [sum(language in each.files for each in group) for group in (taken, candidates)]
        files = [_files(group, language) for group in (taken, candidates)]
        short = "" if files[0] >= wanted else "  fewer than wanted: the crawl has no more"
        log.info(_LINE + "%s", language, *(f"{number:,}" for number in repositories + files), short)


def _files(candidates: list[Candidate], language: str) -> int:
    return sum(candidate.files.get(language, 0) for candidate in candidates)


def _hash(*words: object) -> int:
    return int.from_bytes(hashlib.sha256("\n".join(map(str, words)).encode()).digest()[:8])


def _schema():
    import pyarrow

    text = pyarrow.string()
    return pyarrow.schema(
        [
            ("repository", text),
            ("clone_url", text),
            ("licence", text),
            ("batch", pyarrow.int32()),
            ("language", text),
        ]
    )
