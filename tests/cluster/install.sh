#!/bin/sh
# Install Debian's Grid Engine and Slurm, configured and started by nobody: tests/cluster/*.py run them from a folder
# of their own. Refuses on a machine that may belong to a real cluster.
set -eu

# Only the database's programs: the package mariadb-server would set up and start a server of its own.
packages="gridengine-master gridengine-exec gridengine-client slurm-wlm slurmdbd munge
    mariadb-server-core mariadb-client-core"

refuse() {
    echo "make cluster-test: $1" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || refuse "needs root, to install and start schedulers: run it in a container or in CI"
. /etc/os-release
[ "$ID" = debian ] || refuse "needs Debian's packages, and this is $PRETTY_NAME: run it in a container of debian:12"

foreign=
for process in /proc/[0-9]*; do
    read -r name < "$process/comm" || continue
    case $name in sge_qmaster | sge_execd | slurmctld | slurmd | slurmdbd) ;; *) continue ;; esac
    grep -q '^State:.Z' "$process/status" && continue
    grep -qz '^GARNER_TEST_CLUSTER=' "$process/environ" || foreign="$name (process ${process#/proc/})"
done 2> /dev/null # of processes that end meanwhile
[ -z "$foreign" ] || refuse "$foreign runs here for somebody else: use another machine"
for file in /etc/slurm/slurm.conf /etc/slurm-llnl/slurm.conf /var/lib/gridengine/*/common/act_qmaster; do
    [ ! -s "$file" ] || refuse "$file configures a scheduler for somebody else: use another machine"
done
for program in qsub sbatch; do
    path=$(command -v $program) || continue
    dpkg -S "$(readlink -f "$path")" > /dev/null 2>&1 \
        || refuse "$path is of another Grid Engine or Slurm than Debian's: use another machine"
done

# Grid Engine speaks to itself by the machine's name.
name=$(uname -n)
getent hosts "$name" > /dev/null || echo "127.0.0.1 $name" >> /etc/hosts

missing=
for package in $packages; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) || true
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

for package in master exec client; do
    echo "gridengine-$package shared/gridengineconfig boolean false"
done | debconf-set-selections
# No package may start a daemon.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # several words
apt-get -qq -y install --no-install-recommends $missing > /dev/null
