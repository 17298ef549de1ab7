#!/bin/sh
# Run by `make compose-test`. Sends a file from one account to two others, which it adds if need be, and compares.
set -eu
alice="alice@${ROLLCAST_DOMAINS%%,*}" bob="bob@${ROLLCAST_DOMAINS%%,*}" carol="carol@${ROLLCAST_DOMAINS##*,}"
for address in "$alice" "$bob" "$carol"; do
    [ -e "$HOME/.rollcast/credentials/$address.json" ] || rollcast admin add "$address"
done

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
head -c 3000000 /dev/urandom > "$place/file"
for address in "$bob" "$carol"; do
    rollcast receive --as "$address" --into "$place/$address" --accept all --count 1 &
done
# Whoever was never there cannot be asked.
tries=60
while rollcast admin list | grep -E "^($bob|$carol) .*never registered" > /dev/null; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "The receivers did not register." >&2; exit 1; }
    sleep 1
done
rollcast send "$place/file" --as "$alice" --to "$bob" --to "$carol"
wait
cmp "$place/file" "$place/$bob/file"
cmp "$place/file" "$place/$carol/file"
echo "$bob and $carol have the file of $alice, byte for byte."
