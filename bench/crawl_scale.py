"""A crawl of 1,000,000 users of a made-up GitHub by GraphQL, killed with -9 on the way, then sealed.

Each follows 12 others and owns 5 repositories on average (up to 250 and 120; `bench/github_graph.py` says how
many own how many), and another process answers on loopback. Items are users and repositories; the rate counts
the processor time of the crawling and sealing process, which has one core, with all that belongs to it:
requests, JSON, the journal with its fsync, the index. By the clock it is slower here where the other process
or the disk keep it waiting. Memory is the most that a process ever had. Sealing holds SQLite's cache, Arrow,
and the description of each group of 1,000 rows, which Parquet writes at the end.
Resume is the time from the start of a new process to its first request, after the kill at nine tenths.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import ROOT, Goal, Measure, Values, run_script
from garner.files import open_parquet

TITLE = "1,000,000 users on one core"
USERS = 1_000_000


def measure(users: int = USERS) -> list[Measure]:
    with TemporaryDirectory(prefix="garner-bench-") as folder, graph(users) as url:
        state, results = f"{folder}/state", f"{folder}/results"
        first = run_script(sys.executable, "crawl_scale_side.py", "crawl", url, state, str(users // 10))
        killed = crawl_and_kill(url, state, users * 9 // 10)
        ask(url)
        begin = time.time()
        rest = run_script(sys.executable, "crawl_scale_side.py", "crawl", url, state, str(users))
        resume = ask(url)["first"] - begin
        sealing = run_script(sys.executable, "crawl_scale_side.py", "seal", url, state, str(users), results)
        items = sum(rows(Path(results, f"{name}.parquet")) for name in ("users", "repositories"))
    parts = [first, killed, rest, sealing]
    processor = sum(part["processor"] for part in parts)
    memory = max(part["memory"] for part in parts)
    return [
        Measure("items", "items", items),
        Measure("parsed and sealed", "items/s of one core", items / processor, goal=Goal("≥", 2000)),
        Measure("the same by the clock", "items/s", items / sum(part["seconds"] for part in parts)),
        Measure("memory", "MiB", memory, goal=Goal("≤", 500)),
        Measure("memory, crawling", "MiB", max(part["memory"] for part in (first, killed, rest))),
        Measure("memory, crawling the first tenth", "MiB", first["memory"]),
        Measure("memory, sealing", "MiB", sealing["memory"]),
        Measure("resume after kill -9", "s", resume, goal=Goal("≤", 10)),
    ]


@contextmanager
def graph(users: int) -> Iterator[str]:
    """The address of the made-up GitHub, in a process of its own."""
    command = [sys.executable, ROOT / "bench" / "github_graph.py", str(users)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def ask(url: str) -> dict:
    """How many users were `asked` about, and when the `first` request came since this was last asked."""
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def crawl_and_kill(url: str, state: str, users: int) -> Values:
    """Crawl until the index has passed so many users, then kill -9. What the process had used by then."""
    script = ROOT / "bench" / "crawl_scale_side.py"
    process = subprocess.Popen([sys.executable, script, "crawl", url, state, str(users * 2)], cwd=ROOT)
    begin = time.monotonic()
    memory = processor = 0.0
    per_second = os.sysconf("SC_CLK_TCK")
    while process.poll() is None and ask(url)["asked"] < users:
        time.sleep(1)
        status = Path(f"/proc/{process.pid}/status").read_text()
        memory = int(status.split("VmHWM:")[1].split()[0]) / 1024
        numbers = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        processor = (int(numbers[11]) + int(numbers[12])) / per_second
    process.send_signal(signal.SIGKILL)
    process.wait()
    return {"seconds": time.monotonic() - begin, "processor": processor, "memory": memory}


def rows(path: Path) -> int:
    with open_parquet(path) as file:
        return file.metadata.num_rows
