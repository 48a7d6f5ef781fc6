#!/bin/sh
# Makes sure that Debian's Chromium, Chinese fonts and openssl are there: the tests drive a real browser and make keys.
set -eu
chromium_there() { command -v chromium >/dev/null 2>&1; }
fonts_there() { [ -n "$(fc-list :lang=zh 2>/dev/null | head -n 1)" ]; }
openssl_there() { command -v openssl >/dev/null 2>&1; }
if chromium_there && fonts_there && openssl_there; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing Chromium, Chinese fonts and openssl (once)"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fontconfig fonts-noto-cjk openssl >/dev/null
else
  echo "the tests need Chromium, a Chinese font and openssl; install them with:" >&2
  echo "  sudo apt-get install -y chromium fontconfig fonts-noto-cjk openssl" >&2
  exit 1
fi
