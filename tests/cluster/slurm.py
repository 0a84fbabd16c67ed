"""A single-node Slurm whose every file lies in one folder, apart from what the machine already has.

    python -m tests.cluster.slurm start|stop|restart-master|kill-slurmd|start-slurmd FOLDER [--no-accounting]

Partitions: `cpu`, `gpu` (one GPU, a device that is `/dev/null` by another name) and `network`, on a node that
claims 8 cores and 16 GB. `eval "$(cat FOLDER/environment.sh)"` lets a shell use it.
"""

import argparse
import os
import signal
import stat
from pathlib import Path

from tests.cluster.daemons import ClusterFailed, Scheduler, holds
from tests.unit.loopback import free_ports

SOCKET = 100  # longest path of a socket, in characters

# OverMemoryKill: memory is enforced by polling, since there are no cgroups. cred_expire: how long a requeued
# job waits before it starts again (stock 120 s). config_overrides: the node may claim cores it has not.
SLURM_CONF = """\
ClusterName=garner
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={slurmctld}
SlurmdPort={slurmd}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/slurmd
SlurmctldPidFile={folder}/state/slurmctld.pid
SlurmdPidFile={folder}/slurmd/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=2
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
GresTypes=gpu
ReturnToService=2
SlurmdTimeout=5
SlurmctldTimeout=10
KillWait=5
InactiveLimit=0
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=16000 Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=1-0 DefaultTime=60 DefMemPerCPU=500 State=UP
PartitionName=gpu Nodes={host} MaxTime=1-0 DefaultTime=60 DefMemPerCPU=500 State=UP
PartitionName=network Nodes={host} MaxTime=1-0 DefaultTime=60 DefMemPerCPU=500 State=UP
"""
ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={slurmdbd}
AccountingStoragePass={folder}/munge/socket
AccountingStorageTRES=gres/gpu
"""
SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={slurmdbd}
SlurmUser=root
PidFile={folder}/state/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={mariadb}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm
"""


class Slurm(Scheduler):
    """A Slurm with one node, this machine."""

    def __init__(self, folder: Path, accounting: bool = True):
        super().__init__(folder)
        self.accounting = accounting
        if len(str(self.folder)) > SOCKET - len("/munge/socket"):
            raise ClusterFailed(f"{self.folder} is too long a path for a socket; choose a shorter one")

    @property
    def environment(self) -> dict[str, str]:
        """The variable with which sbatch and its like find this Slurm."""
        return {"SLURM_CONF": f"{self.folder}/slurm.conf"}

    def start(self) -> None:
        """Configure it if the folder is new, start what does not run, return when jobs can be submitted."""
        if not (self.folder / "slurm.conf").exists():
            self._lay_out()
        self._start("munged", *self._munged())
        if "slurmdbd" in (self.folder / "slurm.conf").read_text():
            self._start_accounting()
        self.start_master()
        self.start_slurmd()

    def stop(self) -> None:
        """End the daemons and every job; what they wrote stays."""
        self.kill_slurmd()
        for name in ("slurmctld", "slurmdbd", "mariadbd", "munged"):
            self.daemons.stop(name, signal.SIGKILL)

    def start_master(self) -> None:
        self._start("slurmctld", "/usr/sbin/slurmctld", "-D")
        self._await("slurmctld", lambda: self.attempt("scontrol", "ping").returncode == 0)

    def stop_master(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Take the scheduler away; what runs goes on."""
        self.daemons.stop("slurmctld", number)

    def start_slurmd(self) -> None:
        """Let the node come up."""
        self._start("slurmd", "/usr/sbin/slurmd", "-D", "-N", self.host)
        up = ("idle", "mixed", "allocated")
        self._await("slurmd", lambda: self.run("sinfo", "-h", "-p", "cpu", "-o", "%T").strip() in up)

    def kill_slurmd(self) -> None:
        """Let the node die: its daemon and every job on it, so that nobody can report their end."""
        self.kill_node("slurmd", "slurmstepd")

    def record(self, job: str, seconds: float = 30) -> dict[str, str]:
        """What sacct says of a job's last run, by the names of its columns, within so many seconds."""
        columns = ("Partition", "State", "ExitCode", "ReqMem", "AllocCPUS", "AllocTRES", "Timelimit")
        question = ("sacct", "-X", "-n", "-P", "-j", job, "-o", ",".join(columns))
        last: dict[str, str] = {}

        def ended() -> bool:
            lines = self.run(*question).splitlines()
            last.update(zip(columns, lines[-1].split("|"), strict=True) if lines else {})
            # At first sacct knows the end of a short job without where it ran.
            return last.get("State") not in (None, "PENDING", "RUNNING", "REQUEUED") and last["Partition"]

        if not holds(ended, seconds):
            raise ClusterFailed(f"job {job} did not end within {seconds} s: {last}\n{self.run('squeue')}")
        return last

    def _start(self, name: str, *command: str) -> None:
        self.daemons.start(name, command, self.environment)

    def _await(self, name: str, condition) -> None:
        if not holds(condition, 30):
            raise ClusterFailed(f"{name} does not answer:\n{self.daemons.log(name)}")

    def _munged(self) -> list[str]:
        place = self.folder / "munge"
        return [
            "/usr/sbin/munged", "--foreground", f"--socket={place}/socket", f"--key-file={place}/key",
            f"--pid-file={place}/pid", f"--log-file={place}/log", f"--seed-file={place}/seed",
        ]  # fmt: skip

    def _start_accounting(self) -> None:
        database = self.folder / "mariadb"
        ports = dict(line.split("=") for line in (self.folder / "ports").read_text().split())
        new = not database.exists()
        if new:
            self.run(
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={database}",
                "--user=root",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            )
        connection = f"--socket={database}/socket"
        self._start(
            "mariadbd", "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={database}", "--user=root",
            "--bind-address=127.0.0.1", f"--port={ports['mariadb']}", connection, "--skip-name-resolve",
        )  # fmt: skip
        client = ("mariadb", "--no-defaults", "--user=root", connection)
        self._await("mariadbd", lambda: self.attempt(*client, "-e", "select 1").returncode == 0)
        if new:
            user = "slurm@'127.0.0.1'"
            self.run(
                *client, "-e", f"create user {user} identified by 'slurm'; grant all on slurm.* to {user}"
            )
        self._start("slurmdbd", "/usr/sbin/slurmdbd", "-D")
        self._await("slurmdbd", lambda: self.attempt("sacctmgr", "-n", "list", "cluster").returncode == 0)

    def _lay_out(self) -> None:
        for name in ("munge", "state", "slurmd"):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        self.folder.chmod(0o755)
        (self.folder / "munge").chmod(0o711)
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        # A GPU must be a character device, here /dev/null's. Slurm reads its index from the name's end.
        gpu = self.folder / "nvidia0"
        os.mknod(gpu, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        names = ("slurmctld", "slurmd", "slurmdbd", "mariadb")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        (self.folder / "ports").write_text("".join(f"{name}={port}\n" for name, port in ports.items()))
        values = {"folder": self.folder, "host": self.host} | ports
        (self.folder / "gres.conf").write_text(f"NodeName={self.host} Name=gpu File={gpu}\n")
        # Named, so that slurmd does not look for one: none is used, and a container may have none.
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        if self.accounting:
            secret = self.folder / "slurmdbd.conf"
            secret.write_text(SLURMDBD_CONF.format(**values))
            secret.chmod(0o600)
        (self.folder / "environment.sh").write_text(f"export SLURM_CONF={self.folder}/slurm.conf\n")
        text = SLURM_CONF + (ACCOUNTING if self.accounting else "")
        (self.folder / "slurm.conf").write_text(text.format(**values))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.slurm")
    parser.add_argument("action", choices=["start", "stop", "restart-master", "kill-slurmd", "start-slurmd"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--no-accounting", action="store_true", help="no slurmdbd, so no sacct")
    arguments = parser.parse_args()
    cluster = Slurm(arguments.folder, accounting=not arguments.no_accounting)
    getattr(cluster, arguments.action.replace("-", "_"))()


if __name__ == "__main__":
    main()
