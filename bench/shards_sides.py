"""One side of the benchmark `shards`, in a process and an environment of its own.

`python shards_sides.py SIDE DATA FOLDER` writes the samples of DATA into FOLDER, reads them back, and prints
what it measured as JSON. Each side offers `write(data, folder)`, and `open_folder(folder)`, which gives a
function that reads the tokens of one row and one that loads all.
"""

import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np

LEVEL = 9  # of zstd, the default of the setting serialize.level
READS = 20_000


class Ours:
    def write(self, data: dict, folder: Path) -> None:
        from garner.shards import ShardWriter

        with ShardWriter(folder, data["tokens"].dtype, data["dictionary"].tobytes(), level=LEVEL) as writer:
            for tokens, label in samples_of(data):
                writer.append(tokens, [label])

    def open_folder(self, folder: Path):
        from garner.shards import ShardReader

        reader = ShardReader(folder)
        return (lambda row: reader[row].tokens), (lambda: reader.load().tokens)


class Datasets:
    def write(self, data: dict, folder: Path) -> None:
        import datasets

        features = {
            "tokens": datasets.List(datasets.Value(data["tokens"].dtype.name)),
            "label": datasets.Value("uint16"),
        }
        columns = {"tokens": [tokens for tokens, _ in samples_of(data)], "label": data["labels"]}
        dataset = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
        dataset.save_to_disk(folder)

    def open_folder(self, folder: Path):
        import datasets

        dataset = datasets.load_from_disk(folder)
        rows = dataset.with_format("numpy")
        tokens = dataset.data.column("tokens")
        return (
            lambda row: rows[row]["tokens"],
            lambda: np.concatenate([chunk.flatten().to_numpy() for chunk in tokens.chunks]),
        )


class ArrayRecord:
    def write(self, data: dict, folder: Path) -> None:
        from array_record.python.array_record_module import ArrayRecordWriter

        folder.mkdir()
        np.save(folder / "dtype.npy", data["tokens"][:0])
        writer = ArrayRecordWriter(str(folder / "samples"), f"group_size:1,zstd:{LEVEL}")
        for tokens, label in samples_of(data):
            writer.write(np.uint16(label).tobytes() + tokens.tobytes())
        writer.close()

    def open_folder(self, folder: Path):
        from array_record.python.array_record_module import ArrayRecordReader

        dtype = np.load(folder / "dtype.npy").dtype
        reader = ArrayRecordReader(str(folder / "samples"))
        decode = lambda record: np.frombuffer(record[2:], dtype)  # noqa: E731
        return (
            lambda row: decode(reader.read([row])[0]),
            lambda: np.concatenate([decode(record) for record in reader.read_all()]),
        )


SIDES = {"ours": Ours, "datasets": Datasets, "array_record": ArrayRecord}


def samples_of(data: dict):
    offsets = data["offsets"].tolist()
    for place, label in enumerate(data["labels"].tolist()):
        yield data["tokens"][offsets[place] : offsets[place + 1]], label


def timed(action) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def main(name: str, data_path: str, folder_name: str) -> None:
    with np.load(data_path) as file:
        data = dict(file)
    side, folder, count = SIDES[name](), Path(folder_name), len(data["labels"])
    shutil.rmtree(folder, ignore_errors=True)
    write_seconds = timed(lambda: side.write(data, folder))
    read, load = side.open_folder(folder)
    order = np.random.default_rng(0).integers(0, count, READS).tolist()
    offsets = data["offsets"]
    for row in order[:200]:  # also warms the caches up
        if not np.array_equal(read(row), data["tokens"][offsets[row] : offsets[row + 1]]):
            raise SystemExit(f"{name} gave another sample {row} than was written")
    random_seconds = timed(lambda: [read(row) for row in order])
    if not np.array_equal(load(), data["tokens"]):
        raise SystemExit(f"{name} loaded other tokens than were written")
    values = {
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6,
        "random": READS / random_seconds,
        "load": count / timed(load),
        "write": count / write_seconds,
    }
    print(json.dumps(values))


if __name__ == "__main__":
    main(*sys.argv[1:])
