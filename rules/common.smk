# What the rules share: the checked config, the chosen studies, and each rule's params.
import re
from types import SimpleNamespace

from snakemake.exceptions import WorkflowError

from garner.configuration import checked, chosen_studies
from garner.errors import GarnerError
from garner.files import sha256
from garner.fingerprint import fingerprint
from garner.inputs import input_files, input_name, refuse_unfit_names

try:
    config.update(
        checked(config, os.path.join(workflow.basedir, "rules", "config.schema.yaml"))
    )
    STUDIES = chosen_studies(config)
    INPUT_NAME = input_name(config["input"], STUDIES)
    INPUT_FILES = refuse_unfit_names(input_files(config["input"]))
except GarnerError as error:
    raise WorkflowError(str(error)) from None

SPLITS = ["train", "validation", "test"]


wildcard_constraints:
    study="|".join(config["study"]),
    split="|".join(SPLITS),
    batch=r"\d+",
    name=r"[\w.-]+",


def study(key, *keys):
    """A function from wildcards to one setting of the study, so that only its own change reruns a job."""

    def value(wildcards):
        found = config["study"][wildcards.study][key]
        for inner in keys:
            found = found[inner]
        return found

    return value


def code(adapter, *kinds):
    """The fingerprint of an adapter and its imports; a kind is a key that names the study's source or model."""

    def value(wildcards):
        block = config["study"][wildcards.study]
        modules = {"source": "garner.sources.{}", "model": "garner.models.{}"}
        return fingerprint(
            os.path.join(SCRIPTS, adapter),
            [modules[kind].format(block[kind]) for kind in kinds],
        )

    return value


def of_each_study(path):
    """`path` for each chosen study."""
    return expand(path, study=STUDIES)


def clone_batches(wildcards):
    """The batches that a study's repositories are cloned in."""
    batches = range(config["study"][wildcards.study]["clone"]["batches"])
    return expand(
        "results/{study}/clone/{batch}.parquet", batch=batches, study=wildcards.study
    )


def listed_repositories(wildcards):
    """The digest of the study's list of repositories, so that an edited one is looked up anew."""
    path = config["study"][wildcards.study]["scrape"]["repositories_file"]
    return sha256(path) if path and os.path.isfile(path) else None
