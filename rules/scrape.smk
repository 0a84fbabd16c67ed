# The source's API, crawled: what it knows of users and repositories.


rule scrape_github:
    """Breadth-first over who follows whom; the progress lives in state/, so that nothing is fetched twice."""
    output:
        users="results/{study}/scrape/users.parquet",
        repositories="results/{study}/scrape/repositories.parquet",
    log:
        "logs/{study}/scrape/scrape.log",
    benchmark:
        "benchmarks/{study}/scrape/scrape.tsv"
    localrule: config["run"]["network_on_submit_host"]
    conda:
        "../envs/crawl.yaml"
    resources:
        network=1,
        github_api=1,
        mem_mb=memory(4000),
        runtime=minutes(1440),
    params:
        settings=study("scrape"),
        exclude=study("exclude"),
        listed=listed_repositories,
        code=code("scrape.py", "source"),
    message:
        "scrape: crawl the source of {wildcards.study}"
    script:
        "../scripts/scrape.py"


rule scrape:
    input:
        of_each_study("results/{study}/scrape/repositories.parquet"),
