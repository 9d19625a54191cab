#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# share.sh PLAN N DIR K [OPTION…]: share K of N of a plan, for Slurm, GNU parallel, or by hand. What more is given goes to imapid (-j).
# What records depend on (--site, -l, -f) is in the plan. Exit: that of imapid: 0 done; 2 done, and a capture of it is damaged, which its record says; 3 or more: run it again.
set -eu
plan=$1 n=$2 dir=$3 k=$4
shift 4
exec "${IMAPID:-imapid}" extract -q --plan "$plan" --shard "$k/$n" --out "$dir" "$@"
