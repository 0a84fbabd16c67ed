"""Sources: one module for each API, named as in the setting `source`, all behind one interface."""

from importlib import import_module
from pathlib import Path
from typing import Protocol


class Source(Protocol):
    """What a study is scraped from. Its progress lies in a folder of its own, which a rerun goes on from."""

    def crawl(self) -> None:
        """Fetch what the settings ask for and the folder does not hold yet."""

    def seal(self, outputs: dict[str, Path]) -> None:
        """Write the stage's results from what was fetched, whole or not at all; sends no request."""


def open_source(study: dict, state: Path, operational: dict) -> Source:
    """The source that `study["source"]` names, with its progress in `state`.

    `study` is the study's block of the configuration, with `scrape` and `exclude`. `operational` holds what
    cannot change a result: `tokens` (path or None), `contact` (str or None), `on_quota` ("wait" or "stop"),
    and, where they are not given, without a limit: `ratelimit` (list of windows like "60/1h"), `backoff`
    (`mult`, `exp`, `max`), `proxies` (path or None), `clocks` (folder that all jobs share), `pseudonym_key`
    (path). Raises ConfigError for settings that cannot be used.
    """
    # By name, so that the code of one source does not make the studies of another stale.
    return import_module(f"garner.sources.{study['source']}").open_source(study, state, operational)
