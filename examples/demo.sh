#!/bin/sh
# Runs the demo portal once: a sandbox plays the inspection platform (serving examples/jiangsu-2021) and two credit
# publicity systems on the loopback address, and the publisher runs all its stages against it. Repeat it at will.
set -eu
cd "$(dirname "$0")/.."
: "${BIN:=.venv/bin}" "${PORT:=8200}" "${DEMO_DAY:=2026-11-20}"
mkdir -p var

# Tokens of the sandbox only: it accepts these and nothing else knows them.
export PUBLISHER_SOURCE_TOKEN=sandbox PUBLISHER_ENDPOINT_TOKEN=sandbox
export PUBLISHER_GSXT_TOKEN=sandbox PUBLISHER_CREDIT_TOKEN=sandbox

config=publisher.toml
if [ "$PORT" != 8200 ]; then
  config=publisher.port-$PORT.toml
  sed "s/:8200/:$PORT/" publisher.toml > "$config"
  trap 'rm -f "$config"' EXIT
fi

"$BIN/publisher" sandbox --folder examples/jiangsu-2021 --state var/sandbox.db --port "$PORT" 2> var/sandbox.log &
sandbox=$!
trap 'kill $sandbox 2>/dev/null || true; wait $sandbox 2>/dev/null || true; [ "$config" = publisher.toml ] || rm -f "$config"' EXIT INT TERM
waited=0
until grep -q "sandbox ready" var/sandbox.log; do
  kill -0 $sandbox 2>/dev/null || { cat var/sandbox.log >&2; echo "the sandbox did not start; try another port: make run PORT=8300" >&2; exit 1; }
  waited=$((waited + 1))
  [ $waited -lt 200 ] || { echo "the sandbox did not answer within 20 seconds; see var/sandbox.log" >&2; exit 1; }
  sleep 0.1
done

echo "demo: playing $DEMO_DAY with invented firms (演示数据); the sandbox is at http://127.0.0.1:$PORT"
"$BIN/publisher" --config "$config" --as-of "$DEMO_DAY" run
echo "look at it: make serve, then http://127.0.0.1:8000"
