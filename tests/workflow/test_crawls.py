"""`snakemake scrape` of each source in trouble: killed, run again, and no different from a calm crawl."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest
from loopback import free_ports

from replica import Replica, questions
from replica.faults import Faults
from replica.instagram import Instagram
from replica.instagram_people import invent
from replica.stackexchange import StackExchange

FAULTS = [
    {"do": "reset_before", "at": 1},
    {"do": "status", "status": 503, "from": 4, "to": 6},
    {"do": "malformed", "at": 8},
    {"do": "reset_amid", "every": 5},
    {"do": "truncated", "every": 7},
    {"do": "too_many", "seconds": 1, "at": [3, 12]},
]
ROWS = [
    {"question_id": n, "title": f"Question {n}", "body": f"<p>{n}</p>", "tags": ["a", f"b{n % 7}"]}
    for n in range(1, 1200)
]
PEOPLE = invent(8)


@pytest.fixture(scope="module")
def serve(corpus) -> Callable[..., Replica]:
    """Replicas of all three APIs, at the same address one after the other."""
    (port,) = free_ports(1)

    def start(*faults: dict) -> Replica:
        apis = [
            StackExchange(questions.items(ROWS, "scifi.stackexchange.com"), site="scifi"),
            Instagram(PEOPLE),
        ]
        return Replica(corpus, port=port, apis=apis, faults=Faults.of(*faults))

    return start


@pytest.fixture
def workspace(new_workspace, tmp_path) -> Callable:
    """A checkout whose three studies read from the replica at `url`."""
    (tmp_path / "users.txt").write_text("".join(f"{person.name}\n" for person in PEOPLE))

    def new(url: str):
        made = new_workspace()
        made.settings["run"] |= {
            "backoff": {"mult": 0.05, "exp": None, "max": 0.2},
            "ratelimit": {"github": [], "stackexchange": [], "instagram": []},
            "pseudonym_key": str(tmp_path / "pseudonyms.key"),
        }
        study = made.settings["study"]
        study["languages"]["scrape"] |= {"api": url, "protocol": "rest"}
        study["tags"] = {"scrape": {"api": f"{url}/2.3", "to_date": "2020-01-01"}}
        study["ages"] = {"scrape": {"api": url, "users_file": str(tmp_path / "users.txt"), "export": "json"}}
        made.configure()
        return made

    return new


def kill_crawl(workspace, served: Replica, study: str, requests: int) -> None:
    """Run the stage, and kill -9 its job after that many requests."""
    begin = len(served.requests)
    command = workspace.command("scrape", "--cores", "1", "--config", f"studies={study}")
    process = subprocess.Popen(
        command, cwd=workspace.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(served.requests) < begin + requests and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ():
        if ".snakemake/scripts/" in " ".join(child.cmdline()):
            os.kill(child.pid, signal.SIGKILL)
    assert process.wait(timeout=120) != 0, "the crawl had ended before it was killed"


@pytest.mark.parametrize("study", ["languages", "tags", "ages"])
def test_crawl_in_trouble_that_is_killed_and_run_again_gives_what_a_calm_one_gives(study, serve, workspace):
    config = ["scrape", "--config", f"studies={study}"]
    with serve() as served:
        calm = workspace(served.url)
        calm.make(*config)
        asked = len(served.requests)
    with serve(*FAULTS) as served:
        disturbed = workspace(served.url)
        for requests in (3, 4):
            kill_crawl(disturbed, served, study, requests)
        disturbed.make(*config)
        assert len(served.requests) <= asked + len(served.faults.met) + 2, "at most one request more a kill"
        before = len(served.requests)
        assert "Nothing to be done" in disturbed.make(*config)
        assert len(served.requests) == before
    assert without_times(disturbed.digests()) == without_times(calm.digests())


def without_times(digests: dict[str, str]) -> dict[str, str]:
    """All but the lists of failures, which say when each was met."""
    return {name: digest for name, digest in digests.items() if not name.endswith("failures.json")}
