# FOLDER ARCHIVE: fills containerd's folder with the images of an archive. The first process of its own namespaces.
set -e
HERE=$(dirname "${BASH_SOURCE[0]}"); STATE=
. "$HERE/settings.sh"
mount --make-rprivate /; mount -t tmpfs tmpfs /run
mkdir -p "$1"
printf 'version = 2\nroot = "%s"\nstate = "/run/containerd"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' "$1" > /run/import.toml
containerd -c /run/import.toml > "$1.log" 2>&1 &
until ctr version > /dev/null 2>&1; do sleep 0.2; done
ctr -n k8s.io images import --snapshotter overlayfs "$2"
kill %1; wait
