# Which text has which ids: the tokens that count in the training part alone, or a pretrained encoder's own.


rule dictionary_of_tokens:
    """The vocabulary of the model, and a zstd dictionary that makes small shard frames small."""
    input:
        train="results/{study}/sort/train.parquet",
    output:
        vocabulary="results/{study}/dictionary/vocabulary.json",
        zstd="results/{study}/dictionary/zstd.dict",
    log:
        "logs/{study}/dictionary/dictionary.log",
    benchmark:
        "benchmarks/{study}/dictionary/dictionary.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] == "bag"),
    group:
        "{study}-shards"
    conda:
        "../envs/train.yaml"
    threads: 4
    resources:
        mem_mb=memory(8000),
        runtime=minutes(120, jobs=2),
    params:
        settings=study("dictionary"),
        code=code("dictionary.py"),
    message:
        "dictionary: count the tokens of {wildcards.study}"
    script:
        "../scripts/dictionary.py"


rule dictionary_of_encoder:
    """The encoder that a folder holds, as one file of weights without a head, and its tokenizer."""
    input:
        encoder_files,
    output:
        tokenizer="results/{study}/dictionary/tokenizer.json",
        encoder="results/{study}/dictionary/encoder/model.safetensors",
        encoder_config="results/{study}/dictionary/encoder/config.json",
    log:
        "logs/{study}/dictionary/dictionary.log",
    benchmark:
        "benchmarks/{study}/dictionary/dictionary.tsv"
    wildcard_constraints:
        study=studies_that(encoder_folder),
    conda:
        "../envs/train.yaml"
    resources:
        mem_mb=memory(6000),
        runtime=minutes(60),
    params:
        settings=study("dictionary"),
        code=code("dictionary_encoder.py"),
    message:
        "dictionary: the pretrained encoder of {wildcards.study}"
    script:
        "../scripts/dictionary_encoder.py"


use rule dictionary_of_encoder as dictionary_of_fetched_encoder with:
    input:
        [],
    wildcard_constraints:
        study=studies_that(
            lambda block: block["model"] in ("multilabel", "users")
            and not encoder_folder(block)
        ),
    localrule: config["run"]["network_on_submit_host"]
    resources:
        network=1,
        mem_mb=memory(6000),
        runtime=minutes(60),


rule dictionary:
    input:
        by_kind(
            "results/{study}/dictionary/vocabulary.json",
            "results/{study}/dictionary/tokenizer.json",
        ),
