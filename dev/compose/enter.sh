#!/bin/sh
# enter.sh ROOT DATA CHECKOUT CGROUP: becomes a Docker engine whose machine is the folder ROOT; in namespaces of its own.
set -eu
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mkdir -p "$root/data" "$root/checkout" "$root/old"
mount --bind "$2" "$root/data"
mount --bind "$3" "$root/checkout"
cd "$root"
pivot_root . old
umount --lazy /old
ip link set lo up
# Without a reaper ended containers' keepers would stay.
exec tini -s -- dockerd --host=unix:///run/docker.sock --exec-root=/run/docker --data-root=/data \
    --cgroup-parent="/$4"
