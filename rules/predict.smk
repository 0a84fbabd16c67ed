# The exported model's answers: on the study's own test part, and on any files given as `--config input=PATH`.
# classifier.json holds the hashes of the files beside it: an export that is another is so in it, too.


rule predict_test:
    """The score that counts: on groups that neither training nor any choice has seen."""
    input:
        classifier="results/{study}/export/classifier.json",
        documents="results/{study}/sort/test.parquet",
    output:
        predictions="results/{study}/predict/test/predictions.csv",
        metrics="results/{study}/predict/test/metrics.json",
    log:
        "logs/{study}/predict/test.log",
    benchmark:
        "benchmarks/{study}/predict/test.tsv"
    group:
        "{study}-results"
    conda:
        "../envs/app.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60, jobs=3),
    params:
        code=code("predict.py"),
    message:
        "predict: the test part of {wildcards.study}"
    script:
        "../scripts/predict.py"


rule predict_input:
    """Each file is an input of its own, or in the digest of users, so that an edited one makes these stale."""
    input:
        classifier="results/{study}/export/classifier.json",
        documents=inputs_asked_about,
    output:
        predictions="results/{study}/predict/{name}/predictions.csv",
    log:
        "logs/{study}/predict/{name}.log",
    benchmark:
        "benchmarks/{study}/predict/{name}.tsv"
    wildcard_constraints:
        name=re.escape(INPUT_NAME) if INPUT_NAME else "(?!)",
    conda:
        "../envs/app.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(240),
    params:
        users=users_asked_about,
        code=code("predict.py"),
    message:
        "predict: {wildcards.name} by the model of {wildcards.study}"
    script:
        "../scripts/predict.py"


rule predict:
    input:
        of_each_study(
            "results/{study}/predict/{name}/predictions.csv", name=INPUT_NAME or "test"
        ),
