#!/usr/bin/env bash
# Trains on this machine, all within MINUTES of wall clock, and leaves the result in $OUT in files
# under 16 MiB, eight at most. Goes on from the packed checkpoint; its schedule begins anew.
#
#   bash recipes/gpu/train.sh KIND MINUTES [--set FIELD=VALUE ...]     KIND: finder, reader-small, ...
set -euo pipefail
cd "$(dirname "$0")/../.."
kind=$1 limit=$((60 * $2)) && shift 2
out=${OUT:-out/gpu/back} run=${RUN:-/tmp/isotrope/runs/$kind}
site=${ISOTROPE_SITE:-/tmp/isotrope/site} cache=${ISOTROPE_CACHE:-/tmp/isotrope/cache}
reserve=${RESERVE:-120}  # seconds for the validation at the end, and for the files
mkdir -p "$out" "$run" "$cache"
[ -d "$site" ] || bash recipes/gpu/setup.sh
cp -r out/gpu/run/cache/. "$cache/"
[ ! -f out/gpu/run/checkpoint.pt ] || cp out/gpu/run/checkpoint.pt "$run/checkpoint.pt"
touch "$run/.begun"

leave() {  # whatever there is, whole, also if training failed or was cut off
  trap - EXIT TERM INT
  if [ "$run/checkpoint.pt" -nt "$run/.begun" ]; then
    split --bytes=16700000 --numeric-suffixes --suffix-length=1 "$run/checkpoint.pt" "$out/checkpoint."
    sha256sum < "$run/checkpoint.pt" > "$out/checkpoint.sha256"
  fi
  [ ! -f "$run/log.csv" ] || cp "$run/log.csv" "$out/"
  [ "$run/model/model.safetensors" -ot "$run/.begun" ] || cp "$run/model/"{model.safetensors,config.json} "$out/" || true
  tail -n 300 "$run/output.txt" > "$out/output.txt" || true
  ls -l "$out"
}
trap leave EXIT TERM INT

case $kind in
  finder) command=finder batches="data.group=4096 data.parts=8 optimizer.learning_rate=6e-4" ;;
  detector*) command=detector batches="data.group=256 data.parts=8" ;;
  *) command=reader batches="data.group=1024 data.parts=8 optimizer.learning_rate=5e-4" ;;
esac
workers=$(($(nproc) > 2 ? $(nproc) - 2 : 1))
ulimit -n "$(ulimit -Hn)"  # workers hand over batches through open files
export OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1 PYTHONPATH=src:$site XDG_CACHE_HOME=$cache
seconds=$((limit - reserve - SECONDS - ${STARTUP:-30}))
settings=(schedule.anew=true "schedule.minutes=$(python3 -c "print($seconds / 60)")")
settings+=("run.workers=$workers" run.save_minutes=1 run.validate_minutes=1000)
[ ! -d out/gpu/run/teacher ] || settings+=(losses.teacher=out/gpu/run/teacher)
# shellcheck disable=SC2206  # words without spaces
settings+=($batches)
timeout --signal=INT --kill-after=10 $((limit - SECONDS - 15)) \
  python3 -W ignore -c "from isotrope.cli import main; main()" train "$command" \
  --config "recipes/$kind.toml" --data out/gpu/data --out "$run" \
  "${settings[@]/#/--set=}" "$@" 2>&1 | tee "$run/output.txt"
