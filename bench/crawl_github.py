"""10,000 users with whom they follow, what they own, and the languages of that: `@octokit/rest`, GitHub's own
client of REST, against our crawl by GraphQL, both on the replica.

REST needs a request for each page of 100 followed, for each page of 100 repositories, and for the languages
of each repository, and each of them costs a point. Points of GraphQL are counted by the formula that GitHub
publishes, as if each page were full. Who owns how much is drawn from real accounts: the 20,212 users among
the first contributors to popular repositories in the public data of github.com/michbaum/githubGraph (commits
b7f56de7 and d6aeea1b, files most_updated_10_contributor_info_1 and _2), hundredth by hundredth, each by the
number in its middle: 52.6 repositories on average (median 28, up to 516), and 23.5 followed (median 4, up to
487), drawn apart from each other. The users in the recorded answers of GitHub that come with both numbers
have 12, 16 and 71 repositories, and follow 4, 39 and 5.
"""

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from bench.harness import ROOT, BenchmarkError, Goal, Measure, Values
from garner.files import open_parquet, read_parquet
from garner.sources import open_source
from replica import Replica
from replica.population import Population

TITLE = "requests and points for 10,000 GitHub users"
USERS = 10_000
TOKEN = "benchmark"
# The numbers at 0.5%, 1.5%, … 99.5% of those accounts, sorted.
# fmt: off
REPOSITORIES = [
    0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 12, 12, 13, 13,
    14, 15, 15, 16, 16, 17, 18, 18, 19, 20, 21, 21, 22, 23, 24, 25, 25, 26, 27, 28, 29, 30, 31, 32, 33,
    34, 36, 37, 38, 39, 41, 42, 43, 45, 46, 48, 49, 51, 53, 54, 56, 58, 61, 63, 65, 68, 70, 73, 76, 80,
    83, 87, 91, 95, 100, 105, 110, 117, 124, 131, 140, 150, 162, 178, 196, 222, 261, 319, 516,
]
FOLLOWS = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 7, 7, 7, 8, 8, 9, 10, 10, 11,
    12, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 25, 27, 29, 31, 33, 36, 39, 42, 45, 50, 55, 61, 69,
    77, 88, 101, 119, 142, 183, 261, 487,
]
# fmt: on


def measure(users: int = USERS) -> list[Measure]:
    population = Population(users, FOLLOWS, REPOSITORIES)
    peer = on_the_replica(population, walk_by_octokit)
    ours = on_the_replica(population, crawl)
    for name in ("users", "follows", "repositories", "languages"):
        if ours[name] != peer[name]:
            raise BenchmarkError(f"the two met {ours[name]:,.0f} and {peer[name]:,.0f} {name}.")
    return compared(ours, peer)


def compared(ours: Values, peer: Values) -> list[Measure]:
    met = [Measure(name, name, ours[name]) for name in ("users", "follows", "repositories", "languages")]
    for name, bound in (("requests", 50), ("points", 10)):
        met.append(Measure(name, name, ours[name], peer[name], "@octokit/rest"))
        met.append(Measure(f"times fewer {name}", "times", peer[name] / ours[name], goal=Goal("≥", bound)))
    return met


def on_the_replica(population: Population, walk) -> Values:
    with (
        mock.patch("replica.server.build_hub", return_value=population),
        TemporaryDirectory(prefix="garner-bench-") as folder,
        Replica(Path(folder), tokens=[TOKEN], quota=10**9) as replica,
    ):
        values = walk(replica.url, population.users[0].login, Path(folder))
        asked = [each for each in replica.requests if each.path != "/rate_limit"]
        return values | {"requests": len(asked)}


def walk_by_octokit(url: str, login: str, _: Path) -> Values:
    if not shutil.which("node") or not shutil.which("npm"):
        raise BenchmarkError("node and npm, which bring the peer @octokit/rest, are not here. Install them.")
    at = ROOT / "tests" / "replica"  # where its version is pinned
    if not (at / "node_modules").exists():
        subprocess.run(["npm", "ci", "--loglevel=error"], cwd=at, check=True)
    script = ROOT / "bench" / "crawl_github.mjs"
    command = ["node", script, url, TOKEN, login, at / "package.json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise BenchmarkError(f"{script.name} failed with exit code {done.returncode}.")
    return json.loads(done.stdout)


def crawl(url: str, login: str, folder: Path) -> Values:
    tokens = folder / "tokens"
    tokens.write_text(TOKEN)
    tokens.chmod(0o600)
    settings = {
        "api": url,
        "protocol": "graphql",
        "seeds": [login],
        "repositories_file": None,
        "stop_after": {"users": None, "repositories": None, "date": None},
        **{"forks": True, "archived": True, "maximum_size_kib": None, "minimum_stars": 0},
        **{"licences": [], "languages": []},
    }
    operational = {"tokens": str(tokens), "contact": None, "on_quota": "wait"}
    source = open_source(
        {"source": "github", "exclude": [], "scrape": settings}, folder / "state", operational
    )
    source.crawl()
    outputs = {name: folder / f"{name}.parquet" for name in ("users", "repositories")}
    source.seal(outputs)
    rows = read_parquet(outputs["users"], ["following"])
    languages = sum(len(row["languages"]) for row in read_parquet(outputs["repositories"], ["languages"]))
    return {
        "users": count(outputs["users"]),
        "follows": sum(row["following"] for row in rows),
        "repositories": count(outputs["repositories"]),
        "languages": languages,
        "points": points(url),
    }


def points(url: str) -> int:
    """What the replica has charged for GraphQL."""
    request = urllib.request.Request(
        f"{url}/rate_limit", headers={"Authorization": f"Bearer {TOKEN}", "User-Agent": "bench"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["resources"]["graphql"]["used"]


def count(path: Path) -> int:
    with open_parquet(path) as file:
        return file.metadata.num_rows
