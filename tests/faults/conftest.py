"""Every drill runs against each source; its calm crawl is made once."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from drills import SUBJECTS, Crawl, Subject, crawl


@dataclass(frozen=True)
class Calm:
    sealed: dict[str, bytes]
    requests: int


@pytest.fixture(scope="session", params=SUBJECTS, ids=lambda subject: subject.name)
def subject(request) -> Subject:
    return request.param


@pytest.fixture(scope="session")
def calm(subject, tmp_path_factory) -> Calm:
    """The crawl to compare with."""
    with crawl(subject, tmp_path_factory.mktemp("calm") / "calm") as undisturbed:
        return Calm(undisturbed.run(), len(undisturbed.replica.requests))


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch):
    monkeypatch.setattr("backoff.full_jitter", lambda bound: bound)


@pytest.fixture
def survives(subject, calm, tmp_path) -> Callable[..., Crawl]:
    """`survives(fault, …)`: the crawl ends in the same bytes, after at most `extra` requests more."""

    def drill(*faults: dict, extra: int | None = None, tokens: bool = False) -> Crawl:
        with crawl(subject, tmp_path / "disturbed", *faults, tokens=tokens) as disturbed:
            assert disturbed.run() == calm.sealed
        met = len(disturbed.replica.faults.met)
        assert met, "the crawl met no fault"
        asked = len(disturbed.replica.requests)
        assert asked <= calm.requests + (2 * met if extra is None else extra), f"{asked} of {calm.requests}"
        return disturbed

    return drill
