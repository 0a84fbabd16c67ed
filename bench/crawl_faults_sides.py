"""One side of the benchmark `crawl_faults`, in a process and an environment of its own.

`python crawl_faults_sides.py SIDE URL FOLDER KEY` asks the replica at URL for all questions, and prints how
many different ones it ended with, as JSON. Ours keeps its progress and its results in FOLDER, goes on from
there, and prints the digests of the results as well.
"""

import hashlib
import json
import sys
from pathlib import Path

from crawl_stackexchange_sides import SITE, perceval, stackapi_bulk


def ours(url: str, folder: Path, key: str) -> dict:
    from garner.document import read_documents
    from garner.sources import open_source

    folder.mkdir(parents=True, exist_ok=True)
    keys = folder / "keys"
    keys.touch(mode=0o600)
    keys.write_text(key)
    scrape = {"api": f"{url}/2.3", "site": SITE, "from_date": None, "to_date": "2026-01-01"}
    scrape |= {"questions_file": None, "dump": None, "stop_after": {"questions": None, "date": None}}
    study = {"source": "stackexchange", "exclude": [], "scrape": scrape}
    operational = {
        "tokens": keys,
        "contact": None,
        "on_quota": "wait",
        "ratelimit": [],
        "backoff": {"mult": 0.01, "exp": None, "max": 0.1},  # a replica needs no rest
        "proxies": None,
        "clocks": folder / "clocks",
    }
    source = open_source(study, folder / "state", operational)
    source.crawl()
    outputs = {"documents": folder / "documents.parquet", "failures": folder / "failures.json"}
    source.seal(outputs)
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in outputs.items()}
    return digests | {"questions": sum(1 for _ in read_documents(outputs["documents"]))}


def peer(side, url: str, key: str) -> dict:
    found = set()
    try:
        for number in side(url, [], key):
            found.add(number)
    except Exception as error:  # noqa: BLE001 - whatever ends it: what it had given is what it ends with
        print(f"{side.__name__} ended by {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
    return {"questions": len(found)}


def main(side: str, url: str, folder: str, key: str) -> None:
    peers = {each.__name__: each for each in (stackapi_bulk, perceval)}
    print(json.dumps(ours(url, Path(folder), key) if side == "ours" else peer(peers[side], url, key)))


if __name__ == "__main__":
    main(*sys.argv[1:])
