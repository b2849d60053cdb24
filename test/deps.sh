#!/bin/sh
# Installs what the tests need, by apt, and only what is missing. Arguments name the browsers; none is all of them.
set -eu
missing=
need() { missing="$missing $*"; }
has() { command -v "$1" >/dev/null 2>&1; }

for browser in ${*:-chromium firefox webkit}; do
  case $browser in
  chromium) has chromium || need chromium ;;
  firefox) has firefox-esr || need firefox-esr ;;
  webkit) # the engine, what the shell around it runs in, its driver for mouse and keyboard, a display without a screen
    has gjs || need gjs
    ls /usr/lib/*/girepository-1.0/WebKit2-4.1.typelib >/dev/null 2>&1 || need gir1.2-webkit2-4.1
    has WebKitWebDriver || need webkit2gtk-driver
    has broadwayd || need libgtk-3-bin ;;
  *)
    echo "no browser is called $browser: chromium, firefox and webkit are known" >&2
    exit 2 ;;
  esac
done
[ -f /usr/share/iso-codes/json/iso_639-3.json ] || need iso-codes
has node || need nodejs # the check of larder.d.ts, and the benchmarks
has npm || need npm
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need postgresql
[ -z "$missing" ] && exit 0
if ! has apt-get; then
  echo "the tests need$missing: install them (here there is no apt-get)" >&2
  exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $missing
