"""The sort stage of source files: read, cleaned, free of repetition, balanced, divided, written.

The batches are read first to decide, which keeps a fingerprint of each clean file and no text, then once
for each part to write the texts of its files. Every choice among equals goes by a seeded hash of the
file's id, so it depends neither on the order of the files nor on the machine.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

from garner.balancing import File, Tally, choose, shortages
from garner.document import Document, write_documents
from garner.errors import InputError
from garner.exclusion import Excluded
from garner.files import open_parquet, read_parquet, write_json
from garner.filters import decode, drop_by_path, drop_by_size, drop_by_text
from garner.languages import Languages, Neighbours
from garner.logs import log, track
from garner.near_duplicates import MinHash, originals

COLUMNS = ["repository", "commit", "path", "licence", "bytes"]


def sort_files(
    batches: list[Path], outputs: dict[str, Path], settings: dict, seed: int, exclude: list[str]
) -> None:
    """Write the parts of the split (Parquets of Documents), `labels` and `drops` from clone batches.

    A repository stands in one batch, its rows together. Raises InputError if a batch is damaged, no
    batch holds a file, or fewer than two languages have enough files.
    """
    batches = sorted(batches)
    total = sum(map(_count, batches))
    if not total:
        raise InputError(
            f"none of the {len(batches)} clone batches holds a file. Their failures.json tell what failed; "
            "if nothing did, widen scrape.seeds, scrape.languages or scrape.stop_after."
        )
    tally = Tally()
    rows = track(_rows(batches), "sort: read", "files", total)
    files = _clean(rows, settings, seed, exclude, tally)
    files = _without_repeats(files, settings["near_duplicates"]["threshold"], tally)
    files, left_out = choose(files, settings, seed, tally)
    for part in settings["parts"]:
        language_of_row = {file.row: file.language for file in files if file.part == part}
        rows = track(_rows(batches), f"sort: write {part}", "files", total)
        write_documents(outputs[part], _documents(rows, language_of_row))
    labels = sorted({file.language for file in files})
    write_json(outputs["labels"], {"labels": labels, "left_out": left_out})
    write_json(outputs["drops"], _summary(tally, files, settings))
    log.info("sort: %s of %s files kept, in %d languages", f"{len(files):,}", f"{total:,}", len(labels))


def _count(batch: Path) -> int:
    with open_parquet(batch) as file:
        missing = set(COLUMNS) - set(file.schema_arrow.names)
        if missing:
            raise InputError(
                f"{batch} is no clone batch: it has no column {', '.join(sorted(missing))}. "
                "Delete it and run the same command again."
            )
        return file.metadata.num_rows


def _rows(batches: list[Path]) -> Iterator[dict]:
    for batch in batches:
        yield from read_parquet(batch, COLUMNS)


def _id(row: dict) -> str:
    return f"{row['repository']}:{row['path']}"


def _clean(rows: Iterable[dict], settings: dict, seed: int, exclude: list[str], tally: Tally) -> list[File]:
    """Fingerprints of the files in the study's languages that no filter drops."""
    examiner = _Examiner(settings, seed, exclude)
    files = []
    for _, of_repository in groupby(enumerate(rows), key=lambda item: item[1]["repository"]):
        neighbours = Neighbours()
        verdicts = []
        for number, row in of_repository:
            candidates, reason, file = examiner.examine(number, row)
            verdicts.append((row["path"], candidates, reason, file))
            if len(candidates) == 1 and not examiner.languages.shared(row["path"]):
                neighbours.add(row["path"], candidates[0])
        for path, candidates, reason, file in verdicts:
            if not candidates:
                tally.rejected["other_language"] += 1
                continue
            language = neighbours.decide(path, candidates)
            tally.found[language] += 1
            if file:
                file.language = language
                files.append(file)
            else:
                tally.drops[language][reason] += 1
    return files


class _Examiner:
    """Looks at one file at a time."""

    def __init__(self, settings: dict, seed: int, exclude: list[str]):
        self._seed = seed
        self._excluded = Excluded(exclude)
        self.languages = Languages(settings["languages"])
        self._sizes = settings["minimum_bytes"], settings["maximum_bytes"]
        near = settings["near_duplicates"]
        self._minhash = MinHash(near["permutations"], near["shingle"])

    def examine(self, number: int, row: dict) -> tuple[tuple[str, ...], str | None, File | None]:
        """The languages that the file may be in, and either why it is dropped or its fingerprint."""
        text, undecoded = decode(row["bytes"])
        candidates = self.languages.of(row["path"], row["bytes"].decode("latin-1") if text is None else text)
        if not candidates:
            return candidates, None, None
        reason = self._drop_unread(row) or undecoded or drop_by_text(text)
        return candidates, reason, None if reason else self._fingerprint(number, row, text)

    def _drop_unread(self, row: dict) -> str | None:
        if row["repository"] in self._excluded:
            return "excluded"
        return drop_by_path(row["path"]) or drop_by_size(row["bytes"], *self._sizes)

    def _fingerprint(self, number: int, row: dict, text: str) -> File:
        return File(
            row=number,
            repository=row["repository"],
            language="",
            order=_hash(f"{self._seed}:{_id(row)}"),
            digest=_hash(" ".join(text.split())),
            signature=self._minhash.signature(text),
        )


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _without_repeats(files: list[File], threshold: float, tally: Tally) -> list[File]:
    """One of the files that are equal but for white space, then one of those that resemble one another."""
    first: dict[bytes, File] = {}
    for file in sorted(files, key=lambda file: file.order):
        first.setdefault(file.digest, file)
    files = tally.keep(files, list(first.values()), "duplicate")
    if not files:
        return files
    original = originals(np.stack([file.signature for file in files]), threshold)
    kept = [file for place, file in enumerate(files) if original[place] == place]
    return tally.keep(files, kept, "near_duplicate")


def _documents(rows: Iterable[dict], language_of_row: dict[int, str]) -> Iterator[Document]:
    for number, row in enumerate(rows):
        if number in language_of_row:
            origin = {key: row[key] for key in COLUMNS[:-1] if row[key] is not None}
            text, _ = decode(row["bytes"])
            yield Document(_id(row), text, (language_of_row[number],), row["repository"], origin)


def _summary(tally: Tally, chosen: list[File], settings: dict) -> dict:
    """What `drops` holds: found = drops (by reason) + kept, and the files of no language."""
    kept = Counter((file.language, file.part) for file in chosen)
    repositories = Counter(language for language, _ in {(file.language, file.repository) for file in chosen})
    languages = {
        language: {
            "found": tally.found[language],
            "drops": dict(tally.drops[language]),
            "kept": sum(kept[language, part] for part in settings["parts"]),
            "repositories": repositories[language],
        }
        | {part: kept[language, part] for part in settings["parts"]}
        for language in settings["languages"]
    }
    return {
        "languages": languages,
        "rejected": dict(tally.rejected),
        "short": shortages(tally, chosen, settings),
    }
