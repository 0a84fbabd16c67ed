"""One job as Snakemake wants it run, read from the job script that it wrote."""

import hashlib
import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from garner.errors import InputError
from garner.files import read_json, sha256_of

GROUPS = Path(".snakemake", "garner", "groups.json")  # the outputs of each job that is in a group
_PROPERTIES = "# properties = "


@dataclass(frozen=True)
class Submission:
    """`key` tells the job (what is to be made, in this working folder), `signature` the version of it."""

    key: str
    signature: str
    targets: list[str]  # "train_model:study=languages"; several for a group
    outputs: list[str]
    log: str  # of the rule, or of the first of a group
    threads: int
    memory_mb: int  # of all threads together
    minutes: int
    gpus: int
    network: bool
    command: str  # what Snakemake wants run, for `sh`
    group: bool = False

    @property
    def title(self) -> str:
        """For people: `train_model of languages`."""
        rule, *wildcards = _parts(self.targets[0])
        more = f" and {len(self.targets) - 1} more" if len(self.targets) > 1 else ""
        return rule + (f" of {', '.join(wildcards)}" if wildcards else "") + more

    @property
    def name(self) -> str:
        """For the scheduler: `train_model.languages.3f9a2c41`. The key finds a job that nobody recorded."""
        words = ".".join(_parts(self.targets[0]))
        return re.sub(r"[^A-Za-z0-9._-]", "_", f"{words}.{self.key}")


def read(script: Path, settings: str) -> Submission:
    """Read a job script. `settings` tells all settings apart; it counts where a job has no params itself."""
    first, _, command = script.read_text().partition(_PROPERTIES)[2].partition("\n")
    try:
        properties = json.loads(first)
    except ValueError:
        raise InputError(
            f"{script} is no job script of Snakemake: it has no line `{_PROPERTIES}…`."
        ) from None
    words = shlex.split(command)
    resources, targets = properties["resources"], _targets(words)
    made_of = {
        "targets": targets,
        "params": properties.get("params", settings),
        "inputs": [_version(path) for path in _inputs(properties, words)],
    }
    return Submission(
        key=hashlib.sha256(f"{Path.cwd()} {targets}".encode()).hexdigest()[:10],
        signature=sha256_of(made_of),
        targets=targets,
        outputs=_outputs(properties, targets),
        log=(properties.get("log") or [_log_of_group(targets)])[0],
        threads=properties["threads"],
        memory_mb=resources["mem_mb"],
        minutes=resources["runtime"],
        gpus=resources.get("gpu", 0),
        network=bool(resources.get("network", 0)),
        command=command,
        group=properties.get("type") == "group",
    )


def _targets(words: list[str]) -> list[str]:
    """What follows `--target-jobs` in Snakemake's call of itself, up to the next option."""
    found = words[words.index("--target-jobs") + 1 :]
    end = next(place for place, word in enumerate(found) if word.startswith("--"))
    return sorted(found[:end])


def _inputs(properties: dict, words: list[str]) -> list[str]:
    """Snakemake leaves out more than 100, which then stand in the file of what the job is to wait for."""
    if properties["input"] is not None:
        return properties["input"]
    paths = Path(words[words.index("--wait-for-files-file") + 1]).read_text().splitlines()
    return sorted(path for path in paths if ".snakemake" not in Path(path).parts)


def _outputs(properties: dict, targets: list[str]) -> list[str]:
    """Of a group, Snakemake leaves out what another job of the same group takes."""
    known = read_json(GROUPS) if GROUPS.exists() else {}
    return [path for target in targets for path in known.get(target, [])] or list(properties["output"] or [])


def _log_of_group(targets: list[str]) -> str:
    rule, *wildcards = _parts(targets[0])
    return "/".join(["logs", *wildcards, f"{rule}.log"])


def _parts(target: str) -> list[str]:
    """`clone_batch:study=languages,batch=3` -> clone_batch, languages, 3."""
    rule, _, wildcards = target.partition(":")
    return [rule, *(pair.partition("=")[2] for pair in wildcards.split(",") if pair)]


def _version(path: str) -> list:
    """What tells one version of an input from another; of a folder, its files'."""
    try:
        files = sorted(os.scandir(path), key=lambda entry: entry.name) if os.path.isdir(path) else []
        stats = [os.stat(path), *(entry.stat() for entry in files)]
    except OSError:
        return [path]
    return [path, *([stat.st_size, stat.st_mtime_ns] for stat in stats)]
