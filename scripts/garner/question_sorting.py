"""The sort stage of questions: as plain text, with frequent tags, near-duplicates grouped, divided, written.

The documents of the crawl are read first to decide, which keeps a fingerprint of each question and no text,
then once for each part to write its questions, in the order of the crawl. No choice depends on that order.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from garner.document import Document, read_documents, write_documents
from garner.errors import InputError
from garner.files import open_parquet, write_json
from garner.html_text import LONGEST, to_text
from garner.logs import log, track
from garner.near_duplicates import WORD, MinHash, families
from garner.sources.stackexchange_questions import host_of, read_excluded
from garner.splits import stratify, uncovered


@dataclass(slots=True)
class Question:
    """What is kept of a question while the stage decides."""

    row: int  # in the documents of the crawl
    id: str
    tags: tuple[str, ...]
    digest: bytes  # of its text
    signature: np.ndarray  # uint32 (permutations,)
    group: str = ""  # the id of the first of its near-duplicates
    part: str = ""

    @property
    def age(self) -> tuple[int, str]:
        """Sorts the oldest first: ids end in ascending numbers."""
        return len(self.id), self.id


def sort_questions(
    documents: Path, outputs: dict[str, Path], settings: dict, seed: int, exclude: list[str], site: str
) -> None:
    """Write the parts of the split (Parquets of Documents), `labels` and `drops` from a site's questions.

    A Document's text is the title, an empty line, and the body as plain text (garner.html_text); its labels
    are the tags that are kept, its group is what the question's near-duplicates share. Of questions with
    equal text the oldest is kept, with its own tags. Raises InputError if fewer than two tags are frequent
    enough, and ConfigError if `exclude` names no question.
    """
    tally: Counter[str] = Counter()
    questions = _without_copies(_read(documents, settings, exclude, site, tally), tally)
    _group(questions, settings["near_duplicates"]["threshold"])
    kept, left_out = _divide_tags(questions, settings)
    tagged = [question for question in questions if not kept.isdisjoint(question.tags)]
    tally["no_tag"] = len(questions) - len(tagged)
    labels_of_group = _labels_of_groups(tagged, kept)
    part_of = stratify(labels_of_group, settings["parts"], seed)
    for question in tagged:
        question.part = part_of[question.group]
    for part in settings["parts"]:
        _write(part, tagged, kept, documents, outputs[part], settings)
    link = f"https://{host_of(site)}/questions/tagged/{{tag}}"
    labels = {
        "labels": sorted(kept),
        "left_out": left_out,
        "link": link,
        "code_lines": settings["code_lines"],
    }
    write_json(outputs["labels"], labels)
    missing = sorted(uncovered(labels_of_group, part_of, settings["parts"]))
    drops = _summary(tally, tagged, settings) | {"uncovered_tags": missing}
    write_json(outputs["drops"], drops)
    log.info(
        "sort: %s of %s questions kept, with %d of %s tags",
        *(f"{len(tagged):,}", f"{tally['found']:,}", len(kept), f"{len(kept) + len(left_out):,}"),
    )


def _read(
    documents: Path, settings: dict, exclude: list[str], site: str, tally: Counter[str]
) -> list[Question]:
    """Fingerprints of the questions that are neither excluded nor empty."""
    near = settings["near_duplicates"]
    minhash = MinHash(near["permutations"], near["shingle"], WORD)
    excluded = {str(number) for number in read_excluded(exclude, site)}
    questions = []
    for row, document in enumerate(_tracked(documents, "sort: read")):
        tally["found"] += 1
        if document.group in excluded:
            tally["excluded"] += 1
            continue
        text = _text(document, settings)
        if not text.strip():
            tally["empty"] += 1
            continue
        tally["cut"] += len(document.text.partition("\n\n")[2]) > LONGEST
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        questions.append(Question(row, document.id, document.labels, digest, minhash.signature(text)))
    return questions


def _tracked(documents: Path, what: str) -> Iterator[Document]:
    with open_parquet(documents) as file:
        total = file.metadata.num_rows
    return track(read_documents(documents), what, "questions", total)


def _text(document: Document, settings: dict) -> str:
    title, _, body = document.text.partition("\n\n")
    return f"{title}\n\n{to_text(body, settings)}"


def _without_copies(questions: list[Question], tally: Counter[str]) -> list[Question]:
    """The oldest first; of those with equal text the oldest alone."""
    first: dict[bytes, Question] = {}
    for question in sorted(questions, key=lambda question: question.age):
        first.setdefault(question.digest, question)
    tally["duplicate"] = len(questions) - len(first)
    return list(first.values())


def _group(questions: list[Question], threshold: float) -> None:
    """Set `group`, from questions with the oldest first."""
    if not questions:
        return
    first = families(np.stack([question.signature for question in questions]), threshold)
    for question, place in zip(questions, first, strict=True):
        question.group = questions[place].id


def _divide_tags(questions: list[Question], settings: dict) -> tuple[set[str], dict[str, int]]:
    """The tags that are kept, and how many questions have each of those left out. Raises InputError."""
    count: Counter[str] = Counter()
    groups: dict[str, set[str]] = defaultdict(set)
    for question in questions:
        count.update(question.tags)
        for tag in question.tags:
            groups[tag].add(question.group)
    least = settings["minimum_share"] * len(questions)
    kept = {tag for tag in count if count[tag] >= least and len(groups[tag]) >= settings["minimum_questions"]}
    if len(kept) < 2:
        most = max(sorted(count), key=count.__getitem__, default=None)
        frequent = f"; the most frequent one, {most}, is in {count[most]:,}" if most else ""
        raise InputError(
            f"{len(kept)} of the {len(count):,} tags are in {settings['minimum_share']:.2%} of the "
            f"{len(questions):,} questions and in {settings['minimum_questions']} that are no near-duplicates"
            f"{frequent}. At least 2 are needed: scrape more questions, or lower sort.minimum_share or "
            "sort.minimum_questions."
        )
    return kept, {tag: count[tag] for tag in count if tag not in kept}


def _labels_of_groups(questions: Iterable[Question], kept: set[str]) -> dict[str, Counter[str]]:
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for question in questions:
        labels[question.group].update(kept.intersection(question.tags))
    return labels


def _write(
    part: str, questions: list[Question], kept: set[str], documents: Path, output: Path, settings: dict
) -> None:
    chosen = {question.row: question for question in questions if question.part == part}

    def of_part() -> Iterator[Document]:
        for row, document in enumerate(_tracked(documents, f"sort: write {part}")):
            if question := chosen.get(row):
                tags = tuple(sorted(kept.intersection(document.labels)))
                yield Document(document.id, _text(document, settings), tags, question.group, document.origin)

    write_documents(output, of_part())


def _summary(tally: Mapping[str, int], kept: list[Question], settings: dict) -> dict:
    """What `drops` holds: found = drops (by reason) + kept = drops + the parts.

    `cut` counts questions of which a part was read (garner.html_text), `near_duplicates` those kept that
    share their group with others.
    """
    size = Counter(question.group for question in kept)
    parts = Counter(question.part for question in kept)
    return {
        "found": tally["found"],
        "drops": {reason: tally[reason] for reason in ("excluded", "empty", "duplicate", "no_tag")},
        "kept": len(kept),
        "cut": tally["cut"],
        "near_duplicates": sum(number for number in size.values() if number > 1),
    } | {part: parts[part] for part in settings["parts"]}
