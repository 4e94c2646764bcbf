#!/bin/sh
# Keeps TXT records in $ZONE_FILE, which a name server reads. Exit codes: 0 done, 75 try again, else an operator must act.
set -eu
document=$(cat)
field() { printf '%s' "$document" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
record="$(field fqdn) 60 IN TXT \"$(field value)\""
exec 9>"$ZONE_FILE.lock" && flock 9 || exit 75
touch "$ZONE_FILE"
grep -vxF -- "$record" "$ZONE_FILE" >"$ZONE_FILE.new" || true # all the others
case $(field action) in
add) printf '%s\n' "$record" >>"$ZONE_FILE.new" ;;
remove) ;;
*) echo "unknown action $(field action)" >&2 && exit 1 ;;
esac
mv "$ZONE_FILE.new" "$ZONE_FILE"
