#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# answer.sh PLAN N DIR COMMAND [OPTION…]: imapid stats, check or report of all shares. Exit 3, and the shares to be run again on standard
# output, where something is missing: no answer is made of less than all.
set -eu
plan=$1 n=$2 dir=$3
shift 3
"${IMAPID:-imapid}" plan --status "$plan" --shard "$n" "$dir" || exit
exec "${IMAPID:-imapid}" "$@" --plan "$plan" "$dir"
