"""What is particular of Slurm; its answers are those of a real 22.05."""

import dataclasses
import math
import subprocess

import pytest
from small_job import JOB

from garner.cluster import slurm
from garner.cluster.scheduler import Standing
from garner.cluster.slurm_nodes import Nodes, read_nodes, unfit
from garner.errors import ConfigError, SchedulerError, UnreachableError

SITE = {
    "partitions": {"cpu": "cpu", "gpu": "gpu", "network": None},
    "gres": "gpu",
    "account": None,
    "qos": None,
    "accounting": True,
    "mail": None,
    "extra": [],
    "warning_seconds": 180,
}
AWAY = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"
SHOWN = """JobId=3 JobName=train_model.languages.3f9a2c41d0
   JobState={state} Reason={reason} Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode={code}
   RunTime=00:00:01 TimeLimit=00:05:00 TimeMin=N/A
   TRES=cpu=1,mem=200M,node=1,billing=1
   StdErr={output}
   StdIn=/dev/null
   StdOut={output}
   Power=
"""


def call(site=None, log="x.log.slurm", **changes) -> list[str]:
    return slurm.submit_command(dataclasses.replace(JOB, **changes), SITE | (site or {}), log)


@pytest.fixture
def answers(monkeypatch):
    """What each of Slurm's commands answers: text, or text and exit code for one that fails."""
    given = {}

    def answer(command):
        said = given[command[0]]
        out, error, code = (said, "", 0) if isinstance(said, str) else ("", *said)
        return subprocess.CompletedProcess(command, code, out, error)

    monkeypatch.setattr(slurm, "call", answer)
    return given


def test_a_job_that_asks_for_a_gpu_goes_to_the_gpu_partition_and_the_rest_does_not():
    assert {"--partition=gpu", "--gres=gpu:1"} <= set(call(gpus=1))
    assert "--gres=gpu:a100:2" in call({"gres": "gpu:a100"}, gpus=2)
    assert "--partition=cpu" in call()
    assert not [word for word in call() if word.startswith("--gres")]


def test_a_job_that_needs_the_network_goes_where_it_is_if_the_site_says_so():
    partitions = SITE["partitions"] | {"network": "transfer"}
    assert "--partition=cpu" in call(network=True)
    assert "--partition=transfer" in call({"partitions": partitions}, network=True)
    assert "--partition=cpu" in call({"partitions": partitions})


def test_a_site_may_leave_the_partition_to_slurm():
    partitions = dict.fromkeys(SITE["partitions"])
    assert not [word for word in call({"partitions": partitions}) if word.startswith("--partition")]


def test_memory_is_asked_for_the_whole_job_and_threads_on_one_node():
    command = call(threads=4, memory_mb=4001)
    assert {"--mem=4001M", "--cpus-per-task=4", "--ntasks=1", "--nodes=1", "--time=60"} <= set(command)


def test_the_warning_signal_comes_before_the_time_limit_also_of_a_short_job():
    assert "--signal=B:USR1@180" in call()
    assert "--signal=B:USR1@30" in call(minutes=1)
    assert "--signal=B:USR1@65535" in call({"warning_seconds": 90000}, minutes=10000)
    assert not [word for word in call({"warning_seconds": 0}) if word.startswith("--signal")]


def test_name_log_account_mail_and_further_words_of_the_site_are_passed_on():
    site = {"account": "lab", "qos": "long", "mail": "a@example.org", "extra": ["--constraint=skylake"]}
    command = call(site, log="logs/100%/x.log.slurm")
    assert "--job-name=train_model.languages.3f9a2c41d0" in command
    assert "--output=logs/100%%/x.log.slurm" in command  # sbatch replaces %x
    assert {"--account=lab", "--qos=long", "--mail-user=a@example.org"} <= set(command)
    assert command[-1] == "--constraint=skylake"


def test_nothing_of_the_callers_environment_goes_along():
    assert "--export-file=/dev/null" in call()
    assert not [word for word in call() if word.startswith("--export=")]


def test_a_job_keeps_its_id_and_its_log_when_it_is_put_back_into_the_queue():
    assert {"--requeue", "--open-mode=append"} <= set(call())


@pytest.mark.parametrize(("output", "job_id"), [("17\n", "17"), ("17;north\n", "17"), ("hello\n17\n", "17")])
def test_the_id_is_read_also_where_several_clusters_or_a_wrapper_add_to_it(output, job_id):
    assert slurm.parse_id(output) == job_id


@pytest.mark.parametrize(
    ("line", "nodes"),
    [
        ("cpu|1-02:00:00|64|512000|(null)", Nodes("cpu", 1560, 64, 512000, 0)),
        ("gpu|2:00:00|32|16000|gpu:a100:4(S:0-1),nic:2", Nodes("gpu", 120, 32, 16000, 4)),
        ("gpu|infinite|8|16000|gpu:1", Nodes("gpu", math.inf, 8, 16000, 1)),
        ("gpu|30:00|8|16000|gpu:v100:2,gpu:a100:1", Nodes("gpu", 30, 8, 16000, 3)),
    ],
)
def test_what_a_partition_offers_is_read_from_sinfo(line, nodes):
    assert read_nodes(line, "gpu") == nodes


def test_a_kind_of_gpu_is_counted_by_itself():
    assert read_nodes("gpu|30:00|8|16000|gpu:v100:2,gpu:a100:1", "gpu:v100").gpus == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"minutes": 121}, "121 minutes; the most that a job gets in partition gpu is 120. Lower runtime"),
        (
            {"memory_mb": 16001},
            "16,001 MB; the most that a job gets in partition gpu is 16,000. Lower mem_mb",
        ),
        ({"threads": 33}, "33 cores; the most that a job gets in partition gpu is 32. Lower threads"),
        ({"gpus": 5}, "5 gpus; the most that a job gets in partition gpu is 4. Check cluster.partitions.gpu"),
    ],
)
def test_a_job_that_no_node_could_run_is_refused_with_the_cure(changes, words):
    nodes = [Nodes("gpu", 120, 32, 16000, 4), Nodes("gpu", 120, 8, 8000, 0)]
    assert words in unfit(dataclasses.replace(JOB, **changes), nodes, "partition gpu")
    assert unfit(JOB, nodes, "partition gpu") is None


def test_a_job_is_held_against_its_own_partition_before_it_is_submitted(answers):
    answers["sinfo"] = "cpu|2:00:00|8|4000|(null)\nlong|infinite|8|4000|(null)\n"
    slurm.refuse_unfit(JOB, SITE)
    anywhere = SITE | {"partitions": dict.fromkeys(SITE["partitions"])}
    slurm.refuse_unfit(dataclasses.replace(JOB, minutes=600), anywhere)
    with pytest.raises(SchedulerError, match="in any partition is 8"):
        slurm.refuse_unfit(dataclasses.replace(JOB, threads=9), anywhere)
    with pytest.raises(SchedulerError, match="train_model of languages asks for 4,001 MB"):
        slurm.refuse_unfit(dataclasses.replace(JOB, memory_mb=4001), SITE)
    with pytest.raises(SchedulerError, match="there is no partition gpu"):
        slurm.refuse_unfit(dataclasses.replace(JOB, gpus=1), SITE)
    both = SITE | {"partitions": SITE["partitions"] | {"cpu": "cpu,long"}}
    slurm.refuse_unfit(dataclasses.replace(JOB, minutes=600), both)


def test_a_partition_whose_nodes_come_and_go_is_left_to_slurm(answers):
    answers["sinfo"] = "cpu|2:00:00|0|0|(null)\n"
    slurm.refuse_unfit(JOB, SITE)


def test_one_squeue_tells_of_all_jobs(answers):
    answers["squeue"] = (
        "8|PENDING|Priority|scrape_users.tags.0a\n9|RUNNING|None|sort.ages.1b\n10|COMPLETING|None|odd|name\n"
    )
    assert slurm.queue() == {
        "8": Standing("scrape_users.tags.0a", "pending", "Priority"),
        "9": Standing("sort.ages.1b", "running"),
        "10": Standing("odd|name", "leaving"),
    }


@pytest.mark.parametrize(
    "reason",
    [
        "launch failed requeued held",
        "user env retrieval failed requeued held",
        "PartitionTimeLimit",
        "QOSMaxWallDurationPerJobLimit",
        "AssocMaxMemPerJob",
        "InvalidAccount",
    ],
)
def test_a_job_that_would_wait_for_ever_is_stuck(reason):
    standing = slurm.standing("job", "PENDING", reason)
    assert standing.state == "stuck"
    assert standing.detail.startswith(f"{reason}: ")


@pytest.mark.parametrize(
    "reason",
    [
        "None",
        "Resources",
        "BeginTime",
        "JobHeldUser",
        "job requeued in held state",
        "QOSMaxJobsPerUserLimit",
        "AssocGrpCpuLimit",
        "QOSMaxNodePerUserLimit",
        "PartitionConfig",
        "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
    ],
)
def test_a_job_whose_turn_will_come_is_only_pending(reason):
    assert slurm.standing("job", "PENDING", reason).state == "pending"


@pytest.mark.parametrize(
    ("state", "code", "succeeded", "reason"),
    [
        ("COMPLETED", "0:0", True, ""),
        ("FAILED", "3:0", False, "exit"),
        ("FAILED", "0:9", False, "killed"),
        ("FAILED", "0:53", False, "start"),
        ("OUT_OF_MEMORY", "0:125", False, "memory"),
        ("TIMEOUT", "0:0", False, "time"),
        ("CANCELLED by 0", "0:0", False, "killed"),
        ("PREEMPTED", "0:15", False, "killed"),
        ("NODE_FAIL", "0:0", False, "node"),
        ("BOOT_FAIL", "0:0", False, "start"),
    ],
)
def test_the_books_say_how_a_job_ended(state, code, succeeded, reason):
    verdict = slurm.read_record(state, code, "00:00:01", "00:05:00", 239)
    assert (verdict.succeeded, verdict.reason, verdict.used_mb) == (succeeded, reason, 239)
    assert verdict.detail == f"{state}, exit code {code}, ran 00:00:01 of 00:05:00, held 239 MB"


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETING", "REQUEUED", "SUSPENDED"])
def test_a_job_that_goes_on_has_no_verdict(state):
    assert slurm.read_record(state, "0:0", "00:00:01", "00:05:00") is None


def test_accounting_tells_the_most_memory_of_all_steps(answers):
    answers["sacct"] = "FAILED|0:9|00:00:01|00:05:00|\nCANCELLED by 0|0:9|00:00:01||238.88M\n"
    verdict = slurm.verdict("3", SITE)
    assert (verdict.reason, verdict.used_mb) == ("killed", 239)


@pytest.mark.parametrize(
    "sacct", [("Slurm accounting storage is disabled\n", 1), "", "RUNNING|0:0|00:01|05:00|\n"]
)
def test_where_accounting_is_silent_or_late_slurm_itself_is_asked(answers, sacct):
    answers["sacct"] = sacct
    answers["scontrol"] = SHOWN.format(
        state="FAILED", reason="NonZeroExitCode", code="4:0", output="/dev/null"
    )
    assert slurm.verdict("3", SITE).reason == "exit"


def test_without_accounting_memory_is_read_from_slurms_words_in_the_jobs_output(answers, tmp_path):
    output = tmp_path / "a log.slurm"
    answers["scontrol"] = SHOWN.format(state="FAILED", reason="JobLaunchFailure", code="0:9", output=output)
    output.write_text("slurmstepd-vm: error: StepId=13.batch exceeded memory limit (9 > 8), being killed\n")
    site = SITE | {"accounting": False}
    assert slurm.verdict("3", site).reason == "killed"  # another job's words
    output.write_text("slurmstepd-vm: error: StepId=3.batch exceeded memory limit (9 > 8), being killed\n")
    verdict = slurm.verdict("3", site)
    assert verdict.reason == "memory"
    assert "(9 > 8)" in verdict.detail
    output.write_text(
        "slurmstepd: error: Detected 1 oom_kill event in StepId=3.batch. Some of the step tasks\n"
    )
    assert slurm.verdict("3", site).reason == "memory"
    output.unlink()
    assert slurm.verdict("3", site).reason == "killed"


def test_a_job_that_slurm_has_forgotten_has_no_verdict(answers):
    answers["sacct"] = ""
    answers["scontrol"] = ("slurm_load_jobs error: Invalid job id specified\n", 1)
    assert slurm.verdict("3", SITE) is None


def test_a_slurm_that_does_not_answer_is_unreachable(answers):
    answers |= {"squeue": (AWAY, 1), "scontrol": (AWAY, 1), "sacct": ""}
    with pytest.raises(UnreachableError, match=r"^slurm_load_jobs error: Unable to contact slurm controller"):
        slurm.queue()
    with pytest.raises(UnreachableError):
        slurm.verdict("3", SITE)


def test_no_slurm_configured_here_is_an_error_with_the_cure(answers):
    words = (
        "sinfo: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n"
        "sinfo: error: fetch_config: DNS SRV lookup failed\n"
        "sinfo: fatal: Could not establish a configuration source\n"
    )
    answers["sinfo"] = (words, 1)
    with pytest.raises(ConfigError, match="Set SLURM_CONF"):
        slurm.refuse_unfit(JOB, SITE)


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (
            "error: invalid partition specified: nosuch\n"
            "sbatch: error: Batch job submission failed: Invalid partition name specified",
            "cluster.partitions",
        ),
        ("error: Invalid generic resource (gres) specification", "cluster.gres"),
        (
            "error: Memory specification can not be satisfied\n"
            "sbatch: error: Batch job submission failed: Requested node configuration is not available",
            "run.maximum_memory_mb",
        ),
        (
            "error: Batch job submission failed: Requested node configuration is not available",
            "threads, mem_mb and gpu",
        ),
        (
            "error: Batch job submission failed: Requested time limit is invalid (missing or too long)",
            "run.maximum_minutes",
        ),
        (
            "error: Batch job submission failed: Invalid account or account/partition combination specified",
            "cluster.account",
        ),
        ("error: Batch job submission failed: Invalid qos specification", "cluster.qos"),
        ("error: Batch job submission failed: I/O error writing script/environment to file", "spool is full"),
        ("fatal: Unable to process configuration file", "SLURM_CONF"),
    ],
)
def test_a_refused_job_is_told_in_one_line_with_the_cure(words, cure):
    line = slurm.refusal(f"sbatch: {words}")
    assert cure in line
    assert "\n" not in line
    assert "sbatch:" not in line


@pytest.mark.parametrize(
    "words",
    [
        "Unable to contact slurm controller (connect failure)",
        "Socket timed out on send/recv operation",
        "Zero Bytes were transmitted or received",
        "Protocol authentication error",
        "QOSMaxSubmitJobPerUserLimit",
    ],
)
def test_a_scheduler_that_is_away_or_has_too_many_jobs_has_refused_nothing(words):
    assert slurm.refusal(f"sbatch: error: Batch job submission failed: {words}") is None


def test_the_doctor_names_what_the_site_does_not_have(answers):
    answers["sinfo"] = "cpu|2:00:00|8|4000|(null)\ngpus|2:00:00|8|4000|gpu:2\n"
    answers["sacctmgr"] = "lab|normal,long\n"
    site = SITE | {"account": "lob", "qos": "long"}
    problems = {check.what: check for check in slurm.checks(site) if check.problem}
    assert set(problems) == {"partition for GPU jobs", "gres gpu", "account"}
    assert problems["partition for GPU jobs"].settings == {"partitions": {"gpu": "gpus"}}
    assert problems["account"].settings == {"account": "lab"}


def test_the_doctor_is_content_with_a_site_that_has_what_is_named(answers):
    answers["sinfo"] = "cpu|2:00:00|8|4000|(null)\ngpu|2:00:00|8|4000|gpu:2\n"
    answers["sacctmgr"] = ("You are not running a supported accounting_storage plugin\n", 1)
    checks = list(slurm.checks(SITE))
    assert not [check for check in checks if check.problem]
    assert "gres gpu: up to 2 on a node of gpu" in [check.what for check in checks]
