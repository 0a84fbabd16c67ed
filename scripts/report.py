"""report: the study's plots and tables."""

from garner.reporting import write_report

from garner.jobs import job, named

with job(snakemake.log[0]):
    write_report(named(snakemake.input), named(snakemake.output))
