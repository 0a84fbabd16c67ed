"""Trouble by a script: which request meets which fault follows from the script and the request's number.

A script is a file of YAML (or JSON):

    seed: 7
    faults:
      - do: status            # three requests in a row, whatever they ask
        from: 20
        to: 22
        status: 503
      - do: reset_amid        # one request in twenty, by chance
        chance: 0.05
        api: github
        paths: /users/*

`at` (a number or a list of them), `from` and `to`, `every` and `chance` say which requests meet a fault,
counted from 1 over all that the replica is asked, git aside; without any of them all do. `api` and `paths` (a
pattern with `*`) narrow that down. Everything else is an option of the fault: see replica/troubles.py, where
each stands with its own. The first that has an answer gives it; those that only change the replica are met
besides.
"""

import fnmatch
import inspect
import random
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from garner.errors import InputError
from replica import troubles
from replica.api import Api
from replica.exchange import Reply, Request
from replica.troubles import Scene

WHEN = {"at", "from", "to", "every", "chance"}
WHERE = {"api", "paths"}


@dataclass(frozen=True)
class Rule:
    """One fault of a script: when it happens, where, and the options of its trouble."""

    do: str
    when: dict
    where: dict
    options: dict
    place: str  # of the script, for messages

    def meets(self, number: int, request: Request, api: Api, chance: random.Random) -> bool:
        """Whether that request, the `number`th, meets this fault."""
        when, begin = self.when, self.when.get("from", 1)
        at = when.get("at", number)
        return (
            number in (at if isinstance(at, list) else [at])
            and begin <= number <= when.get("to", number)
            and (number - begin) % when.get("every", 1) == 0
            and chance.random() < when.get("chance", 1)
            and self.where.get("api", api.name) == api.name
            and fnmatch.fnmatchcase(request.path, self.where.get("paths", "*"))
        )


class Faults:
    """The faults that a replica makes. It sets `elsewhere`, the address of the other host, and its `time`."""

    def __init__(self, rules: Sequence[Rule], seed: int = 0):
        self._rules = rules
        self._seed = seed
        self._number = 0
        self._counting = threading.Lock()
        self.elsewhere = ""
        self.time = time.time
        self.clock = 0.0  # seconds by which the clock of the replica is wrong
        self.met: list[tuple[int, str]] = []  # number of a request, and the fault that it met

    @property
    def redirect(self) -> bool:
        """Whether the script needs another host."""
        return any(rule.do == "redirect" for rule in self._rules)

    @classmethod
    def read(cls, path: Path | str) -> "Faults":
        """The script of a file. Raises InputError that names the file, the line and the cure."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the fault script {path} can't be read: {error}") from None
        return cls._parse(text, str(path))

    @classmethod
    def of(cls, *faults: dict, seed: int = 0) -> "Faults":
        """A script of these faults: `Faults.of({"do": "reset_before", "at": 3})`."""
        script = {"seed": seed, "faults": list(faults)}
        return cls._parse(yaml.safe_dump(script), "the script")

    @classmethod
    def _parse(cls, text: str, place: str) -> "Faults":
        try:
            script, node = yaml.safe_load(text), yaml.compose(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line = f", line {mark.line + 1}" if mark else ""
            raise InputError(f"{place}{line} is no YAML: {error.problem}. {FORM}") from None
        if not isinstance(script, dict) or not set(script) <= {"seed", "faults"}:
            raise InputError(f"{place} holds something else than `seed` and `faults`. {FORM}")
        faults, seed = script.get("faults"), script.get("seed", 0)
        if not isinstance(seed, int) or not isinstance(faults, list):
            raise InputError(f"{place}: `seed` is a whole number and `faults` a list. {FORM}")
        lines = next(value for key, value in node.value if key.value == "faults").value
        rules = [
            _rule(fault, f"{place}, line {each.start_mark.line + 1}")
            for fault, each in zip(faults, lines, strict=True)
        ]
        return cls(rules, seed)

    def end(self) -> None:
        """Make no trouble any more."""
        self._rules = []

    def check(self, apis: Iterable[Api]) -> None:
        """Raises InputError for a fault that none of `apis` can meet."""
        known = {api.name: api for api in apis}
        for rule in self._rules:
            name = rule.where.get("api")
            if name is not None and name not in known:
                raise InputError(f"{rule.place}: no API {name!r} is mounted. Choose of {', '.join(known)}.")
            needed = troubles.NEEDS.get(rule.do)
            able = [each for each in known if needed is None or known[each].can(needed)]
            if not able if name is None else name not in able:
                cure = f"Choose another fault, or an API of {', '.join(able)}." if able else "Leave it out."
                raise InputError(f"{rule.place}: {name or 'no API'} cannot meet {rule.do!r}. {cure}")

    def reply(self, request: Request, api: Api) -> Reply:
        """What `api` answers, with the trouble that this request meets. Raises ConnectionResetError."""
        if request.resource == "git" or not self._rules:
            return api.reply(request)
        with self._counting:
            self._number += 1
            number = self._number
        for index, rule in enumerate(self._rules):
            chance = random.Random(f"{self._seed} {index} {number}")
            if not rule.meets(number, request, api, chance):
                continue
            needed = troubles.NEEDS.get(rule.do)
            if needed is not None and not api.can(needed):
                continue
            self.met.append((number, rule.do))
            reply = troubles.TROUBLES[rule.do](Scene(request, api, self, chance), **rule.options)
            if reply is not None:
                return self._by_clock(reply)
        return self._by_clock(api.reply(request))

    def _by_clock(self, reply: Reply) -> Reply:
        """The time of renewal that a reply names, by the replica's clock where that is wrong."""
        if "X-RateLimit-Reset" not in reply.headers:
            return reply
        reset = int(reply.headers["X-RateLimit-Reset"]) + int(self.clock)
        return reply._replace(headers={**reply.headers, "X-RateLimit-Reset": str(reset)})


FORM = "Expected `seed: NUMBER` and `faults:` with a list of `- do: FAULT`; replica/faults.py shows one."


def _rule(fault: object, place: str) -> Rule:
    names = ", ".join(sorted(troubles.TROUBLES))
    if not isinstance(fault, dict) or fault.get("do") not in troubles.TROUBLES:
        raise InputError(f"{place}: `do` names no fault. Choose of {names}.")
    do = fault["do"]
    wanted = inspect.signature(troubles.TROUBLES[do]).parameters
    known = {"do", *WHEN, *WHERE, *list(wanted)[1:]}
    if unknown := sorted(set(fault) - known):
        raise InputError(f"{place}: {do} has no option {unknown[0]!r}. Choose of {', '.join(sorted(known))}.")
    options = {name: value for name, value in fault.items() if name in wanted}
    for name, value in fault.items():
        _check(place, name, value, wanted[name].annotation if name in wanted else None)
    for name, parameter in list(wanted.items())[1:]:
        if parameter.default is inspect.Parameter.empty and name not in options:
            raise InputError(f"{place}: {do} needs the option {name!r}.")
    when, where = ({name: fault[name] for name in names & set(fault)} for names in (WHEN, WHERE))
    return Rule(do, when, where, options, place)


def _check(place: str, name: str, value: object, kind: object) -> None:
    whole = {"from", "to", "every"}
    if name == "at":
        numbers = value if isinstance(value, list) else [value]
        right = bool(numbers) and all(type(number) is int and number > 0 for number in numbers)
        expected = "a number of a request, from 1, or a list of them"
    elif name in whole:
        right, expected = type(value) is int and value > 0, "a whole number above 0"
    elif name == "chance":
        right = isinstance(value, int | float) and 0 <= value <= 1
        expected = "a number from 0 to 1"
    elif kind is None:
        right, expected = isinstance(value, str), "a text"
    else:
        right, expected = isinstance(value, kind), str(getattr(kind, "__name__", kind))
    if not right:
        raise InputError(f"{place}: {name} is {value!r}. Expected {expected}.")
