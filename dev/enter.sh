#!/bin/sh
# enter.sh ROOT FOLDER COMMAND…: becomes the command in the Debian of ROOT, where FOLDER is /work; in a mount namespace of its own.
set -eu
root=$1 folder=$2
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$folder" "$root/work"
exec chroot "$root" "$@"
