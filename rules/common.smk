# What the rules share: the checked config, the chosen studies, each rule's params and resources.
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from snakemake.exceptions import WorkflowError

from garner.configuration import checked, chosen_studies
from garner.encoders.source import folder_files
from garner.errors import GarnerError
from garner.files import sha256, sha256_of
from garner.fingerprint import fingerprint
from garner.inputs import input_files, input_name, refuse_unfit_names
from garner.sources.given_files import csv_files, find_dump

try:
    config.update(
        checked(config, os.path.join(workflow.basedir, "rules", "config.schema.yaml"))
    )
    STUDIES = chosen_studies(config)
    INPUT_NAME = input_name(config["input"], STUDIES)
    INPUT_FILES = refuse_unfit_names(input_files(config["input"]))
except GarnerError as error:
    raise WorkflowError(str(error)) from None

if workflow.is_main_process:
    snakemake_run.prepare(config)

SPLITS = ["train", "validation", "test"]
# Some sites limit the address space: Snakemake in a job takes 900 of it, and a Python with Arrow 1,700.
LEAST_MEMORY_MB = 3000


wildcard_constraints:
    study="|".join(config["study"]),
    split="|".join(SPLITS),
    batch=r"\d+",
    name=r"[\w.-]+",


def memory(mb, each_input_mb=0, jobs=1):
    """A function to `mem_mb`: so much, and more for each MB of input; twice as much at each further attempt.

    Never above run.maximum_memory_mb, which `jobs` that a group runs side by side have together.
    """
    mb = max(mb, LEAST_MEMORY_MB)
    return growing("maximum_memory_mb", mb, each_input_mb, jobs)


def minutes(number, each_input_mb=0, jobs=1):
    """A function to `runtime`, as `memory` is to `mem_mb`; here `jobs` are those in a row."""
    return growing("maximum_minutes", number, each_input_mb, jobs)


def growing(maximum, base, each_input_mb, jobs):
    """What `memory` and `minutes` have in common; `maximum` is a setting of `run`."""

    def value(wildcards, input, attempt):
        size = input.size_mb if each_input_mb else 0
        wanted = round(base + each_input_mb * size) * 2 ** (attempt - 1)
        return min(wanted, config["run"][maximum] // jobs)

    return value


def study(key, *keys):
    """A function from wildcards to one setting of the study, so that only its own change reruns a job."""

    def value(wildcards):
        if key not in config["study"][wildcards.study]:
            refuse_without_model(wildcards.study)
        found = config["study"][wildcards.study][key]
        for inner in keys:
            found = found[inner]
        return found

    return value


# Of all batches one: it takes longer than all else in planning a job.
fingerprint_once = cache(fingerprint)


def code(adapter, *kinds):
    """The fingerprint of an adapter and its imports; a kind is a key that names the study's source or model."""

    def value(wildcards):
        block = config["study"][wildcards.study]
        modules = {"source": "garner.sources.{}", "model": "garner.models.{}"}
        return fingerprint_once(
            os.path.join(SCRIPTS, adapter),
            tuple(modules[kind].format(block[kind]) for kind in kinds),
        )

    return value


def refuse_without_model(name):
    # A WorkflowError would come with the trace of the function that asked.
    sys.exit(
        f"the study {name} has no model, so that it only collects: `snakemake scrape --cores 1 --config studies={name}`. "
        f"For its later stages name a model in study.{name}.model."
    )


def of_each_study(path, **wildcards):
    """A function that gives `path` for each chosen study, all of which need a model."""

    def paths(_):
        for name in STUDIES:
            if config["study"][name]["model"] is None:
                refuse_without_model(name)
        return expand(path, study=STUDIES, **wildcards)

    return paths


def studies_that(condition):
    """A pattern of the names of those studies whose block meets a condition."""
    names = [name for name, block in config["study"].items() if condition(block)]
    return "|".join(names) or "(?!)"


def clone_batches(wildcards):
    """The batches that a study's repositories are cloned in."""
    return expand(
        "results/{study}/clone/{batch}.parquet",
        batch=range(study("clone", "batches")(wildcards)),
        study=wildcards.study,
    )


def all_clone_batches(_):
    """The batches of each chosen study."""
    return [
        path for name in STUDIES for path in clone_batches(SimpleNamespace(study=name))
    ]


def listed_repositories(wildcards):
    """The digest of the study's list of repositories, so that an edited one is looked up anew."""
    path = config["study"][wildcards.study]["scrape"]["repositories_file"]
    return sha256(path) if path and os.path.isfile(path) else None


def given_files(stage, *keys):
    """A function that gives those files which the study's settings of a stage name under `keys`."""

    def files(wildcards):
        settings = config["study"][wildcards.study][stage]
        given = {key: settings[key] for key in keys if settings.get(key)}
        for key, path in given.items():
            if key == "dump":
                given[key] = or_exit(find_dump, Path(path), settings["site"])
            elif not os.path.isfile(path):
                sys.exit(
                    f"study.{wildcards.study}.{stage}.{key}: there is no file '{path}' in {os.getcwd()}. "
                    "Put it there, or correct the setting."
                )
        return list(given.values())

    return files


def given_texts(wildcards):
    """The digest of the study's folder of texts, so that an edited one is read anew.

    Its files are named for people, and so are no inputs, whose names Snakemake would log and keep.
    """
    folder = config["study"][wildcards.study]["scrape"].get("folder")
    return folder and digest_of_texts(folder)


@cache
def digest_of_texts(folder):
    files = or_exit(csv_files, Path(folder))
    return sha256_of({path.name: sha256(path) for path in files})


def inputs_asked_about(wildcards):
    """What `--config input=PATH` stands for, but for files named for people (users_asked_about)."""
    return [] if is_of_users(wildcards) else INPUT_FILES


def users_asked_about(wildcards):
    """The digest of the input's files of users, for the reason that given_texts has."""
    return is_of_users(wildcards) and digest_of_input()


def is_of_users(wildcards):
    return config["study"][wildcards.study]["model"] == "users"


@cache
def digest_of_input():
    return sha256_of({path: content_of(path) for path in INPUT_FILES})


def content_of(path):
    """A file's digest, or why it cannot be read, which the predictions then say of its user."""
    try:
        return sha256(path)
    except OSError as error:
        return error.strerror


def or_exit(function, *arguments):
    """What a function gives; its error ends Snakemake with one line, in the place of a trace."""
    try:
        return function(*arguments)
    except GarnerError as error:
        sys.exit(str(error))


def calls(*sources):
    """A function that gives 1 for a study that asks the API of one of `sources`, else 0."""

    def count(wildcards):
        block = config["study"][wildcards.study]
        given = block["scrape"].get("dump") or block["scrape"].get("folder")
        return int(block["source"] in sources and not given)

    return count


def posts_of_a_user(wildcards):
    """How many posts of a user the encoder reads; None where a text is a document."""
    return config["study"][wildcards.study]["serialize"].get("posts")


def samples_of_a_user(wildcards):
    """How many samples a user of the training part makes at most."""
    return config["study"][wildcards.study]["serialize"].get("samples_per_user", 1)


def samples_of_a_user_in_part(wildcards):
    """Several to learn from; one in the parts that judge, or some people would count more than others."""
    return samples_of_a_user(wildcards) if wildcards.split == "train" else 1


def baselines(wildcards):
    """Of each chosen study whose model is an encoder."""
    paths = of_each_study("results/{study}/baseline/metrics.json")(wildcards)
    found = [
        path
        for path, name in zip(paths, STUDIES)
        if "baseline" in config["study"][name]
    ]
    if not found:
        sys.exit(
            "only studies with an encoder have a baseline: "
            "`snakemake baseline --cores 1 --config studies=tags`"
        )
    return found


def encoder_folder(block):
    """The folder that a study's encoder is read from, or None where it comes from the hub or a package."""
    if block["model"] not in ("multilabel", "users"):
        return None
    name = block["dictionary"]["encoder"]
    return name if name is not None and os.path.isdir(name) else None


def encoder_files(wildcards):
    """What is read of an encoder's folder, so that a changed one makes the study stale."""
    return folder_files(encoder_folder(config["study"][wildcards.study]))


def by_kind(bag, encoder):
    """A function that gives, for each chosen study, `bag` or `encoder`, a path, by what its model is."""

    def paths(wildcards):
        of_each_study(bag)(wildcards)  # refuses a study without a model
        return [
            (bag if config["study"][name]["model"] == "bag" else encoder).format(
                study=name
            )
            for name in STUDIES
        ]

    return paths


def examples(wildcards):
    """The part that a model of questions takes its examples from."""
    if config["study"][wildcards.study]["model"] != "multilabel":
        return {}
    return {"test": f"results/{wildcards.study}/sort/test.parquet"}


def vocabulary_and_encoder(wildcards):
    """What the shards' ids are of, and the encoder that the model begins with, if it has one."""
    folder = f"results/{wildcards.study}/dictionary"
    model = config["study"][wildcards.study]["model"]
    if model is None:
        refuse_without_model(wildcards.study)
    if model == "bag":
        return {"vocabulary": f"{folder}/vocabulary.json"}
    return {
        "vocabulary": f"{folder}/tokenizer.json",
        "encoder": f"{folder}/encoder/model.safetensors",
        "encoder_config": f"{folder}/encoder/config.json",
    }
