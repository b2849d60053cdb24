#!/bin/sh
# Installs what the tests need, by apt, and only what is missing.
set -eu
missing=
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -f /usr/share/iso-codes/json/iso_639-3.json ] || missing="$missing iso-codes"
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "the tests need$missing: install them (here there is no apt-get)" >&2
  exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $missing
