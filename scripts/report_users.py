"""report: the plots and the table of a study of users."""

from garner.jobs import job, named
from garner.reports.users import write_report

with job(snakemake.log[0]):
    write_report(named(snakemake.input), named(snakemake.output))
