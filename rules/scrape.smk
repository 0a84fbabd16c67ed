# The study's source, crawled: users and repositories of GitHub, or documents.


rule scrape_github:
    """Breadth-first over who follows whom; the progress lives in state/, so that nothing is fetched twice."""
    output:
        users="results/{study}/scrape/users.parquet",
        repositories="results/{study}/scrape/repositories.parquet",
    log:
        "logs/{study}/scrape/scrape.log",
    benchmark:
        "benchmarks/{study}/scrape/scrape.tsv"
    wildcard_constraints:
        study=studies_that(lambda block: block["source"] == "github"),
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


rule scrape_documents:
    """Questions or captions; what could not be had stands in the failures, with its reason and time."""
    input:
        given_files("scrape", "questions_file", "dump", "users_file"),
    output:
        documents="results/{study}/scrape/documents.parquet",
        failures="results/{study}/scrape/failures.json",
    log:
        "logs/{study}/scrape/scrape.log",
    benchmark:
        "benchmarks/{study}/scrape/scrape.tsv"
    wildcard_constraints:
        study=studies_that(
            lambda block: block["source"] != "github"
            and not block["scrape"].get("export")
        ),
    localrule: config["run"]["network_on_submit_host"]
    conda:
        "../envs/crawl.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(1440),
        network=calls("stackexchange", "instagram"),
        stackexchange_api=calls("stackexchange"),
        instagram_api=calls("instagram"),
    params:
        settings=study("scrape"),
        exclude=study("exclude"),
        texts=given_texts,
        code=code("scrape.py", "source"),
    message:
        "scrape: crawl the source of {wildcards.study}"
    script:
        "../scripts/scrape.py"


use rule scrape_documents as scrape_documents_and_users with:
    output:
        documents="results/{study}/scrape/documents.parquet",
        failures="results/{study}/scrape/failures.json",
        users=directory("results/{study}/scrape/users"),
    wildcard_constraints:
        study=studies_that(lambda block: block["scrape"].get("export")),


rule scrape:
    input:
        [
            "results/{study}/scrape/{name}.parquet".format(
                study=name,
                name=(
                    "repositories"
                    if config["study"][name]["source"] == "github"
                    else "documents"
                ),
            )
            for name in STUDIES
        ],
