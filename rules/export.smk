# The trained model as ONNX, whole and in int8, with the proof that they agree.


rule export_model:
    """A folder that needs onnxruntime alone; sealed only if its answers agree with those of the training."""
    input:
        model="results/{study}/train/model/model.safetensors",
        config="results/{study}/train/model/config.json",
        vocabulary="results/{study}/dictionary/vocabulary.json",
        labels="results/{study}/sort/labels.json",
        validation="results/{study}/serialize/validation/index.json",
    output:
        onnx="results/{study}/export/model.onnx",
        int8="results/{study}/export/model.int8.onnx",
        parity="results/{study}/export/parity.json",
        vocabulary="results/{study}/export/vocabulary.json",
        classifier="results/{study}/export/classifier.json",
        card="results/{study}/export/README.md",
    log:
        "logs/{study}/export/export.log",
    benchmark:
        "benchmarks/{study}/export/export.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] == "bag"),
    group:
        "{study}-results"
    conda:
        "../envs/train.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60, jobs=3),
    params:
        settings=study("export"),
        code=code("export.py", "model"),
    message:
        "export: the model of {wildcards.study}"
    script:
        "../scripts/export.py"


use rule export_model as export_encoder with:
    input:
        unpack(examples),
        model="results/{study}/train/model/model.safetensors",
        config="results/{study}/train/model/config.json",
        vocabulary="results/{study}/dictionary/tokenizer.json",
        labels="results/{study}/sort/labels.json",
        validation="results/{study}/serialize/validation/index.json",
    output:
        onnx="results/{study}/export/model.onnx",
        int8="results/{study}/export/model.int8.onnx",
        parity="results/{study}/export/parity.json",
        latency="results/{study}/export/latency.json",
        tokenizer="results/{study}/export/tokenizer.json",
        classifier="results/{study}/export/classifier.json",
        card="results/{study}/export/README.md",
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] in ("multilabel", "users")),
    params:
        settings=study("export"),
        posts=lambda wildcards: study("serialize")(wildcards).get("posts"),
        code=code("export.py", "model"),


rule export:
    input:
        of_each_study("results/{study}/export/classifier.json"),
