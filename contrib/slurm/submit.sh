#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# submit.sh PLAN N DIR ANSWER COMMAND [OPTION…]: all shares as an array job of Slurm, and behind it, whatever became of them, a job that writes the
# answer (COMMAND: stats, check, report and their options) to the file ANSWER, or nothing where a share is missing. Prints the numbers of both
# jobs. SHARES: which shares, as `imapid plan --status` prints them (default: all). SHARE_OPTIONS: for imapid extract. SBATCH_OPTIONS: for both jobs.
# All paths have to be the same on all nodes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export CONTRIB="${here%/*}" # goes to the jobs
plan=$1 n=$2 dir=$3 answer=$4
shift 4
mkdir -p "$dir/log"
# shellcheck disable=SC2086  # options are words
map=$(sbatch --parsable ${SBATCH_OPTIONS:-} --job-name imapid-share --requeue --array "${SHARES:-1-$n}" --output "$dir/log/share-%a.log" \
        "$here/share.sbatch" "$plan" "$n" "$dir" ${SHARE_OPTIONS:-})
reduce=$(sbatch --parsable ${SBATCH_OPTIONS:-} --job-name imapid-answer --dependency "afterany:$map" --output "$dir/log/answer.log" \
           "$here/answer.sbatch" "$plan" "$n" "$dir" "$@" -w "$answer")
echo "$map $reduce"
