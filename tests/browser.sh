#!/bin/sh
# Makes sure that Debian's Chromium and Chinese fonts are there: the tests drive a real browser.
set -eu
chromium_there() { command -v chromium >/dev/null 2>&1; }
fonts_there() { [ -n "$(fc-list :lang=zh 2>/dev/null | head -n 1)" ]; }
if chromium_there && fonts_there; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing Chromium and Chinese fonts (once)"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fontconfig fonts-noto-cjk >/dev/null
else
  echo "the tests need Chromium and a Chinese font; install them with:" >&2
  echo "  sudo apt-get install -y chromium fontconfig fonts-noto-cjk" >&2
  exit 1
fi
