# The tokens that count, by their frequency in the training part alone.


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


rule dictionary:
    input:
        of_each_study("results/{study}/dictionary/vocabulary.json"),
