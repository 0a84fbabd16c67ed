# The repositories that the crawl found: which of them to clone, and their source files.


rule clone_selection:
    """Scarcest language first, until each has its quota: cloning is what takes longest."""
    input:
        repositories="results/{study}/scrape/repositories.parquet",
    output:
        selection="results/{study}/clone/selection.parquet",
    log:
        "logs/{study}/clone/selection.log",
    benchmark:
        "benchmarks/{study}/clone/selection.tsv"
    conda:
        "../envs/crawl.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        settings=study("clone"),
        languages=study("sort", "languages"),
        quota=study("sort", "files_per_language"),
        cap=study("sort", "files_per_repository"),
        exclude=study("exclude"),
        seed=study("seed"),
        code=code("clone_selection.py"),
    message:
        "clone: choose the repositories of {wildcards.study}"
    script:
        "../scripts/clone_selection.py"


rule clone_batch:
    """A fixed number of batches, so that growing the crawl leaves the shape of the workflow alone."""
    input:
        selection="results/{study}/clone/selection.parquet",
    output:
        files="results/{study}/clone/{batch}.parquet",
        failures="results/{study}/clone/{batch}.failures.json",
    log:
        "logs/{study}/clone/{batch}.log",
    benchmark:
        "benchmarks/{study}/clone/{batch}.tsv"
    localrule: config["run"]["network_on_submit_host"]
    conda:
        "../envs/crawl.yaml"
    resources:
        network=1,
        mem_mb=memory(8000),
        runtime=minutes(480),
    params:
        settings=study("clone"),
        languages=study("sort", "languages"),
        code=code("clone.py"),
    message:
        "clone: batch {wildcards.batch} of {wildcards.study}"
    script:
        "../scripts/clone.py"


rule clone:
    input:
        all_clone_batches,
