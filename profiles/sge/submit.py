#!/usr/bin/env python3
"""Submit one job script of Snakemake to Grid Engine and print its id."""

import argparse
import math
import subprocess
import sys
from pathlib import Path

import yaml


def command(job: argparse.Namespace, site: dict) -> list[str]:
    """The `qsub` call for `job` (rule, log, threads, memory in MB, minutes, gpus, network) at `site`."""
    if job.gpus:
        queue = site["queues"]["gpu"]
    elif job.network and site["queues"]["network"]:
        queue = site["queues"]["network"]
    else:
        queue = site["queues"]["cpu"]
    seconds = job.minutes * 60
    limits = [
        f"{site['memory']}={math.ceil(job.memory / job.threads)}M",
        f"h_rt={seconds}",
        f"s_rt={max(seconds - site['warning_seconds'], seconds // 2)}",
    ]
    if job.gpus:
        limits.append(f"{site['gpus']}={job.gpus}")
    call = ["qsub", "-terse", "-cwd", "-V", "-r", "n", "-notify", "-N", f"garner.{job.rule}", "-q", queue]
    call += ["-j", "y", "-o", f"{job.log}.sge", "-l", ",".join(limits)]
    if job.threads > 1:
        call += ["-pe", site["parallel_environment"], str(job.threads)]
    if site["project"]:
        call += ["-P", site["project"]]
    if site["mail"]:
        call += ["-m", "a", "-M", site["mail"]]
    return [*call, *site["extra"], job.script]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", required=True)
    parser.add_argument("--log", required=True, help="the rule's log; the scheduler's goes beside it as .sge")
    for name in ("threads", "memory", "minutes", "gpus", "network"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("script", help="the job script that Snakemake wrote")
    job = parser.parse_args()
    site = yaml.safe_load(Path(__file__).with_name("cluster.yaml").read_text())
    Path(job.log).parent.mkdir(parents=True, exist_ok=True)
    try:
        print(
            subprocess.run(command(job, site), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        )
    except FileNotFoundError:
        sys.exit("qsub is not on the PATH. Run this on a host that may submit, or load the site's module.")
    except subprocess.CalledProcessError:
        sys.exit(
            f"Grid Engine refused the job (its words are above). Check {site} in profiles/sge/cluster.yaml."
        )


if __name__ == "__main__":
    main()
