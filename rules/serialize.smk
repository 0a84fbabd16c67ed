# Documents become arrays of token ids in compressed shards, read by random access.


rule serialize_split:
    """Row i of the sorted part is sample i of its shards, which the index seals."""
    input:
        documents="results/{study}/sort/{split}.parquet",
        labels="results/{study}/sort/labels.json",
        vocabulary="results/{study}/dictionary/vocabulary.json",
        zstd="results/{study}/dictionary/zstd.dict",
    output:
        index="results/{study}/serialize/{split}/index.json",
    log:
        "logs/{study}/serialize/{split}.log",
    benchmark:
        "benchmarks/{study}/serialize/{split}.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] == "bag"),
    group:
        "{study}-shards"
    conda:
        "../envs/train.yaml"
    resources:
        mem_mb=memory(3000, jobs=len(SPLITS)),
        runtime=minutes(120, jobs=2),
    params:
        settings=study("serialize"),
        code=code("serialize.py"),
    message:
        "serialize: the {wildcards.split} part of {wildcards.study}"
    script:
        "../scripts/serialize.py"


rule serialize_texts:
    """A question is a sample; of users, the posts of one are, and more of them make more samples to learn from."""
    input:
        documents="results/{study}/sort/{split}.parquet",
        labels="results/{study}/sort/labels.json",
        tokenizer="results/{study}/dictionary/tokenizer.json",
    output:
        index="results/{study}/serialize/{split}/index.json",
    log:
        "logs/{study}/serialize/{split}.log",
    benchmark:
        "benchmarks/{study}/serialize/{split}.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] in ("multilabel", "users")),
    group:
        "{study}-shards"
    conda:
        "../envs/train.yaml"
    resources:
        mem_mb=memory(3000, jobs=len(SPLITS)),
        runtime=minutes(120, jobs=2),
    params:
        settings=study("serialize"),
        samples_per_group=samples_of_a_user_in_part,
        code=code("serialize_texts.py"),
    message:
        "serialize: the {wildcards.split} part of {wildcards.study}"
    script:
        "../scripts/serialize_texts.py"


rule serialize:
    input:
        of_each_study("results/{study}/serialize/{split}/index.json", split=SPLITS),
