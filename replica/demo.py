"""The whole chain on real code, with a stand-in of the API on this machine: what `make demo` runs."""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from garner.configuration import checked
from garner.errors import ConfigError, GarnerError
from garner.files import write_text
from garner.logs import duration
from garner.settings_file import holds_settings
from garner.snakemake_run import clear_stale_lock
from replica import Replica
from replica.corpus import build

SETTINGS = Path("config.local.yaml")
HEADER = (
    "# Written by `make demo`: the study reads a stand-in of GitHub. `make clean-demo` removes this file."
)
FOLDER = Path(".demo")
REPOSITORIES = FOLDER / "repositories"
PORT = 8807


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("study", nargs="?", default="languages", choices=["languages"])
    parser.add_argument("--cores", default="all", help="cores that Snakemake may use")
    parser.add_argument("--clean", action="store_true", help="remove the demo's settings and repositories")
    arguments = parser.parse_args()
    try:
        if arguments.clean:
            clean()
        else:
            demo(arguments.study, arguments.cores)
    except GarnerError as error:
        sys.exit(f"error: {error}")


def demo(study: str, cores: str) -> None:
    """Build the corpus, serve it, run the workflow, and say what came out."""
    begin = time.monotonic()
    names = build(REPOSITORIES, sources=further_sources())
    api = settings(study, names)
    clear_stale_lock(Path.cwd())
    if nothing_is_stale(study):
        print("Nothing is stale: every result is up to date.")
    else:
        with Replica(REPOSITORIES, port=int(api.rsplit(":", 1)[1])):
            command = [*snakemake(study), "--cores", cores]
            if subprocess.run(command).returncode:
                sys.exit(
                    "The demo stopped; the lines above say where and why. `make demo` goes on from there."
                )
        print(f"\nThe whole chain took {duration(time.monotonic() - begin)}.")
    print(summary(Path("results", study)))


def further_sources() -> list[Path]:
    """The folders of sources that config.yaml names in `run.demo_sources`; ConfigError for any mistake."""
    holds_settings("config.yaml")
    given = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    config = checked(given, Path("rules", "config.schema.yaml"))
    return [Path(folder).expanduser() for folder in config["run"]["demo_sources"]]


def settings(study: str, names: list[str]) -> str:
    """Write config.local.yaml, unless it is there; returns the address of the API in it."""
    if SETTINGS.exists():
        text = SETTINGS.read_text(encoding="utf-8")
        if not text.startswith(HEADER):
            raise ConfigError(
                f"{SETTINGS} holds settings of your own, which the demo would mix with its results. "
                "Run the demo in another clone, or move that file away."
            )
        return yaml.safe_load(text)["study"][study]["scrape"]["api"]
    api = f"http://127.0.0.1:{free_port()}"
    scrape = {"api": api, "seeds": [min(name.split("/")[0] for name in names)]}
    local = {"study": {study: {"scrape": scrape, "clone": {"batches": 4}}}}
    write_text(SETTINGS, f"{HEADER}\n{yaml.safe_dump(local)}")
    return api


def free_port() -> int:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", PORT))
        except OSError:
            listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def snakemake(study: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--config", f"studies={study}"]


def nothing_is_stale(study: str) -> bool:
    dry = subprocess.run([*snakemake(study), "--dry-run", "--quiet", "rules"], capture_output=True, text=True)
    return dry.returncode == 0 and "Nothing to be done" in dry.stdout + dry.stderr


def summary(results: Path) -> str:
    """What came out, where it is, and what to try next."""
    metrics = json.loads((results / "predict/test/metrics.json").read_text())
    labels = json.loads((results / "sort/labels.json").read_text())
    model = results / "export/model.int8.onnx"
    lines = [
        "",
        f"Balanced accuracy on repositories never trained on: {metrics['balanced_accuracy']:.1%}"
        f" ({metrics['samples']:,} files, int8 model, {1 / len(metrics['classes']):.1%} by chance)",
        "",
        *per_language(metrics["classes"], labels["left_out"]),
        "",
        f"  model        {model} ({os.path.getsize(model):,} bytes)",
        f"  predictions  {results}/predict/test/predictions.csv",
        f"  report       {results}/report/ (confusion.svg, files.svg, learning_curves.svg, crawl.svg)",
        "  settings     config.yaml, and the demo's own in config.local.yaml",
        "",
        "Try next, after `source .venv/bin/activate`:",
        f"  snakemake predict --cores 1 --config studies={results.name} input=scripts",
        "  snakemake --report report.html",
    ]
    return "\n".join(lines)


def per_language(classes: dict[str, dict], left_out: dict[str, str]) -> Iterator[str]:
    yield f"  {'language':14}{'files':>7}{'precision':>11}{'recall':>8}{'F1':>8}"
    for name, row in classes.items():
        precision, recall, f1 = (share(row[key]) for key in ("precision", "recall", "f1"))
        yield f"  {name:14}{row['support']:7,}{precision:>11}{recall:>8}{f1:>8}"
    for name, why in left_out.items():
        yield f"  {name:14}left out: {why}"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def clean() -> None:
    """Remove what the demo made beside the results: its settings and its repositories."""
    if SETTINGS.exists() and SETTINGS.read_text(encoding="utf-8").startswith(HEADER):
        SETTINGS.unlink()
        print(f"Removed {SETTINGS}: the study reads config.yaml alone again.")
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
        print(f"Removed {FOLDER}{os.sep}.")


if __name__ == "__main__":
    main()
