#!/bin/sh
# Builds Everleaf's image from the work tree: image.sh [NAME[:TAG]]  (default everleaf:latest)
#
#   BUILDER     buildah, podman or docker; the first of them that is there unless set
#   GOARCH      the image's architecture, as Go calls it; this machine's unless set
#   CA_BUNDLE   the roots for the image, PEM; this machine's unless set. What is in it, every Everleaf trusts: build on a
#               machine whose roots are nobody's own, or name a file
#
# Nothing is pulled and nothing is pushed: the image is from scratch and stays in the builder's store.
set -eu

name=${1:-everleaf:latest}
here=$(cd "$(dirname "$0")" && pwd)

builder=${BUILDER:-}
for candidate in buildah podman docker; do
  [ -n "$builder" ] || builder=$(command -v "$candidate" || true)
done
[ -n "$builder" ] || { echo "image.sh: none of buildah, podman and docker is there; install one, or set BUILDER" >&2; exit 1; }
command -v "$builder" >/dev/null || { echo "image.sh: BUILDER \"$builder\" is not there; use buildah, podman or docker, or leave it out for the first that is" >&2; exit 1; }

bundle=${CA_BUNDLE:-}
for candidate in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
  if [ -z "$bundle" ] && [ -s "$candidate" ]; then bundle=$candidate; fi
done
[ -s "$bundle" ] || { echo "image.sh: no CA bundle ${bundle:-was found}; install ca-certificates, or set CA_BUNDLE" >&2; exit 1; }
grep -q 'BEGIN CERTIFICATE' "$bundle" || { echo "image.sh: CA_BUNDLE $bundle holds no PEM certificate" >&2; exit 1; }

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
trap 'exit 130' INT TERM

arch=${GOARCH:-$(go env GOARCH)}
revision=$(git -C "$here" rev-parse HEAD 2>/dev/null || echo unknown)
version=$(git -C "$here" describe --tags --always --dirty 2>/dev/null || echo unknown)
# timetzdata embeds the time zones: there is no file that could be missing. TZ then works in a scratch image.
CGO_ENABLED=0 GOOS=linux GOARCH=$arch go -C "$here/.." build -trimpath -buildvcs=auto -tags timetzdata -ldflags "-s -w -X everleaf/adapters/telemetry.release=$version" -o "$context/everleaf" .
install -m 0555 "$context/everleaf" "$context/everleaf.ro" && mv -f "$context/everleaf.ro" "$context/everleaf"
install -m 0444 "$bundle" "$context/ca-certificates.crt"

"$builder" build --platform "linux/$arch" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
  -f "$here/Containerfile" -t "$name" "$context"
