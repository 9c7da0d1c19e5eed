#!/bin/sh
# All damage to all captures, found by content and with --port: all.sh PYTHON damage.py H2DUMP CAPTURES...
set -u
bad=0
for mode in check port; do
    echo "== $mode"
    "$@" --mode "$mode" || bad=1
done
exit $bad
