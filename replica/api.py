"""What an API is to the replica: it answers what is asked under its paths, and can be made to misbehave."""

import argparse
from collections.abc import Callable
from typing import Protocol

from replica.exchange import Reply, Request


class Api:
    """One API. `reply` is called from many threads at once.

    The methods after it are for a fault script (replica.faults): where one is not overridden, the API cannot
    meet that fault, and a script that asks for it is refused.
    """

    name: str  # in records, in the log, and in a fault script
    prefixes: tuple[str, ...] = ()  # of the paths that are its own

    def start(self, url: str) -> None:
        """Be told the address of the replica, before any request."""

    def reply(self, request: Request) -> Reply:
        raise NotImplementedError

    def refuse(self, seconds: int | None) -> Reply:
        """Too many requests, as the API itself says it; `seconds` is the pause that it names, if it does."""
        raise NotImplementedError

    def login(self) -> Reply:
        """The page that asks a visitor to log in."""
        raise NotImplementedError

    def exhaust(self, seconds: float) -> None:
        """From now on every quota is used up, until it is renewed after `seconds`."""
        raise NotImplementedError

    def expire(self, number: int) -> None:
        """From now on the token with that number (0 is the first) is refused."""
        raise NotImplementedError

    def delete(self, item: str) -> None:
        """From now on that user, question or repository is gone."""
        raise NotImplementedError

    def shift(self, count: int) -> None:
        """From now on, as if `count` new items stood in front of every listing that is paged by number."""
        raise NotImplementedError

    def lists(self, body: dict | list) -> list[list]:
        """The lists of items within the parsed body of an answer."""
        raise NotImplementedError

    def loop(self, request: Request, body: dict | list) -> dict[str, str] | None:
        """Change the parsed body so that its next page is this page; returns headers to replace."""
        raise NotImplementedError

    def can(self, method: str) -> bool:
        """Whether the API meets what `method` stands for."""
        return getattr(type(self), method) is not getattr(Api, method)


class Module(Protocol):
    """A module of the replica that brings an API and its options to the command line."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    # None where the option that turns the API on was not given; InputError for what cannot be used.
    from_arguments: Callable[[argparse.Namespace], Api | None]
