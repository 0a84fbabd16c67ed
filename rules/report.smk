# What one would rather look at than read.


rule report_plots:
    """Where the files went, how the training ran, and which languages are taken for which."""
    input:
        users="results/{study}/scrape/users.parquet",
        repositories="results/{study}/scrape/repositories.parquet",
        drops="results/{study}/sort/drops.json",
        test="results/{study}/sort/test.parquet",
        history="results/{study}/train/history.csv",
        metrics="results/{study}/predict/test/metrics.json",
    output:
        confusion=report(
            "results/{study}/report/confusion.svg",
            caption="report/confusion.rst",
            category="{study}",
        ),
        learning_curves=report(
            "results/{study}/report/learning_curves.svg",
            caption="report/learning_curves.rst",
            category="{study}",
        ),
        files=report(
            "results/{study}/report/files.svg",
            caption="report/files.rst",
            category="{study}",
        ),
        crawl=report(
            "results/{study}/report/crawl.svg",
            caption="report/crawl.rst",
            category="{study}",
        ),
        per_language=report(
            "results/{study}/report/per_language.csv",
            caption="report/per_language.rst",
            category="{study}",
        ),
    log:
        "logs/{study}/report/report.log",
    benchmark:
        "benchmarks/{study}/report/report.tsv"
    group:
        "{study}-results"
    conda:
        "../envs/train.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60, jobs=3),
    params:
        code=code("report.py"),
    message:
        "report: the plots of {wildcards.study}"
    script:
        "../scripts/report.py"


rule report:
    input:
        of_each_study("results/{study}/report/confusion.svg"),
