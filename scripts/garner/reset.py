"""Forget a stage: its results, and the progress that survives a crash."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from garner.errors import ConfigError
from garner.jobs import lock

STAGES = ["scrape", "clone", "sort", "dictionary", "serialize", "train", "export", "predict", "report"]


def reset(study: str, stage: str, ask: Callable[[str], bool], say: Callable[[str], None] = print) -> bool:
    """Show what would go, ask, and remove it; True if it went.

    The results of the stages after it go as well: with them there, Snakemake would see no need to make it
    anew. Their progress stays. Raises ConfigError for an unknown stage and StateLockedError while a job works
    on the stage's progress.
    """
    if stage not in STAGES:
        raise ConfigError(f"STAGE={stage} is no stage; the stages are {', '.join(STAGES)}.")
    state = Path("state", study, stage)
    later = [Path("results", study, name) for name in STAGES[STAGES.index(stage) :]]
    folders = [folder for folder in (state, *later) if folder.is_dir()]
    if not folders:
        say(f"{study} has neither results nor progress of {stage}: nothing to forget.")
        return False
    for folder in folders:
        files = [file for file in folder.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        kind = "progress" if folder == state else "results "
        say(f"{kind}  {folder}{os.sep}  {len(files):,} files, {size / 1e6:,.1f} MB")
    if state in folders:
        say(f"What {stage} fetched or computed so far would have to be fetched or computed again.")
    if not ask(f"Forget {stage} of {study}, and the results of what follows from it?"):
        say("Nothing was changed.")
        return False
    _refuse_while_in_use(state)
    for folder in folders:
        shutil.rmtree(folder)
    say(f"Forgotten. The next run makes {stage} of {study} anew, and what follows from it.")
    return True


def _refuse_while_in_use(state: Path) -> None:
    for marker in sorted(state.rglob(".lock")):
        with lock(marker.parent):
            pass
