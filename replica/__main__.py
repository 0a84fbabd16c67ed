"""`python -m replica`: see `--help`."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from garner.errors import GarnerError
from replica import Replica

DESCRIPTION = """\
Answer as the GitHub API does, on this machine alone, for a folder of bare git repositories.

The folder may be laid out as owner/name.git, owner/name, owner+name/repo or owner+name(.git). The owners
become users who follow one another, so that a crawl from the first of them in sorted order reaches all.
Nothing in the folder is changed, and no hook or configuration in it is heeded.

One address serves everything:
  GET  /users/LOGIN   /users/LOGIN/following   /users/LOGIN/followers   /users/LOGIN/repos
  GET  /repos/OWNER/NAME   /repos/OWNER/NAME/languages   /rate_limit
  POST /graphql
  git clone URL/OWNER/NAME.git
"""
EPILOG = """\
example:
  python -m replica --repositories repositories/ --port 8080 &
  curl http://127.0.0.1:8080/rate_limit
  git clone --bare --depth 1 http://127.0.0.1:8080/octocat/hello-world.git

A line with the address is printed as soon as it listens. SIGTERM and Ctrl-C end it.
"""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m replica",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--repositories", type=Path, required=True, metavar="DIR", help="folder of bare git repositories")
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=int, default=0, help="port to listen on (any free one)")
    add("--tokens", default="", metavar="T1,T2", help="tokens that are known; without, nobody needs one")
    add(
        "--quota",
        type=int,
        default=5000,
        metavar="N",
        help="requests, and GraphQL points, a token an hour (%(default)s)",
    )
    add("--seed", type=int, default=0, help="of who follows whom (%(default)s)")
    add("--log", type=Path, metavar="FILE", help="append each request to FILE as a line of JSON")
    return parser.parse_args()


def main() -> None:
    asked = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: sys.exit(0))
    replica = Replica(
        asked.repositories,
        port=asked.port,
        host=asked.host,
        tokens=[token for token in asked.tokens.split(",") if token],
        quota=asked.quota,
        seed=asked.seed,
        log=asked.log,
    )
    try:
        with replica:
            users, repositories = len(replica.hub.users), len(replica.hub.repositories)
            print(f"{replica.url} answers for {repositories} repositories of {users} users", flush=True)
            threading.Event().wait()
    except (GarnerError, OSError) as error:
        sys.exit(f"python -m replica: {error}")


if __name__ == "__main__":
    main()
