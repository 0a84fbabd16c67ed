"""The replica: an HTTP server on loopback that answers as the APIs do which are mounted on it."""

import contextlib
import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from replica.api import Api
from replica.exchange import Intercept, Reply, Request, Seen
from replica.faults import Faults
from replica.hub import build_hub
from replica.listener import serve
from replica.quota import ANONYMOUS, WINDOW, Quota
from replica.service import Service

SECRET = re.compile(r"([?&](?:key|access_token)=)[^&]*")


class Replica:
    """`with Replica(folder) as replica:` serves the bare repositories of `folder` as GitHub, until its end.

    - `tokens`: who shows none is a stranger, with 60 requests an hour and no GraphQL, as on GitHub; an
      unknown token gets 401. Where none are given, nobody needs one.
    - `quota`: REST requests, and as many GraphQL points, for each token in `window` seconds.
    - `seed`: of who follows whom, and of the stars. `extra_users`: users without repositories.
    - `facts`: fields of a `Repository` to replace, as `{"owner/name": {"fork": True, "stars": 7}}`.
    - `apis`: further APIs, each with paths of its own. Without `folder` they are all there is.
    - `log`: a file to which each request is appended as a line of JSON.
    - `intercept`: sees each request first and may answer it with its own (status, headers, body).
    - `faults`: the trouble that it makes, by a script.
    - `clock`: the time of its quotas and of its answers, in seconds of the epoch.

    Within the block `url` is the address, `requests` what was answered, and `elsewhere` what came to the
    other host that a fault redirects to. Raises InputError where the folder holds no repositories, the port
    is taken, or an API cannot meet a fault of the script.
    """

    def __init__(
        self,
        folder: Path | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        tokens: Iterable[str] = (),
        quota: int = 5000,
        window: float = WINDOW,
        seed: int = 0,
        extra_users: int = 0,
        facts: Mapping[str, Mapping] | None = None,
        apis: Sequence[Api] = (),
        log: Path | None = None,
        intercept: Intercept | None = None,
        faults: Faults | None = None,
        clock: Callable[[], float] = time.time,
    ):
        self._address = (host, port)
        self._folder = folder
        self._population = (seed, extra_users, facts or {})
        self._tokens = list(tokens)
        strangers = min(ANONYMOUS, quota) if self._tokens else quota
        self._quota = Quota({None: strangers, **dict.fromkeys(self._tokens, quota)}, window, clock)
        self.apis = list(apis)
        self._log_path = log
        self.intercept = intercept
        self._clock = clock
        self.faults = faults or Faults([])
        self.faults.time = self._time
        self.records: list[dict] = []  # of every request: method, path, resource, status; GraphQL's with body
        self.elsewhere: list[Request] = []
        self._recording = threading.Lock()

    @property
    def requests(self) -> list[Seen]:
        """Method, path with query, and resource of every request answered: `core`, `graphql` or `git` of
        GitHub, else the name of the API."""
        with self._recording:
            return [Seen(each["method"], each["path"], each["resource"]) for each in self.records]

    def __enter__(self) -> "Replica":
        with contextlib.ExitStack() as undo:
            views = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="garner-replica-")))
            self._log = undo.enter_context(open(self._log_path, "a")) if self._log_path else None
            if self._folder is not None:
                self.hub = build_hub(Path(self._folder), views, *self._population)
            server = undo.enter_context(serve(self._address, self.reply, self._time))
            self.url = f"http://{self._address[0]}:{server.server_address[1]}"
            if self._folder is not None:
                self.apis.append(Service(self.hub, views, self.url, self._tokens, self._quota))
            self.faults.check(self.apis)
            if self.faults.redirect:
                other = undo.enter_context(serve((self._address[0], 0), self._reply_elsewhere, self._time))
                # By another name, as who looks at the address alone would take it for the same host.
                self.faults.elsewhere = f"http://localhost:{other.server_address[1]}"
            for api in self.apis:
                api.start(self.url)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _time(self) -> float:
        return self._clock() + self.faults.clock

    def reply(self, request: Request) -> Reply:
        own = self.intercept(request) if self.intercept else None
        api = self._api_of(request)
        try:
            reply = Reply(*own) if own else self.faults.reply(request, api)
        except ConnectionResetError:
            self._record(request, api, 0)
            raise
        self._record(request, api, reply.status)
        return reply

    def _api_of(self, request: Request) -> Api:
        """The API that owns the path; GitHub, which comes last, owns all that no other does."""
        owners = (api for api in self.apis if request.path.startswith(api.prefixes or "/"))
        return next(owners, NOBODY)

    def _reply_elsewhere(self, request: Request) -> Reply:
        """The other host: it takes what comes, and gives what a page for people looks like."""
        self.elsewhere.append(request)
        return Reply(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><title>Welcome</title>")

    def _record(self, request: Request, api: Api, status: int) -> None:
        path = request.path + ("?" + request.query if request.query else "")
        resource = request.resource if isinstance(api, Service) else api.name
        path = SECRET.sub(r"\1...", path)
        entry = {"method": request.method, "path": path, "resource": resource, "status": status}
        if resource == "graphql":
            entry["body"] = request.body.decode(errors="replace")
        with self._recording:
            self.records.append(entry)
            if self._log:
                print(json.dumps(entry), file=self._log, flush=True)


class Nobody(Api):
    """Answers for the paths that no API owns."""

    name = "nobody"

    def reply(self, request: Request) -> Reply:
        return Reply(404, {"Content-Type": "application/json"}, b'{"message": "Not Found"}')


NOBODY = Nobody()
