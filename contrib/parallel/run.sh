#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh PLAN N DIR [OPTION…]: all shares of a plan on this machine with GNU parallel, as many at a time as JOBS says (default: as there
# are processors). What is done is left alone, so it may be run again. Exit: 0 or 2 as of one run of imapid; 3: run it again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
plan=$1 n=$2 dir=$3
shift 3
log=$(mktemp)
trap 'rm -f "$log"' EXIT
mkdir -p "$dir"
# Not --halt: a share that fails leaves the others to be done.
seq "$n" | parallel -j "${JOBS:-100%}" --joblog "$log" "${here%/*}/share.sh" "$plan" "$n" "$dir" {} "$@" || :
# Exit status and signal of each share. One that did not run at all is missing here.
awk -v n="$n" 'NR > 1 { ran++; if ($8 || $7 > 2) again = 1; else if ($7) damaged = 1 }
               END { exit again || ran < n ? 3 : damaged ? 2 : 0 }' "$log"
