# What most people would use instead of an encoder, on the same parts: TF-IDF and a linear model.


rule train_baseline:
    """The report sets it beside the encoder, so that nobody ships a slow model that a fast one beats."""
    input:
        train="results/{study}/sort/train.parquet",
        validation="results/{study}/sort/validation.parquet",
        test="results/{study}/sort/test.parquet",
        labels="results/{study}/sort/labels.json",
    output:
        metrics="results/{study}/baseline/metrics.json",
    log:
        "logs/{study}/baseline/baseline.log",
    benchmark:
        "benchmarks/{study}/baseline/baseline.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: "baseline" in block),
    conda:
        "../envs/train.yaml"
    resources:
        mem_mb=memory(4000, each_input_mb=40),
        runtime=minutes(60, each_input_mb=2),
    params:
        settings=study("baseline"),
        posts=posts_of_a_user,
        samples_per_user=samples_of_a_user,
        seed=study("seed"),
        code=code("baseline.py"),
    message:
        "baseline: a linear model of {wildcards.study}"
    script:
        "../scripts/baseline.py"


rule baseline:
    input:
        baselines,
