# Garner: from a public API to a trained, deployable text classifier. Read docs/architecture.md for the whole.
import os
import sys

from snakemake.utils import min_version

min_version("9.20")


SCRIPTS = os.path.join(workflow.basedir, "scripts")
sys.path.insert(0, SCRIPTS)
# For the jobs, on this host or a cluster's: the library of this checkout, and this Python's commands.
os.environ.update(
    PYTHONPATH=os.pathsep.join(filter(None, [SCRIPTS, os.getenv("PYTHONPATH")])),
    PATH=os.pathsep.join([os.path.dirname(sys.executable), os.getenv("PATH", "")]),
)

from garner import snakemake_run
from garner.settings_file import holds_settings

if workflow.is_main_process:
    holds_settings("config.yaml")  # Snakemake would not name the line of a mistake

    configfile: "config.yaml"

    # Of this checkout alone, never committed: tokens, seeds, a site's own; `make demo` writes one.
    if holds_settings("config.local.yaml"):

        configfile: "config.local.yaml"

else:

    # A job on a cluster may start hours after it was submitted: it is given the settings of that moment.
    configfile: snakemake_run.kept_settings()


report: "rules/report/workflow.rst"


# In the order in which the data flows.
include: "rules/common.smk"
include: "rules/scrape.smk"
include: "rules/clone.smk"
include: "rules/sort.smk"
include: "rules/baseline.smk"
include: "rules/dictionary.smk"
include: "rules/serialize.smk"
include: "rules/train.smk"
include: "rules/export.smk"
include: "rules/predict.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        rules.export.input,
        rules.predict.input,
        rules.report.input,


onstart:
    snakemake_run.begin(workflow.dag)


onerror:
    snakemake_run.last_words(log)
