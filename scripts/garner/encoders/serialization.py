"""The stage serialize of a study with a pretrained encoder: texts to shards of the encoder's ids."""

from pathlib import Path

import numpy as np

from garner.encoders.tokenizer import EncoderTokenizer
from garner.errors import ConfigError, Interrupted
from garner.files import open_parquet, read_parquet, sha256
from garner.jobs import stop_requested
from garner.logs import track
from garner.serialization import class_numbers, label_names, samples_of
from garner.shards import ShardWriter


def serialize_texts(
    documents: Path,
    labels: Path,
    tokenizer: Path,
    output: Path,
    settings: dict,
    samples_per_group: int = 1,
) -> None:
    """Write the folder of shards `output`: a sample for each row of the Parquet `documents`.

    Where there is `settings["posts"]`, so many neighbouring rows of the same group make a sample, the next so
    many another one, up to `samples_per_group` of them. A sample's tokens are, for each text, the id that
    begins one and the ids of the text, at most `settings["tokens"]` with the one that ends a text, which is
    not stored. The labels are numbers, counted from 0 in the order of the JSON file `labels`. The shards'
    `meta` holds the names of the labels, `tokens`, the tokenizer's size and SHA-256, and its special ids.
    Raises InputError where a file is missing or damaged, or a label is not in `labels`; ConfigError where the
    encoder reads fewer tokens than `settings["tokens"]`.
    """
    encoder = EncoderTokenizer.load(tokenizer)
    if encoder.maximum is not None and settings["tokens"] > encoder.maximum:
        raise ConfigError(
            f"serialize.tokens is {settings['tokens']:,}, and the encoder reads at most {encoder.maximum:,} "
            "tokens of a text. Lower it, or name another encoder."
        )
    names = label_names(labels)
    number_of = {name: number for number, name in enumerate(names)}
    meta = {
        "labels": names,
        "tokens": settings["tokens"],
        "vocabulary_size": len(encoder),
        "vocabulary_sha256": sha256(tokenizer),
        "special": {"cls": encoder.cls, "sep": encoder.sep, "pad": encoder.pad},
    }
    with open_parquet(documents) as file:
        total = file.metadata.num_rows
    writer = ShardWriter(
        output,
        encoder.dtype,
        meta=meta,
        samples_per_shard=settings["samples_per_shard"],
        level=settings["level"],
    )
    rows = read_parquet(documents, columns=["id", "text", "labels", "group"])
    rows = track(rows, f"serialize {documents.stem}", "documents", total)
    with writer:
        for sample in samples_of(rows, settings.get("posts"), samples_per_group):
            texts = [encoder.sample(row["text"], settings["tokens"]) for row in sample]
            writer.append(np.concatenate(texts), class_numbers(sample[0], number_of, documents, labels))
            if stop_requested():
                raise Interrupted("stopped on request; the same command begins this part anew.")
