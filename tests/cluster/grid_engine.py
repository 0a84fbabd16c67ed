"""A single-node Grid Engine whose every file lies in one folder, apart from what the machine already has.

    python -m tests.cluster.grid_engine start|stop|restart-master|kill-execd|start-execd FOLDER

Queues: `all.q` (4 slots), `gpu.q` (4 slots, one GPU as the consumable `gpus`) and `network.q` (2 slots);
parallel environment `smp`. `eval "$(cat FOLDER/environment.sh)"` lets a shell use it.
"""

import argparse
import shlex
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.daemons import ClusterFailed, Scheduler, holds
from tests.unit.loopback import free_ports

PROGRAMS = Path("/usr/lib/gridengine")
SHARED = Path("/usr/share/gridengine")

BOOTSTRAP = """\
admin_user           none
default_domain       none
ignore_fqdn          false
spooling_method      classic
spooling_lib         libspoolc
spooling_params      {root}/default/common;{spool}/qmaster
binary_path          /usr/lib/gridengine
qmaster_spool_dir    {spool}/qmaster
security_mode        none
listener_threads     2
worker_threads       2
scheduler_threads    1
"""
# What differs from the configuration that the package ships. Jobs may run as root; a node counts as gone
# after 10 s; qacct knows a job as soon as it ended.
CONFIGURATION = {
    "execd_spool_dir": "{spool}/execd",
    "mailer": "/bin/true",
    "min_uid": "0",
    "min_gid": "0",
    "load_report_time": "00:00:02",
    "max_unheard": "00:00:10",
    "loglevel": "log_info",
    "administrator_mail": "none",
    "reporting_params": "accounting=true reporting=false flush_time=00:00:01 accounting_flush_time=00:00:00 "
    "joblog=false sharelog=00:00:00",
    "gid_range": "{gids}",
    # Else a job has its daemon's variables.
    "execd_params": "INHERIT_ENV=false",
}
# Per job and not per slot: a GPU job with two slots needs one GPU.
GPUS = """\
name        gpus
shortcut    gpus
type        INT
relop       <=
requestable YES
consumable  JOB
default     0
urgency     0
"""
SMP = """\
pe_name            smp
slots              999
user_lists         NONE
xuser_lists        NONE
start_proc_args    NONE
stop_proc_args     NONE
allocation_rule    $pe_slots
control_slaves     FALSE
job_is_first_task  TRUE
urgency_slots      min
accounting_summary TRUE
qsort_args         NONE
"""
HOST = """\
load_scaling     NONE
complex_values   NONE
user_lists       NONE
xuser_lists      NONE
projects         NONE
xprojects        NONE
usage_scaling    NONE
report_variables NONE
"""
# Queues: slots and what they offer. No load thresholds: a busy machine must not hold up its tests.
QUEUES = {"all.q": (4, "NONE"), "gpu.q": (4, "gpus=1"), "network.q": (2, "NONE")}
QUEUE = {
    "hostlist": "@allhosts",
    "pe_list": "smp",
    "shell": "/bin/sh",
    "notify": "00:00:05",
    "load_thresholds": "NONE",
}


class GridEngine(Scheduler):
    """A Grid Engine with one node, this machine."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.root = self.folder / "root"
        self.spool = self.folder / "spool"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which qsub and its like find this Grid Engine."""
        words = shlex.split((self.folder / "environment.sh").read_text().replace("export ", ""))
        return dict(word.split("=", 1) for word in words)

    def start(self) -> None:
        """Configure it if the folder is new, start what does not run, return when jobs can be submitted."""
        new = not (self.folder / "environment.sh").exists()
        if new:
            self._lay_out()
        self.start_master()
        if new:
            self._add_queues()
        self.start_execd()

    def stop(self) -> None:
        """End the daemons and every job; what they wrote stays."""
        self.kill_execd()
        self.stop_master(signal.SIGKILL)

    def start_master(self) -> None:
        self.daemons.start("qmaster", [str(PROGRAMS / "sge_qmaster")], self.environment | {"SGE_ND": "1"})
        if not holds(lambda: self.attempt("qconf", "-sconf").returncode == 0, 20):
            raise ClusterFailed(f"sge_qmaster does not answer:\n{self.daemons.log('qmaster')}")

    def stop_master(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Take the scheduler away; what runs goes on."""
        self.daemons.stop("qmaster", number)

    def start_execd(self, hidden: Sequence[Path] = ()) -> None:
        """Let the node come up; jobs there see an empty folder in the place of each hidden one."""
        if self.daemons.running("execd"):
            return
        command = [str(PROGRAMS / "sge_execd")]
        if hidden:
            mounts = "".join(f"mount -t tmpfs none {shlex.quote(str(folder))} && " for folder in hidden)
            command = ["unshare", "--mount", "--propagation", "private"]
            command += ["sh", "-c", f"{mounts}exec {PROGRAMS / 'sge_execd'}"]
        self.daemons.start("execd", command, self.environment | {"SGE_ND": "1"})
        if not holds(self._node_is_up, 30):
            raise ClusterFailed(f"the node stays away:\n{self.daemons.log('execd')}")

    def kill_execd(self) -> None:
        """Let the node die: its daemon and every job on it, so that nobody can report their end."""
        self.kill_node("execd", "sge_shepherd")

    def stop_execd(self) -> None:
        """Take the node's daemon away; its jobs go on."""
        self.daemons.stop("execd", signal.SIGKILL)

    def record(self, job: str, seconds: float = 30) -> dict[str, str]:
        """What qacct says of a job's last run, without its explanations, within so many seconds."""
        if not holds(lambda: self.attempt("qacct", "-j", job).returncode == 0, seconds):
            jobs = self.run("qstat", "-f", "-u", "*")
            raise ClusterFailed(f"job {job} did not end within {seconds} s:\n{jobs}")
        last = self.run("qacct", "-j", job).rpartition("=====\n")[2]
        fields = [line.split() for line in last.splitlines()]
        return {field[0]: field[1] for field in fields if len(field) > 1}

    def _lay_out(self) -> None:
        common = self.root / "default" / "common"
        for folder in (common, self.spool / "qmaster" / "job_scripts", self.spool / "execd"):
            folder.mkdir(parents=True)
        for name in ("bin", "lib", "util", "utilbin"):
            (self.root / name).symlink_to(f"/var/lib/gridengine/{name}")
        (common / "bootstrap").write_text(BOOTSTRAP.format(root=self.root, spool=self.spool))
        (common / "act_qmaster").write_text(f"{self.host}\n")
        # Where the machine's name is another one for 127.0.0.1, its address leads back to "localhost".
        (common / "host_aliases").write_text(f"{self.host} localhost\n")
        master, execd = free_ports(2)
        variables = {
            "SGE_ROOT": self.root,
            "SGE_CELL": "default",
            "SGE_QMASTER_PORT": master,
            "SGE_EXECD_PORT": execd,
            "SGE_CLUSTER_NAME": f"garner{master}",
        }
        lines = [f"export {name}={shlex.quote(str(value))}\n" for name, value in variables.items()]
        (self.folder / "environment.sh").write_text("".join(lines))
        self._spool_defaults(master)

    def _spool_defaults(self, port: int) -> None:
        # Two clusters on one machine must not take the same group for two jobs: it tells whose a process is.
        gids = 20000 + port % 400 * 100
        places = {"spool": str(self.spool), "gids": f"{gids}-{gids + 99}"}
        changes = {name: value.format(**places) for name, value in CONFIGURATION.items()}
        configuration = self.folder / "configuration"
        shipped = (SHARED / "default-configuration").read_text()
        configuration.write_text(_changed(shipped, changes))
        complexes = self.folder / "complexes"
        shutil.copytree(SHARED / "util/resources/centry", complexes)
        (complexes / "gpus").write_text(GPUS)
        pes = self.folder / "pe"
        pes.mkdir()
        (pes / "smp").write_text(SMP)
        for program, *arguments in (
            ["spoolinit", "classic", "libspoolc", f"{self.root}/default/common;{self.spool}/qmaster", "init"],
            ["spooldefaults", "configuration", str(configuration)],
            ["spooldefaults", "complexes", str(complexes)],
            ["spooldefaults", "pes", str(pes)],
            ["spooldefaults", "usersets", str(SHARED / "util/resources/usersets")],
            ["spooldefaults", "managers", "root"],
        ):
            self.run(str(PROGRAMS / program), *arguments)

    def _add_queues(self) -> None:
        self.run("qconf", "-ah", self.host)
        self.run("qconf", "-as", self.host)
        scheduler = _changed(self.run("qconf", "-ssconf"), {"schedule_interval": "0:0:1"})
        self._edit("-Msconf", "scheduler", scheduler)
        self._edit("-Ae", "host", f"hostname {self.host}\n{HOST}")
        self._edit("-Ahgrp", "allhosts", f"group_name @allhosts\nhostlist {self.host}\n")
        template = self.run("qconf", "-sq")
        for name, (slots, offers) in QUEUES.items():
            changes = QUEUE | {"qname": name, "slots": str(slots), "complex_values": offers}
            self._edit("-Aq", name, _changed(template, changes))

    def _edit(self, option: str, name: str, text: str) -> None:
        file = self.folder / f"{name}.qconf"
        file.write_text(text)
        self.run("qconf", option, str(file))

    def _node_is_up(self) -> bool:
        return "hl:load_avg=" in self.attempt("qhost", "-F", "load_avg", "-h", self.host).stdout


def _changed(text: str, changes: dict[str, str]) -> str:
    """Lines of `name value` with other values for some names; fails for a name that is not there."""
    left = dict(changes)
    lines = []
    for line in text.splitlines():
        name = line.split(maxsplit=1)[0] if line.split() else ""
        lines.append(f"{name} {left.pop(name)}" if name in left else line)
    if left:
        raise ValueError(f"no {', '.join(sorted(left))} in Grid Engine's own configuration")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.grid_engine")
    parser.add_argument("action", choices=["start", "stop", "restart-master", "kill-execd", "start-execd"])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    getattr(GridEngine(arguments.folder), arguments.action.replace("-", "_"))()


if __name__ == "__main__":
    main()
