"""The stage dictionary: counts the training part's tokens, and trains a zstd dictionary for the shards."""

import heapq
import json
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import zstandard

from garner.errors import GarnerError, InputError, Interrupted
from garner.files import atomic, disk_full_is_named, open_parquet, read_parquet
from garner.jobs import stop_requested
from garner.logs import Progress, log
from garner.shard_file import encode_tokens
from garner.tokens import tokenizer
from garner.vocabulary import Vocabulary

MAXIMUM_DISTINCT = 2_000_000  # tokens counted in memory, some 300 MB, before they go to disk
ZSTD_SAMPLES = 8192  # documents, evenly spaced, that the zstd dictionary is trained on
ZSTD_SAMPLE_TOKENS = 1000


def build_dictionary(train: Path, outputs: dict[str, Path], settings: dict, workers: int) -> None:
    """Write `outputs["vocabulary"]` (JSON) and `outputs["zstd"]`, empty where `train` is too small for one.

    `train` is a Parquet of documents. The bytes are the same whatever the number of `workers` (processes).
    Raises InputError where `train` is missing, damaged or without a token, ConfigError for a bad pattern.
    """
    tokenizer(settings["pattern"])  # raises here, before any process starts
    with TemporaryDirectory(prefix="garner-") as folder, disk_full_is_named(Path(folder)):
        totals = count_tokens(train, settings["pattern"], workers, Path(folder))
        counts = most_frequent(totals, settings["size"], settings["minimum_count"])
    if not counts:
        raise InputError(
            f"{train} has no token that occurs {settings['minimum_count']:,} times or more. Lower "
            "dictionary.minimum_count, or let sort keep more files."
        )
    vocabulary = Vocabulary(settings["pattern"], counts)
    dictionary = _zstd_dictionary(train, vocabulary, settings["zstd_bytes"])
    with atomic(outputs["zstd"]) as part:
        part.write_bytes(dictionary)
    vocabulary.save(outputs["vocabulary"])
    log.info("dictionary: %s tokens, zstd dictionary of %s bytes", f"{len(counts):,}", f"{len(dictionary):,}")


def most_frequent(totals: Iterable[tuple[str, int]], size: int, minimum: int) -> list[tuple[str, int]]:
    """The `size` most frequent tokens that occur `minimum` times or more; ties go by token."""
    frequent = ((token, count) for token, count in totals if count >= minimum)
    return heapq.nsmallest(size, frequent, key=lambda total: (-total[1], total[0]))


def count_tokens(train: Path, pattern: str, workers: int, folder: Path) -> Iterator[tuple[str, int]]:
    """Each token of the documents in `train` once, with how often it occurs, in no promised order.

    Memory is bounded: beyond MAXIMUM_DISTINCT tokens, counts wait in `folder` as sorted runs to be merged.
    """
    counts: Counter[str] = Counter()
    runs: list[Path] = []
    for group in counts_of_row_groups(train, pattern, workers):
        counts.update(group)
        if len(counts) > MAXIMUM_DISTINCT:
            runs.append(_write_run(counts, folder / f"{len(runs)}.run"))
            counts.clear()
    return _merged(counts, runs) if runs else iter(counts.items())


def counts_of_row_groups(train: Path, pattern: str, workers: int) -> Iterator[Counter[str]]:
    """The counts of each row group in turn, counted by `workers` processes."""
    with open_parquet(train) as file:
        groups = range(file.num_row_groups)
    # Fork and not spawn: a spawned worker would run Snakemake's copy of the adapter again.
    context = multiprocessing.get_context("fork")
    with (
        ProcessPoolExecutor(min(workers, len(groups)) or 1, context, _begin_worker, (os.getpid(),)) as pool,
        Progress(len(groups), "dictionary", "row groups") as progress,
    ):
        # Few at a time: finished counts wait in memory.
        todo = iter(groups)
        running = [pool.submit(_count, train, group, pattern) for group in islice(todo, 2 * workers)]
        while running:
            try:
                yield running.pop(0).result()
            except BrokenProcessPool:
                raise GarnerError(
                    "a process that counts tokens was killed, most likely as memory ran out. Give the job "
                    "more memory or fewer threads, and run the same command again."
                ) from None
            progress.advance()
            if stop_requested():
                pool.shutdown(cancel_futures=True)
                raise Interrupted("stopped on request; the same command begins this stage anew.")
            running += [pool.submit(_count, train, group, pattern) for group in islice(todo, 1)]


def _begin_worker(parent: int) -> None:
    """Leave signals to the parent, and die with it: nothing else ends a worker whose parent was killed."""
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _count(train: Path, group: int, pattern: str) -> Counter[str]:
    tokenize = tokenizer(pattern)
    counts: Counter[str] = Counter()
    with open_parquet(train) as file:
        for batch in file.iter_batches(64, row_groups=[group], columns=["text"], use_threads=False):
            for text in batch["text"]:
                counts.update(tokenize(text.as_py()))
    return counts


def _write_run(counts: Counter[str], path: Path) -> Path:
    with open(path, "w", encoding="utf-8") as file:
        # As JSON, one a line: a token may hold any character, a line break too.
        file.writelines(json.dumps(total) + "\n" for total in sorted(counts.items()))
    return path


def _merged(counts: Counter[str], runs: list[Path]) -> Iterator[tuple[str, int]]:
    with ExitStack() as stack:
        files: list[TextIO] = [stack.enter_context(open(run, encoding="utf-8")) for run in runs]
        sources = [sorted(counts.items()), *(map(json.loads, file) for file in files)]
        merged = heapq.merge(*sources, key=itemgetter(0))
        for token, totals in groupby(merged, key=itemgetter(0)):
            yield token, sum(count for _, count in totals)


def _zstd_dictionary(train: Path, vocabulary: Vocabulary, size: int) -> bytes:
    """A dictionary of at most `size` bytes, trained on the frames' contents; none from too few documents."""
    with open_parquet(train) as file:
        step = -(-file.metadata.num_rows // ZSTD_SAMPLES)
    samples = [
        encode_tokens(vocabulary.ids(row["text"], ZSTD_SAMPLE_TOKENS), vocabulary.dtype)
        for row in islice(read_parquet(train, columns=["text"]), 0, None, step)
    ]
    try:
        return zstandard.train_dictionary(size, samples).as_bytes()
    except zstandard.ZstdError as error:
        log.info("dictionary: no zstd dictionary from %s documents (%s)", f"{len(samples):,}", error)
        return b""
