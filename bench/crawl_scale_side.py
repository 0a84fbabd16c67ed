"""One process of the benchmark crawl_scale: `crawl URL STATE USERS` or `seal URL STATE USERS RESULTS`.

Prints as a line of JSON how long it took by the clock and by the processor, and the most memory it had.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

from garner.sources import open_source


def study(url: str, users: int) -> dict:
    scrape = {
        "api": url,
        "protocol": "graphql",
        "seeds": ["user-0000000"],
        "repositories_file": None,
        "stop_after": {"users": users, "repositories": None, "date": None},
        "forks": True,
        "archived": True,
        "maximum_size_kib": None,
        "minimum_stars": 0,
        "licences": [],
        "languages": [],
    }
    return {"source": "github", "exclude": [], "scrape": scrape}


def main(command: str, url: str, state: str, users: str, results: str = "") -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    begin = time.monotonic()
    operational = {"tokens": None, "contact": None, "on_quota": "wait"}
    source = open_source(study(url, int(users)), Path(state), operational)
    if command == "crawl":
        source.crawl()
    else:
        source.seal({name: Path(results, f"{name}.parquet") for name in ("users", "repositories")})
    usage = resource.getrusage(resource.RUSAGE_SELF)
    values = {"seconds": time.monotonic() - begin, "processor": usage.ru_utime + usage.ru_stime}
    print(json.dumps(values | {"memory": usage.ru_maxrss / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
