#!/bin/sh
# Puts chain and key of each certificate into one file, $TLS_DIR/NAME.pem. Exit codes: 0 done, 75 try again, else an operator must act.
set -eu
umask 077
document=$(cat)
field() { printf '%s' "$document" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }
cd "$TLS_DIR" || exit 75
name=$(field name)
exec 9>"$name.lock" && flock 9
[ "$(field sequence)" -ge "$(cat "$name.sequence" 2>/dev/null || echo 0)" ] || exit 0 # a late try: something newer is there
case $(field action) in
deliver) printf '%b%b' "$(field chainPEM)" "$(field keyPEM)" >"$name.new" && mv "$name.new" "$name.pem" ;;
remove) rm -f "$name.pem" ;;
*) echo "unknown action $(field action)" >&2 && exit 1 ;;
esac
field sequence >"$name.sequence"
