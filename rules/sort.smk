# What was fetched becomes documents with labels: cleaned, without copies, in three parts that share no group.


rule sort_documents:
    """Near-duplicates and repositories never straddle two parts, or the score would be a memory test."""
    input:
        batches=clone_batches,
    output:
        train="results/{study}/sort/train.parquet",
        validation="results/{study}/sort/validation.parquet",
        test="results/{study}/sort/test.parquet",
        labels="results/{study}/sort/labels.json",
        drops="results/{study}/sort/drops.json",
    log:
        "logs/{study}/sort/sort.log",
    benchmark:
        "benchmarks/{study}/sort/sort.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] == "bag"),
    conda:
        "../envs/crawl.yaml"
    resources:
        mem_mb=memory(4000, each_input_mb=1.5),
        runtime=minutes(120, each_input_mb=0.1),
    params:
        settings=study("sort"),
        exclude=study("exclude"),
        seed=study("seed"),
        code=code("sort.py"),
    message:
        "sort: clean, balance and split the files of {wildcards.study}"
    script:
        "../scripts/sort.py"


rule sort_questions:
    """Near-duplicates never straddle two parts; the tags that too few questions have are left out."""
    input:
        documents="results/{study}/scrape/documents.parquet",
    output:
        train="results/{study}/sort/train.parquet",
        validation="results/{study}/sort/validation.parquet",
        test="results/{study}/sort/test.parquet",
        labels="results/{study}/sort/labels.json",
        drops="results/{study}/sort/drops.json",
    log:
        "logs/{study}/sort/sort.log",
    benchmark:
        "benchmarks/{study}/sort/sort.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] == "multilabel"),
    conda:
        "../envs/crawl.yaml"
    resources:
        mem_mb=memory(4000, each_input_mb=4),
        runtime=minutes(60, each_input_mb=0.2),
    params:
        settings=study("sort"),
        exclude=study("exclude"),
        seed=study("seed"),
        site=study("scrape", "site"),
        code=code("sort_questions.py"),
    message:
        "sort: clean and split the questions of {wildcards.study}"
    script:
        "../scripts/sort_questions.py"


rule sort_users:
    """A user's posts never straddle two parts, or the score would tell how well a person is known again."""
    input:
        documents="results/{study}/scrape/documents.parquet",
        failures="results/{study}/scrape/failures.json",
        labels_file=given_files("sort", "labels_file"),
    output:
        train="results/{study}/sort/train.parquet",
        validation="results/{study}/sort/validation.parquet",
        test="results/{study}/sort/test.parquet",
        labels="results/{study}/sort/labels.json",
        drops="results/{study}/sort/drops.json",
    log:
        "logs/{study}/sort/sort.log",
    benchmark:
        "benchmarks/{study}/sort/sort.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] == "users"),
    conda:
        "../envs/crawl.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60, each_input_mb=0.1),
    params:
        settings=study("sort"),
        exclude=study("exclude"),
        seed=study("seed"),
        pseudonymise=study("scrape", "pseudonymise"),
        code=code("sort_users.py"),
    message:
        "sort: label and split the users of {wildcards.study}"
    script:
        "../scripts/sort_users.py"


rule sort:
    input:
        of_each_study("results/{study}/sort/labels.json"),
