"""A made-up GitHub of any size, answering GraphQL without holding any of it: each user follows from a number.

User n follows users 3n+1 to 3n+3, so that everyone is reached from user 0, and others at random.
`python bench/github_graph.py USERS` serves it on a free port of loopback, prints the address, and ends with
its input.
"""

import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BRANCHES = 3
# How many users each follows besides, and how many repositories each owns: a hundredth of the users each.
FOLLOWS = [0] * 40 + [1] * 15 + [2] * 12 + [4] * 10 + [8] * 9 + [15] * 6 + [30] * 4 + [60] * 2 + [120] + [250]
REPOSITORIES = (
    [0] * 20 + [1] * 20 + [2] * 18 + [3] * 12 + [5] * 10 + [8] * 8 + [12] * 6 + [20] * 4 + [35, 120]
)
LANGUAGES = ["C", "Go", "Lua", "Java", "Perl", "Ruby", "Rust", "Shell", "Python", "Haskell", "TypeScript"]

ALIAS = re.compile(r'(a\d+): user\(login: "user-(\d+)"\) (.*)')
LIST = re.compile(r'(following|repositories)\(first: (\d+)(?:, after: "(\d+)")?')


def mixed(number: int) -> int:
    """A number below 2**64 that has nothing to do with `number` (splitmix64)."""
    number = (number + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return number ^ (number >> 31)


def following(user: int, users: int) -> list[str]:
    children = range(BRANCHES * user + 1, min(BRANCHES * user + BRANCHES + 1, users))
    others = (mixed(user * 1000 + each) % users for each in range(FOLLOWS[mixed(user) % 100]))
    return [f"user-{each:07}" for each in dict.fromkeys([*children, *others]) if each != user]


def repository(user: int, number: int) -> str:
    """The JSON of a node of the connection `repositories`."""
    chance = mixed(user * 1000 + number + 500)
    name = f"user-{user:07}/project-{number:03}"
    sizes = {
        LANGUAGES[(chance >> each) % 8 + each]: (chance >> 7 * each) % 90000 for each in range(chance % 4)
    }
    edges = ",".join(f'{{"size":{size},"node":{{"name":"{language}"}}}}' for language, size in sizes.items())
    fork = "true" if chance % 3 else "false"
    return (
        f'{{"nameWithOwner":"{name}","url":"https://github.com/{name}","isFork":{fork},'
        f'"isArchived":false,"stargazerCount":{chance % 50},"diskUsage":{chance % 100000},'
        '"defaultBranchRef":{"name":"main"},"licenseInfo":{"spdxId":"MIT"},'
        f'"languages":{{"edges":[{edges}],"pageInfo":{{"hasNextPage":false,"endCursor":null}}}}}}'
    )


def connection(user: int, users: int, what: str, first: int, after: int) -> str:
    if what == "following":
        items = following(user, users)
        nodes = [f'{{"login":"{login}"}}' for login in items[after : after + first]]
        total = len(items)
    else:
        total = REPOSITORIES[mixed(user + 1) % 100]
        nodes = [repository(user, number) for number in range(after, min(total, after + first))]
    more = "true" if after + first < total else "false"
    return (
        f'{{"nodes":[{",".join(nodes)}],"pageInfo":{{"hasNextPage":{more},"endCursor":"{after + first}"}}}}'
    )


def answer(query: str, users: int) -> str:
    aliases = []
    for alias, number, asked in ALIAS.findall(query):
        fields = [f'"login":"user-{number}"']
        fields += [
            f'"{what}":{connection(int(number), users, what, int(first), int(after or 0))}'
            for what, first, after in LIST.findall(asked)
        ]
        aliases.append(f'"{alias}":{{{",".join(fields)}}}')
    return f'{{"data":{{{",".join(aliases)}}}}}'


def serve(users: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
            seen["first"] = seen["first"] or time.time()
            seen["asked"] += query.count("repositories(first: 30, privacy")
            self._write(answer(query, users))

        def do_GET(self) -> None:
            """How many users were asked about, and when the first request came since this was last asked."""
            self._write(json.dumps(seen))
            seen["first"] = None

        def _write(self, text: str) -> None:
            body = text.encode()
            self.send_response_only(200)
            for name, value in {"Content-Length": len(body), "X-RateLimit-Remaining": 5000}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    seen = {"first": None, "asked": 0}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
