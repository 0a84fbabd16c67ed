# Source files become documents: one language each, cleaned, without copies, balanced, split by repository.


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


rule sort:
    input:
        of_each_study("results/{study}/sort/labels.json"),
