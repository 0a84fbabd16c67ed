"""A whole study on this machine's own data, with a stand-in of its API: what `make demo` runs."""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from garner.errors import ConfigError, GarnerError
from garner.files import write_text
from garner.logs import duration
from garner.snakemake_run import clear_stale_lock
from replica.demo_ages import Ages
from replica.demo_languages import Languages
from replica.demo_study import DemoStudy
from replica.demo_tags import Tags

SETTINGS = Path("config.local.yaml")
MARK = "# Written by `make demo`"
HEADER = f"{MARK}: the studies read stand-ins of their APIs. `make clean-demo` removes this file."
FOLDER = Path(".demo")
PORT = 8807
STUDIES: dict[str, type[DemoStudy]] = {"languages": Languages, "tags": Tags, "ages": Ages}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("study", nargs="?", default="languages", choices=STUDIES)
    parser.add_argument("--cores", default="all", help="cores that Snakemake may use")
    parser.add_argument("--clean", action="store_true", help="remove the demos' settings and data")
    arguments = parser.parse_args()
    try:
        if arguments.clean:
            clean()
        else:
            demo(arguments.study, arguments.cores)
    except GarnerError as error:
        sys.exit(f"error: {error}")


def demo(name: str, cores: str) -> None:
    """Make the study's data, serve it, run the workflow, and say what came out."""
    begin = time.monotonic()
    refuse_foreign_settings()
    study = STUDIES[name](FOLDER)
    port = settings(name, study)
    clear_stale_lock(Path.cwd())
    if nothing_is_stale(name):
        print("Nothing is stale: every result is up to date.")
    else:
        with study.replica(port):
            command = [*snakemake(name), f"run={json.dumps(study.run_settings())}", "--cores", cores]
            if subprocess.run(command).returncode:
                sys.exit(
                    "The demo stopped; the lines above say where and why. "
                    f"`make demo STUDY={name}` goes on from there."
                )
        print(f"\nThe whole chain took {duration(time.monotonic() - begin)}.")
    print(closing_words(study, Path("results", name)))


def refuse_foreign_settings() -> None:
    """ConfigError where config.local.yaml is not the demo's."""
    if SETTINGS.exists() and not SETTINGS.read_text(encoding="utf-8").startswith(MARK):
        raise ConfigError(
            f"{SETTINGS} holds settings of your own, which the demo would mix with its results. "
            "Run the demo in another clone, or move that file away."
        )


def settings(name: str, study: DemoStudy) -> int:
    """Put the study's block into config.local.yaml, unless it is there; returns the port of its API."""
    local = yaml.safe_load(SETTINGS.read_text(encoding="utf-8")) if SETTINGS.exists() else {}
    blocks = local.setdefault("study", {})
    if name not in blocks:
        blocks[name] = study.settings(f"http://127.0.0.1:{free_port()}")
        write_text(SETTINGS, f"{HEADER}\n{yaml.safe_dump(local)}")
    return urlsplit(blocks[name]["scrape"]["api"]).port


def free_port() -> int:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", PORT))
        except OSError:
            listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def snakemake(name: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--config", f"studies={name}"]


def nothing_is_stale(name: str) -> bool:
    dry = subprocess.run([*snakemake(name), "--dry-run", "--quiet", "rules"], capture_output=True, text=True)
    return dry.returncode == 0 and "Nothing to be done" in dry.stdout + dry.stderr


def closing_words(study: DemoStudy, results: Path) -> str:
    """What came out, where it is, and what to try next."""
    steps = [*study.next_steps(results), f"snakemake --report report.html --config studies={results.name}"]
    model = results / "export/model.int8.onnx"
    lines = [
        "",
        *study.scores(results),
        "",
        f"  model        {model} ({model.stat().st_size:,} bytes)",
        f"  predictions  {results}/predict/test/predictions.csv",
        f"  report       {results}/report/",
        "  settings     config.yaml, and the demo's own in config.local.yaml",
        "",
        "Try next, after `source .venv/bin/activate`:",
        *(f"  {step}" for step in steps),
    ]
    return "\n".join(lines)


def clean() -> None:
    """Remove what the demos made beside the results: their settings and their data."""
    if SETTINGS.exists() and SETTINGS.read_text(encoding="utf-8").startswith(MARK):
        SETTINGS.unlink()
        print(f"Removed {SETTINGS}: the studies read config.yaml alone again.")
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
        print(f"Removed {FOLDER}{os.sep}.")


if __name__ == "__main__":
    main()
