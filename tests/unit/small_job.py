"""A job as the tests of both schedulers submit it."""

from garner.cluster.submission import Submission

JOB = Submission(
    key="3f9a2c41d0",
    signature="s",
    targets=["train_model:study=languages"],
    outputs=[],
    log="logs/languages/train/train.log",
    threads=1,
    memory_mb=4000,
    minutes=60,
    gpus=0,
    network=False,
    command="true",
)
