"""The setting `exclude`: owners and repositories that disappear from every result, in every stage."""

from collections.abc import Iterable


class Excluded:
    """`name in Excluded(["owner", "other/name"])`, for an "owner" or an "owner/name", whatever the case."""

    def __init__(self, names: Iterable[str]):
        self._names = {name.lower() for name in names}

    def __contains__(self, name: str) -> bool:
        name = name.lower()
        return name in self._names or name.partition("/")[0] in self._names
