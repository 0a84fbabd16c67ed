"""scrape: crawl the study's source and seal what its filters keep."""

from pathlib import Path

from garner.jobs import job, named
from garner.sources import open_source

state = Path("state", snakemake.wildcards.study, "scrape")
with job(snakemake.log[0], state):
    study = snakemake.config["study"][snakemake.wildcards.study]
    run = snakemake.config["run"]
    operational = {
        "tokens": run["tokens"][study["source"]],
        "contact": run["contact"],
        "on_quota": run["on_quota"],
        "ratelimit": run["ratelimit"][study["source"]],
        "backoff": run["backoff"],
        "proxies": run["proxies"],
        "clocks": Path("state", ".clocks"),
        "pseudonym_key": run["pseudonym_key"],
    }
    source = open_source(study, state, operational)
    source.crawl()
    source.seal(named(snakemake.output))
