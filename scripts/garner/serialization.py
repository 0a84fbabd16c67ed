"""The stage serialize: documents to shards of token ids."""

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from garner.errors import InputError, Interrupted
from garner.files import open_parquet, read_json, read_parquet, sha256
from garner.jobs import stop_requested
from garner.logs import Progress
from garner.shards import ShardWriter
from garner.vocabulary import Vocabulary


def serialize_split(
    documents: Path, labels: Path, vocabulary: Path, zstd: Path, output: Path, settings: dict
) -> None:
    """Write the folder of shards `output`: row i of the Parquet `documents` becomes sample i.

    A sample is the ids of the first `settings["tokens"]` tokens, and the numbers of the labels, counted from
    0 in the order of the JSON file `labels`. A document without labels becomes a sample without. The shards'
    `meta` holds the names of the labels, `tokens`, and the vocabulary's size and SHA-256.
    Raises InputError where a file is missing or damaged, or a label is not in `labels`.
    """
    names = label_names(labels)
    number_of = {name: number for number, name in enumerate(names)}
    words = Vocabulary.load(vocabulary)
    meta = {
        "labels": names,
        "tokens": settings["tokens"],
        "vocabulary_size": len(words),
        "vocabulary_sha256": sha256(vocabulary),
    }
    with open_parquet(documents) as file:
        total = file.metadata.num_rows
    writer = ShardWriter(
        output,
        words.dtype,
        _zstd_dictionary(zstd),
        meta,
        samples_per_shard=settings["samples_per_shard"],
        level=settings["level"],
    )
    with writer, Progress(total, f"serialize {documents.stem}", "documents") as progress:
        for row in read_parquet(documents, columns=["id", "text", "labels"]):
            classes = class_numbers(row, number_of, documents, labels)
            writer.append(words.ids(row["text"], settings["tokens"]), classes)
            progress.advance()
            if stop_requested():
                raise Interrupted("stopped on request; the same command begins this part anew.")


def label_names(path: Path) -> list[str]:
    """The names in the file of labels, in their order; InputError where it has none."""
    value = read_json(path)
    names = value.get("labels") if isinstance(value, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f'{path} has no list "labels". Delete it and run the same command again.')
    return names


def class_numbers(row: dict, number_of: dict[str, int], documents: Path, labels: Path) -> list[int]:
    """The numbers of a row's labels; InputError names the document that has one not in `labels`."""
    try:
        return [number_of[label] for label in row["labels"]]
    except KeyError as error:
        raise InputError(
            f"{documents}: document {row['id']!r} has the label {error}, which {labels} does not name. "
            "Delete both and run the same command again."
        ) from None


def samples_of(rows: Iterable[dict], posts: int | None, samples_per_group: int) -> Iterator[list[dict]]:
    """The rows of each sample: one, or, if `posts` is given, the next so many neighbours of one group.

    A group then makes at most `samples_per_group` samples; what is left of it is in none.
    """
    if posts is None:
        yield from ([row] for row in rows)
        return
    for _, group in groupby(rows, itemgetter("group")):
        rest = iter(group)
        for _ in range(samples_per_group):
            if sample := list(islice(rest, posts)):
                yield sample


def _zstd_dictionary(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} is not there. Run `snakemake dictionary`.") from None
