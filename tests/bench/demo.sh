#!/bin/sh
# Measures the demo as `make run` plays it: time and memory of its first run and of the second, which has nothing to do.
# Exit status 1 when the first run takes over MOST_SECONDS or MOST_MB. The working tree is left alone: a copy is run.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
: "${BIN:=$root/.venv/bin}" "${PORT:=8290}" "${MOST_SECONDS:=15}" "${MOST_MB:=250}"
case $BIN in /*) ;; *) BIN=$root/$BIN ;; esac

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$root/examples" "$root/content" "$root/theme" "$root/publisher.toml" "$copy"

# Memory of all processes of one session, in kB. Proportional set sizes add up; resident ones count shared pages twice.
memory() {
  for pid in $(cat /proc/[0-9]*/stat 2>/dev/null | awk -v session="$1" '{ pid = $1; sub(/^.*\) /, ""); if ($4 == session) print pid }'); do
    cat "/proc/$pid/smaps_rollup" 2>/dev/null || true
  done | awk '/^Pss:/ { sum += $2 } END { print sum + 0 }'
}

measure() { # NAME: runs the demo, sets $seconds and $megabytes, prints them
  began=$(date +%s%N)
  BIN=$BIN PORT=$PORT setsid "$copy/examples/demo.sh" >"$copy/said" 2>&1 &
  demo=$!
  peak=0
  while kill -0 "$demo" 2>/dev/null; do
    now=$(memory "$demo")
    [ "$now" -le "$peak" ] || peak=$now
    sleep 0.1
  done
  wait "$demo" || { cat "$copy/said" >&2; exit 1; }
  ended=$(date +%s%N)
  tenths=$(((ended - began) / 100000000))
  seconds=$((tenths / 10)).$((tenths % 10))
  megabytes=$((peak / 1024))
  echo "$1: $seconds s, $megabytes MB at most; $(grep '^pages' "$copy/said" | tr -s ' ')"
}

measure "first run"
first=$tenths
most=$megabytes
measure "second run"
if [ "$first" -gt $((MOST_SECONDS * 10)) ] || [ "$most" -gt "$MOST_MB" ]; then
  echo "the first run may take $MOST_SECONDS s and $MOST_MB MB" >&2
  exit 1
fi
