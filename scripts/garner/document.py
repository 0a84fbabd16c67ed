"""Document: the one record that passes between the stages, whatever the study."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from garner.files import read_parquet, write_parquet


@dataclass(frozen=True, slots=True)
class Document:
    """One text with its labels and where it came from.

    A source file (`languages`), one post of a user (`ages`), one question (`tags`).
    """

    id: str  # unique within the study, e.g. "owner/name:path"
    text: str
    labels: tuple[str, ...] = ()  # one for `languages` and `ages`, several for `tags`, none where unknown
    group: str = ""  # what never straddles two parts of a split: repository, user, question group
    origin: dict[str, str] = field(default_factory=dict)  # API item, or repository, commit, path, licence


def schema():
    """The pyarrow schema of a Parquet of documents."""
    import pyarrow

    return pyarrow.schema(
        [
            ("id", pyarrow.string()),
            ("text", pyarrow.large_string()),
            ("labels", pyarrow.list_(pyarrow.string())),
            ("group", pyarrow.string()),
            ("origin", pyarrow.map_(pyarrow.string(), pyarrow.string())),
        ]
    )


def write_documents(path: Path | str, documents: Iterable[Document]) -> int:
    """Seal `documents` as Parquet, in their order; returns how many."""
    rows = (
        asdict(document) | {"labels": list(document.labels), "origin": sorted(document.origin.items())}
        for document in documents
    )
    return write_parquet(path, rows, schema())


def read_documents(path: Path | str) -> Iterator[Document]:
    """Stream the documents of a Parquet in their order; InputError names a missing or damaged file."""
    for row in read_parquet(path):
        yield Document(row["id"], row["text"], tuple(row["labels"]), row["group"], dict(row["origin"]))
