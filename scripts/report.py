"""report: the study's plots and tables."""

from garner.jobs import job, named
from garner.reports.languages import write_report

with job(snakemake.log[0]):
    write_report(named(snakemake.input), named(snakemake.output))
