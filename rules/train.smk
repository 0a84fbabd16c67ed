# The classifier, trained until the validation part no longer gains.


rule train_model:
    """Resumes exactly from its full state, which lives in state/ and survives kill, time limit and node."""
    input:
        unpack(vocabulary_and_encoder),
        train="results/{study}/serialize/train/index.json",
        validation="results/{study}/serialize/validation/index.json",
        labels="results/{study}/sort/labels.json",
    output:
        model="results/{study}/train/model/model.safetensors",
        config="results/{study}/train/model/config.json",
        metrics="results/{study}/train/metrics.json",
        history="results/{study}/train/history.csv",
    log:
        "logs/{study}/train/train.log",
    benchmark:
        "benchmarks/{study}/train/train.tsv"
    conda:
        "../envs/train.yaml"
    threads: study("train", "threads")
    resources:
        gpu=0 if config["run"]["device"] == "cpu" else 1,
        mem_mb=memory(8000),
        runtime=minutes(720),
    params:
        settings=study("train"),
        seed=study("seed"),
        code=code("train.py", "model"),
    message:
        "train: the model of {wildcards.study} ({threads} threads, {resources.gpu} GPU)"
    script:
        "../scripts/train.py"


rule train:
    input:
        of_each_study("results/{study}/train/metrics.json"),
