"""`python -m replica`: see `--help`."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from garner.errors import GarnerError, InputError
from replica import Replica, instagram, stackexchange
from replica.faults import Faults

DESCRIPTION = """\
Answer as the APIs of GitHub, Stack Exchange and Instagram do, on this machine alone.

GitHub needs a folder of bare git repositories, laid out as owner/name.git, owner/name, owner+name/repo or
owner+name(.git). The owners become users who follow one another, so that a crawl from the first of them in
sorted order reaches all. Nothing in the folder is changed, and no hook or configuration in it is heeded.

One address serves everything:
  GET  /users/LOGIN   /users/LOGIN/following   /users/LOGIN/followers   /users/LOGIN/repos
  GET  /repos/OWNER/NAME   /repos/OWNER/NAME/languages   /rate_limit
  POST /graphql
  git clone URL/OWNER/NAME.git
  GET  /2.3/... as Stack Exchange, and /api/v1/... and /graphql/query as Instagram, where they are asked for
"""
EPILOG = """\
example:
  python -m replica --repositories repositories/ --port 8080 --faults faults.yaml &
  curl http://127.0.0.1:8080/rate_limit
  git clone --bare --depth 1 http://127.0.0.1:8080/octocat/hello-world.git

A fault script names what goes wrong, and when (docs/crawling.md has the list; replica/faults.py the form):
  seed: 7
  faults:
    - {do: status, status: 503, from: 20, to: 22}
    - {do: reset_amid, chance: 0.05}

A line with the address is printed as soon as it listens. SIGTERM and Ctrl-C end it.
"""
MODULES = (stackexchange, instagram)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m replica",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=int, default=0, help="port to listen on (any free one)")
    add(
        "--faults",
        type=Path,
        metavar="SCRIPT",
        help="make the trouble that this file of YAML or JSON asks for",
    )
    add("--log", type=Path, metavar="FILE", help="append each request to FILE as a line of JSON")
    add = parser.add_argument_group("GitHub").add_argument
    add("--repositories", type=Path, metavar="DIR", help="folder of bare git repositories; turns it on")
    add("--tokens", default="", metavar="T1,T2", help="tokens that are known; without, nobody needs one")
    add(
        "--quota",
        type=int,
        default=5000,
        metavar="N",
        help="requests, and GraphQL points, a token an hour (%(default)s)",
    )
    add("--seed", type=int, default=0, help="of who follows whom (%(default)s)")
    for module in MODULES:
        module.add_arguments(parser)
    return parser.parse_args()


def build(asked: argparse.Namespace) -> Replica:
    """The replica of what the command line asks for. Raises InputError."""
    apis = [api for module in MODULES if (api := module.from_arguments(asked)) is not None]
    if asked.repositories is None and not apis:
        raise InputError("no API is asked for. Give --repositories DIR, or what --help names for another.")
    return Replica(
        asked.repositories,
        port=asked.port,
        host=asked.host,
        tokens=[token for token in asked.tokens.split(",") if token],
        quota=asked.quota,
        seed=asked.seed,
        apis=apis,
        log=asked.log,
        faults=Faults.read(asked.faults) if asked.faults else None,
    )


def main() -> None:
    asked = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: sys.exit(0))
    try:
        with build(asked) as replica:
            print(f"{replica.url} answers for {' and '.join(map(str, replica.apis))}", flush=True)
            threading.Event().wait()
    except (GarnerError, OSError) as error:
        sys.exit(f"python -m replica: {error}")


if __name__ == "__main__":
    main()
