"""What Snakemake measured of each job of the last runs (`benchmarks/STUDY/STAGE/*.tsv`), summed by stage.

Jobs that ran side by side are added up; memory is the largest job's. The set-up of `.venv`, the making of the
demo's repositories and Snakemake's own start are not in it.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from bench.harness import ROOT, BenchmarkError, Goal, Measure
from garner.reset import STAGES

TITLE = "seconds and memory of each stage"
TOTAL_SECONDS = 600


def measure(benchmarks: Path = ROOT / "benchmarks") -> list[Measure]:
    measures = []
    for study in sorted(path.name for path in benchmarks.glob("*/")):
        total = 0.0
        for stage in STAGES:
            jobs = list(jobs_of(benchmarks / study / stage))
            if not jobs:
                raise BenchmarkError(
                    f"{benchmarks / study / stage} holds no measurement: {study} has not run to its "
                    f"end. Run `make demo STUDY={study}` first."
                )
            seconds = sum(seconds for seconds, _ in jobs)
            total += seconds
            measures.append(Measure(f"{study}, {stage}: time", "s", seconds))
            measures.append(Measure(f"{study}, {stage}: memory", "MB", max(memory for _, memory in jobs)))
        measures.append(Measure(f"{study}: total time", "s", total, goal=Goal("≤", TOTAL_SECONDS)))
    if not measures:
        raise BenchmarkError(f"{benchmarks} is not there or empty. Run `make demo` first.")
    return measures


def jobs_of(folder: Path) -> Iterator[tuple[float, float]]:
    """Seconds and peak resident memory (MB) of each job; "-" stands for one too short to be sampled."""
    for path in sorted(folder.glob("*.tsv")):
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                yield float(row["s"]), float(row["max_rss"]) if row["max_rss"] not in ("-", "NA") else 0.0
