"""A crawl of 10,000 requests in trouble: one request in twenty meets a fault of a seeded script (resets, cut
bodies, broken JSON, pages for people, 5xx, 429, throttling, a wrong Content-Length), and ours is killed with
`kill -9` at 20 random moments and started again. Pages hold ten questions in place of a hundred, so that
90,000 questions last for that many requests. A request counts as repeated where it is neither one of the calm
crawl's nor follows a fault. StackAPI (PyPI) and perceval (PyPI) meet the same script once, without any kill;
what they had given when they ended is counted.
"""

import random
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.crawl_stackexchange import KEY, SITE, filters_of_peers
from bench.harness import BenchmarkError, Goal, Measure, peer_python, run_script
from garner.sources.stackexchange_questions import host_of
from replica import Replica, questions
from replica.exchange import Reply, Request
from replica.faults import Faults
from replica.stackexchange import StackExchange

TITLE = "a crawl in trouble, and what it ends with"
PAGE = 10  # questions
QUESTIONS = 90_000
KILLS = 20
SEED = 7
FAULTS = [
    {"do": "reset_before", "chance": 0.007},
    {"do": "reset_amid", "chance": 0.007},
    {"do": "truncated", "chance": 0.006},
    {"do": "malformed", "chance": 0.004},
    {"do": "html", "chance": 0.004},
    {"do": "status", "status": 500, "chance": 0.004},
    {"do": "status", "status": 502, "chance": 0.005},
    {"do": "status", "status": 503, "chance": 0.005},
    {"do": "too_many", "seconds": 0, "chance": 0.004},
    {"do": "length", "by": 5, "chance": 0.003},
    {"do": "refuse", "seconds": 1, "chance": 0.001},
]
PEERS = {"stackapi_bulk": "StackAPI", "perceval": "perceval"}


class SmallPages(StackExchange):
    """Gives PAGE questions a page, however many are asked for."""

    def reply(self, request: Request) -> Reply:
        return super().reply(Request(**{**vars(request), "query": f"{request.query}&pagesize={PAGE}"}))


def measure(count: int = QUESTIONS) -> list[Measure]:
    rows = [
        {
            "question_id": n,
            "title": f"Question {n}",
            "body": f"<p>Body of {n}</p>",
            "tags": ["a", f"b{n % 50}"],
        }
        for n in range(1, count + 1)
    ]
    serve = partial(replica, questions.items(rows, host_of(SITE)))
    with TemporaryDirectory(prefix="garner-bench-") as folder:
        calm, asked_calmly, _ = crawl(serve([]), Path(folder, "calm"), [])
        kills = sorted(random.Random(SEED).sample(range(1, asked_calmly), KILLS))
        sealed, asked, met = crawl(serve(FAULTS), Path(folder, "faults"), kills)
    items = {side: peer(side, serve(FAULTS)) for side in PEERS}
    differ = sum(calm[name] != sealed.get(name) for name in calm if name != "questions")
    return [
        *(
            Measure("questions at the end", "questions", sealed["questions"], items[side], name, goal)
            for (side, name), goal in zip(PEERS.items(), [Goal("≥", calm["questions"]), None], strict=True)
        ),
        Measure("results that differ from the calm crawl's", "files", differ, goal=Goal("≤", 0)),
        Measure(
            f"requests repeated for {KILLS} kills",
            "requests",
            asked - asked_calmly - met,
            goal=Goal("≤", KILLS),
        ),
        Measure("requests of the calm crawl", "requests", asked_calmly),
        Measure("faults met", "requests", met),
    ]


def replica(items: list[dict], faults: list[dict]) -> Replica:
    api = SmallPages(items, site=SITE, keys=[KEY], key_quota=10**9, filters=filters_of_peers(items[0]))
    return Replica(apis=[api], faults=Faults.of(*faults, seed=SEED))


def crawl(served: Replica, folder: Path, kills: list[int]) -> tuple[dict, int, int]:
    """Crawl with a `kill -9` at each of these numbers of requests, then to the end and seal.

    Returns the digests of the results and the number of questions, the requests sent, and the faults met.
    """
    chance = random.Random(SEED)
    with served:
        command = [
            sys.executable,
            Path(__file__).with_name("crawl_faults_sides.py"),
            "ours",
            served.url,
            folder,
            KEY,
        ]
        for kill in kills:
            run_and_kill([*map(str, command)], served, kill, chance.uniform(0, 0.02))
        values = run_script(sys.executable, "crawl_faults_sides.py", "ours", served.url, str(folder), KEY)
        return values, len(served.requests), len(served.faults.met)


def run_and_kill(command: list[str], served: Replica, at: int, delay: float) -> None:
    """Start the crawl and kill it `delay` seconds after the replica's `at`th request."""
    due = threading.Event()

    def count(request: Request) -> None:
        if len(served.requests) >= at:
            due.set()

    served.intercept = count
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not due.wait(0.1):
        if process.poll() is not None:
            raise BenchmarkError(f"the crawl ended with exit code {process.returncode} before its kill.")
    time.sleep(delay)
    process.kill()
    process.wait()
    served.intercept = None


def peer(side: str, served: Replica) -> float:
    with served:
        values = run_script(peer_python(), "crawl_faults_sides.py", side, served.url, "", KEY)
        print(
            f"{side}: {values['questions']:,.0f} questions, {len(served.requests):,} requests",
            file=sys.stderr,
        )
        return values["questions"]
