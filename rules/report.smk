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
        code=code("report.py"),
    message:
        "report: the plots of {wildcards.study}"
    script:
        "../scripts/report.py"


rule report_tags:
    """Whether the encoder beats a linear model, and how each tag fares."""
    input:
        train="results/{study}/sort/train.parquet",
        validation="results/{study}/sort/validation.parquet",
        test="results/{study}/sort/test.parquet",
        drops="results/{study}/sort/drops.json",
        baseline="results/{study}/baseline/metrics.json",
        history="results/{study}/train/history.csv",
        metrics="results/{study}/predict/test/metrics.json",
    output:
        comparison=report(
            "results/{study}/report/comparison.svg",
            caption="report/comparison.rst",
            category="{study}",
        ),
        f1_by_frequency=report(
            "results/{study}/report/f1_by_frequency.svg",
            caption="report/f1_by_frequency.rst",
            category="{study}",
        ),
        calibration=report(
            "results/{study}/report/calibration.svg",
            caption="report/calibration.rst",
            category="{study}",
        ),
        learning_curves=report(
            "results/{study}/report/learning_curves.svg",
            caption="report/training.rst",
            category="{study}",
        ),
        questions=report(
            "results/{study}/report/questions.svg",
            caption="report/kept.rst",
            category="{study}",
        ),
        per_tag=report(
            "results/{study}/report/per_tag.csv",
            caption="report/per_tag.rst",
            category="{study}",
        ),
    log:
        "logs/{study}/report/report.log",
    benchmark:
        "benchmarks/{study}/report/report.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] == "multilabel"),
    group:
        "{study}-results"
    conda:
        "../envs/train.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60, jobs=3),
    params:
        code=code("report_tags.py"),
    message:
        "report: the plots of {wildcards.study}"
    script:
        "../scripts/report_tags.py"


rule report_users:
    """Whether the encoder beats a linear model, and who was left out."""
    input:
        drops="results/{study}/sort/drops.json",
        baseline="results/{study}/baseline/metrics.json",
        history="results/{study}/train/history.csv",
        metrics="results/{study}/predict/test/metrics.json",
    output:
        comparison=report(
            "results/{study}/report/comparison.svg",
            caption="report/comparison.rst",
            category="{study}",
        ),
        roc=report(
            "results/{study}/report/roc.svg",
            caption="report/roc.rst",
            category="{study}",
        ),
        probabilities=report(
            "results/{study}/report/probabilities.svg",
            caption="report/probabilities.rst",
            category="{study}",
        ),
        by_posts=report(
            "results/{study}/report/by_posts.svg",
            caption="report/by_posts.rst",
            category="{study}",
        ),
        calibration=report(
            "results/{study}/report/calibration.svg",
            caption="report/calibration.rst",
            category="{study}",
        ),
        learning_curves=report(
            "results/{study}/report/learning_curves.svg",
            caption="report/training.rst",
            category="{study}",
        ),
        users=report(
            "results/{study}/report/users.svg",
            caption="report/kept.rst",
            category="{study}",
        ),
        left_out="results/{study}/report/left_out.csv",  # people, who do not belong in what is passed on
    log:
        "logs/{study}/report/report.log",
    benchmark:
        "benchmarks/{study}/report/report.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["model"] == "users"),
    group:
        "{study}-results"
    conda:
        "../envs/train.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60, jobs=3),
    params:
        code=code("report_users.py"),
    message:
        "report: the plots of {wildcards.study}"
    script:
        "../scripts/report_users.py"


rule report:
    input:
        by_kind(
            "results/{study}/report/confusion.svg",
            "results/{study}/report/comparison.svg",
        ),
