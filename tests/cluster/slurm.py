"""A single-node Slurm whose every file lies in one folder, next to nothing that the machine already has.

    python -m tests.cluster.slurm start|stop|restart-master|kill-slurmd|start-slurmd [FOLDER] [--no-accounting]

Partitions: `cpu`, `gpu` (one GPU, a device that is `/dev/null` by another name) and `network`, on a node that
claims 8 cores and 16 GB. `eval "$(cat FOLDER/environment.sh)"` lets a shell use it.
"""

import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.cluster.daemons import CLEAN, ClusterFailed, Daemons, descendants, free_port, holds

DEFAULT_FOLDER = Path("/tmp/garner-slurm")
SOCKET = 100  # longest path of a socket, in characters

# OverMemoryKill: memory is enforced by polling, since there are no cgroups. cred_expire: how long a requeued job waits
# before it starts again (stock 120 s). config_overrides: the node may claim cores that the machine has not.
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
SlurmdTimeout=10
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


class Slurm:
    """A Slurm with one node, this machine."""

    def __init__(self, folder: Path, accounting: bool = True):
        self.folder = Path(folder).resolve()
        self.accounting = accounting
        self.host = socket.gethostname()
        self.daemons = Daemons(self.folder / "daemons")
        if len(str(self.folder)) > SOCKET - len("/munge/socket"):
            raise ClusterFailed(f"{self.folder} is too long a path for a socket; choose a shorter one")

    @property
    def environment(self) -> dict[str, str]:
        """The variable with which sbatch and its like find this Slurm."""
        return {"SLURM_CONF": f"{self.folder}/slurm.conf"}

    def start(self) -> None:
        """Configure it if the folder is new, start what does not run, and return when a job can be submitted."""
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

    def __enter__(self) -> "Slurm":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def start_master(self) -> None:
        self._start("slurmctld", "/usr/sbin/slurmctld", "-D")
        self._await("slurmctld", lambda: self._try("scontrol", "ping").returncode == 0)

    def stop_master(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Take the scheduler away; what runs goes on."""
        self.daemons.stop("slurmctld", number)

    def start_slurmd(self) -> None:
        """Let the node come up."""
        self._start("slurmd", "/usr/sbin/slurmd", "-D", "-N", self.host)
        self._await("slurmd", lambda: self.run("sinfo", "-h", "-o", "%T").strip() in ("idle", "mixed", "allocated"))

    def kill_slurmd(self) -> None:
        """Let the node die: its daemon and every job on it, by SIGKILL, so that nobody can report their end."""
        slurmd = self.daemons.running("slurmd")
        # A job's supervisor outlives its slurmd and is nobody's child; its name holds its job's number.
        for process in [*([slurmd] if slurmd else []), *self._supervisors()]:
            for victim in [process, *descendants(process)]:
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
        holds(lambda: self.daemons.running("slurmd") is None, 5)

    def run(self, *command: str, **options) -> str:
        """What a command of Slurm prints; raises with its words when it fails."""
        result = self._try(*command, **options)
        if result.returncode:
            raise ClusterFailed(f"{shlex.join(command)}: {result.stderr or result.stdout}")
        return result.stdout

    def _try(self, *command: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            command, env=CLEAN | self.environment, capture_output=True, text=True, timeout=60, check=False, **options
        )

    def _start(self, name: str, *command: str) -> None:
        self.daemons.start(name, command, self.environment)

    def _await(self, name: str, condition) -> None:
        if not holds(condition, 30):
            raise ClusterFailed(f"{name} does not answer:\n{self.daemons.log(name)}")

    def _supervisors(self) -> list[int]:
        """The slurmstepd of this Slurm's jobs."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                ours = f"SLURM_CONF={self.folder}/slurm.conf".encode() in (process / "environ").read_bytes()
                if ours and (process / "comm").read_text().startswith("slurmstepd"):
                    found.append(int(process.name))
        return found

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
            subprocess.run(
                ["mariadb-install-db", "--no-defaults", f"--datadir={database}", "--user=root", "--skip-test-db",
                 "--auth-root-authentication-method=normal"],
                check=True, capture_output=True, env=CLEAN,
            )  # fmt: skip
        connection = f"--socket={database}/socket"
        self._start(
            "mariadbd", "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={database}", "--user=root",
            "--bind-address=127.0.0.1", f"--port={ports['mariadb']}", connection, "--skip-name-resolve",
        )  # fmt: skip
        client = ("mariadb", "--no-defaults", "--user=root", connection)
        self._await("mariadbd", lambda: self._try(*client, "-e", "select 1").returncode == 0)
        if new:
            self.run(*client, "-e", "create user slurm@'127.0.0.1' identified by 'slurm'; "
                     "grant all on slurm.* to slurm@'127.0.0.1'")
        self._start("slurmdbd", "/usr/sbin/slurmdbd", "-D")
        self._await("slurmdbd", lambda: self._try("sacctmgr", "-n", "list", "cluster").returncode == 0)

    def _lay_out(self) -> None:
        for name in ("munge", "state", "slurmd"):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        self.folder.chmod(0o755)
        (self.folder / "munge").chmod(0o711)
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        # A GPU must be a character device; the number is /dev/null's. Slurm reads its index from the name's end.
        gpu = self.folder / "nvidia0"
        os.mknod(gpu, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        names = ("slurmctld", "slurmd", "slurmdbd", "mariadb")
        ports = {name: free_port() for name in names}
        (self.folder / "ports").write_text("".join(f"{name}={port}\n" for name, port in ports.items()))
        values = {"folder": self.folder, "host": self.host} | ports
        (self.folder / "gres.conf").write_text(f"NodeName={self.host} Name=gpu File={gpu}\n")
        if self.accounting:
            secret = self.folder / "slurmdbd.conf"
            secret.write_text(SLURMDBD_CONF.format(**values))
            secret.chmod(0o600)
        (self.folder / "environment.sh").write_text(f"export SLURM_CONF={self.folder}/slurm.conf\n")
        text = SLURM_CONF + (ACCOUNTING if self.accounting else "")
        (self.folder / "slurm.conf").write_text(text.format(**values))


def main() -> None:
    arguments = [word for word in sys.argv[1:] if word != "--no-accounting"]
    action, *folder = arguments or [""]
    cluster = Slurm(Path(*folder) if folder else DEFAULT_FOLDER, accounting="--no-accounting" not in sys.argv)
    actions = {
        "start": cluster.start,
        "stop": cluster.stop,
        "restart-master": lambda: (cluster.stop_master(), cluster.start_master()),
        "kill-slurmd": cluster.kill_slurmd,
        "start-slurmd": cluster.start_slurmd,
    }
    if action not in actions:
        sys.exit(f"python -m tests.cluster.slurm {'|'.join(actions)} [FOLDER] [--no-accounting]")
    actions[action]()


if __name__ == "__main__":
    main()
