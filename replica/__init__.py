"""Loopback stand-ins of the APIs that Garner reads, over real local data.

In a test, over a folder of bare git directories:

    import pytest
    import requests
    from replica import Replica

    @pytest.fixture
    def replica(tmp_path):
        with Replica(tmp_path / "repositories", tokens=["one", "two"], quota=100) as running:
            yield running

    def test_something(replica):
        requests.get(f"{replica.url}/users/octocat", headers={"Authorization": "Bearer one"})
        assert replica.requests == [("GET", "/users/octocat", "core")]

Further APIs are mounted beside GitHub, or alone, each under paths of its own (replica.api), and a script
makes them all misbehave (replica.faults):

    Replica(apis=[StackExchange(questions)], faults=Faults.of({"do": "reset_amid", "chance": 0.05}))

Trouble at the edge by hand: `replica.intercept = fault`, where `fault(request)` returns None or a (status,
headers, body) of its own, such as `(451, {"Content-Type": "application/json"}, b'{"message": "Repository
access blocked"}')`. A body may be a generator, and one that raises ConnectionResetError cuts the answer off.
"""

from replica.server import Replica

__all__ = ["Replica"]
