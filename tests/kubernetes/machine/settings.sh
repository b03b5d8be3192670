# What the scripts beside this one share. CACHE holds programs and images, STATE what this cluster writes.
BIN=$CACHE/bin; PKI=$STATE/pki
CONTROL=10.98.0.1; NODES=2
export LD_LIBRARY_PATH=$CACHE/debian/usr/lib/x86_64-linux-gnu:$CACHE/debian/lib/x86_64-linux-gnu
export XTABLES_LIBDIR=$CACHE/debian/usr/lib/x86_64-linux-gnu/xtables
export PATH=$BIN:$CACHE/debian/usr/lib/cni:$CACHE/debian/usr/sbin:$CACHE/debian/sbin:$CACHE/debian/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C.UTF-8
export KUBECONFIG=$PKI/admin.kubeconfig

# NAME: a child of the group that we are in, in every hierarchy, and we join it.
enter_cgroup() {
  local line controller path folder lines
  mapfile -t lines < /proc/self/cgroup # read whole before the first move, which changes it
  for line in "${lines[@]}"; do
    IFS=: read -r _ controller path <<< "$line"
    controller=${controller#name=}; folder=/sys/fs/cgroup/$controller
    [ -n "$controller" ] && [ -d "$folder" ] || continue
    mkdir -p "$folder$path/$1"
    if [ "$controller" = cpuset ]; then
      for file in cpuset.cpus cpuset.mems; do cat "$folder$path/$file" > "$folder$path/$1/$file"; done
    fi
    echo $BASHPID > "$folder$path/$1/cgroup.procs"
  done
}

# A /sys of our own with the groups as our namespace sees them.
mount_cgroups() {
  mount -t sysfs sysfs /sys
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  local name
  for name in cpu cpuacct cpuset memory devices freezer blkio pids; do
    mkdir /sys/fs/cgroup/$name; mount -t cgroup -o $name cgroup /sys/fs/cgroup/$name
  done
  mkdir /sys/fs/cgroup/systemd; mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
}

# SCRIPT [ARGUMENT]: runs it as the first process of namespaces of its own; it ends with all below it when we end.
in_namespaces() {
  exec unshare --mount --net --pid --uts --ipc --cgroup --fork --kill-child --mount-proc bash "$HERE/$1" "${@:2}"
}
