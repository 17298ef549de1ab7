#!/bin/sh
# Checked: run by tests/kubernetes/test_manifests.py.
# Writes secrets/NAME.env from each secrets/NAME.env.example, with a new password; one that is there stays as it is.
set -eu
umask 077
cd "$(dirname "$0")/secrets"
for example in *.env.example; do
    made="${example%.example}"
    password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
    [ -e "$made" ] || sed "s/GENERATED/$password/g" "$example" > "$made"
done
