#!/bin/sh
# One publication, wherever it is started from: restore the state, run, save the state, deploy what changed.
#
#   PUBLISH_TARGET  the folder the web server serves
#   PUBLISH_STATE   a folder that outlives the job and that nobody else reads; the ledger, its keys and the site are
#                   restored from there and saved there. Leave it out where the portal's own folder outlives the job.
#   PORTAL          the folder of publisher.toml (default: where this is started), with the paths that `init` gave it
#   PUBLISHER       the command (default: publisher)
#   PUBLISH_WAIT    seconds to wait for another publication to end (default: 3600); then status 5
#   PUBLISH_STATE_GET, PUBLISH_STATE_PUT
#                   for a state in an object store: commands that copy it into PUBLISH_STATE, and back from there
#   PUBLISH_HOLD, PUBLISH_HOLD_BASIS, PUBLISH_HOLD_BY
#                   a record to stop at once, why, and who decides; then the run makes it so
#
# Options given to this script (--as-of) are given to `publisher`. The status is that of the run. After 0, 3, 7 and 10 the
# site is whole and audited, and what time or a decision ended has left it: it is deployed, and a person is told.
# After any other nothing is saved or deployed, and what is served stays as it was.
set -eu
umask 022

: "${PUBLISH_TARGET:?names the folder the web server serves}"
here=$(cd "$(dirname "$0")" && pwd)
publisher=${PUBLISHER:-publisher}
mkdir -p "$PUBLISH_TARGET"
target=$(cd "$PUBLISH_TARGET" && pwd)
cd "${PORTAL:-.}"
state=${PUBLISH_STATE:-var}

say() { echo "publish: $*" >&2; }

if [ -n "${PUBLISH_STATE:-}" ] && [ -e var/ledger.db ]; then
  say "this folder has a ledger of its own: start in a fresh checkout, or leave out PUBLISH_STATE"
  exit 2
fi

mkdir -p "$state"
chmod 700 "$state"
state=$(cd "$state" && pwd)
exec 9>"$state/publish.lock"
flock -w "${PUBLISH_WAIT:-3600}" 9 || { say "another publication is under way; start again when it has ended"; exit 5; }

if [ -n "${PUBLISH_STATE_GET:-}" ]; then
  (cd "$state" && sh -c "$PUBLISH_STATE_GET") || { say "the state could not be fetched"; exit 5; }
fi
if [ -n "${PUBLISH_STATE:-}" ] && [ -e "$state/state.tar.gz" ]; then
  tar -xzf "$state/state.tar.gz" || { say "the state could not be restored"; exit 5; }
fi

mkdir -p var
chmod 700 var # the ledger and its keys

if [ -n "${PUBLISH_HOLD:-}" ]; then # its answer names the record, and logs are kept
  "$publisher" "$@" hold "$PUBLISH_HOLD" --basis "${PUBLISH_HOLD_BASIS:-}" --by "${PUBLISH_HOLD_BY:-}" >/dev/null
fi

status=0
"$publisher" "$@" run --strict || status=$?
case $status in
  0 | 3 | 7 | 10) ;;
  *)
    say "the run ended with $status: nothing was saved or deployed"
    exit "$status"
    ;;
esac

# Saved before it is deployed: what readers have seen is then always in the saved ledger, so that a job that is killed
# here never leaves a page behind that no later list would remove, nor two different publications of one number.
put() {
  if [ -n "${PUBLISH_STATE_PUT:-}" ]; then
    (cd "$state" && sh -c "$PUBLISH_STATE_PUT") || { say "the state could not be stored"; exit 5; }
  fi
}
if [ -n "${PUBLISH_STATE:-}" ]; then
  (umask 077 && tar -I 'gzip -1' -cf "$state/state.new" var output .output.?) ||
    { say "the state could not be saved: nothing was deployed"; exit 5; }
  mv "$state/state.new" "$state/state.tar.gz"
  put
fi

python3 "$here/deploy.py" "$publisher" "$target" "$state/deployed" ||
  { say "not all was deployed; start again, it goes on from here"; exit 6; }
put
exit "$status"
