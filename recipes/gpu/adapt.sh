#!/usr/bin/env bash
# Trains adapters on this machine, several at once on its one GPU, all within MINUTES of wall clock,
# and leaves NAME.tar of each in $OUT as soon as it is done.
#
#   bash recipes/gpu/adapt.sh MINUTES [NAME ...] [--set FIELD=VALUE ...]     none named: all packed
set -euo pipefail
cd "$(dirname "$0")/../.."
limit=$(python3 -c "print(int(60 * $1))") && shift
names=() more=()
while [ $# -gt 0 ]; do
  case $1 in --set) more+=("--set=$2") && shift ;; --*) more+=("$1") ;; *) names+=("$1") ;; esac
  shift
done
packed=${PACKED:-out/gpu/adapters} out=${OUT:-out/gpu/back} runs=${RUNS:-runs/adapter}
export ISOTROPE_SITE=${ISOTROPE_SITE:-/tmp/isotrope/site}
export ISOTROPE_CACHE=${ISOTROPE_CACHE:-/tmp/isotrope/cache}
reserve=${RESERVE:-120}  # seconds for the start, the language model, the card and the report
if [ ${#names[@]} = 0 ]; then
  mapfile -t names < <(cd "$packed" && for tar in */*-train.tar; do dirname "$tar"; done)
fi
mkdir -p "$out" "$runs"
[ -d "$ISOTROPE_SITE" ] || bash recipes/gpu/setup.sh "$packed/env"
touch "$runs/.begun"

declare -A tarred
keep() {  # the adapter of a run, its log and checkpoint, whole, if this call has made any
  [ "$runs/$1/log.csv" -nt "$runs/.begun" ] || return 0
  tar -cf "$runs/$1.part" -C "$runs" "$1" && mv "$runs/$1.part" "$out/$1.tar" && tarred[$1]=yes
}
leave() {  # whatever there is, also if training failed or was cut off
  local status=$?
  trap - EXIT TERM INT
  # shellcheck disable=SC2046  # numbers
  kill $(jobs -p) 2> /dev/null || true
  wait || true
  for name in "${names[@]}"; do
    [ -n "${tarred[$name]:-}" ] || keep "$name" || true
    tail -n 50 "$runs/$name.txt" 2> /dev/null | sed "s/^/$name: /" || true
  done > "$out/output.txt"
  cat "$out/output.txt"
  ls -l "$out"
  exit "$status"
}
trap leave EXIT TERM INT

among() { local name=$1 && shift && printf '%s\n' "$@" | grep -qx "$name"; }  # NAME [NAMES ...]
cores=$(nproc) at_once=${#names[@]}
followers=()  # they start from the adapter for hands
for name in testaments letters; do
  if among hands "${names[@]}" && among "$name" "${names[@]}"; then followers+=("$name"); fi
done
if [ ${#followers[@]} -gt 0 ]; then at_once=$((at_once - 1)); fi
workers=$((cores / at_once > 2 ? cores / at_once - 1 : 1))
ulimit -n "$(ulimit -Hn)"  # workers hand over batches through open files
export OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1
export PYTHONPATH=src:$ISOTROPE_SITE XDG_CACHE_HOME=$ISOTROPE_CACHE
base=("$packed"/base/*/config.json)
[ ! -f "${base[0]}" ] || more+=("--base=$(dirname "${base[0]}")")

adapt() {  # NAME SECONDS: all of it within so many seconds
  local name=$1 seconds=$2 minutes child settings start=
  minutes=$(python3 -c "print(round(max(0.1, ($seconds - $reserve) / 60), 2))")
  echo "$name: $minutes minutes of training at most, $workers workers"
  # From nothing if there is no adapter to start from.
  [ ! -f "$runs/hands/adapter_config.json" ] || start="start = \"$runs/hands\""
  sed "s|^start = .*|$start|" "recipes/adapters/$name.toml" > "$runs/$name.toml"
  # The lines were chosen and mended when they were packed.
  settings=(data.source=[] "run.workers=$workers" run.save_minutes=0.5)
  timeout --kill-after=10 "$seconds" python3 -W ignore -c "from isotrope.cli import main; main()" \
    adapt --config "$runs/$name.toml" --out "$runs/$name" --minutes "$minutes" \
    --data "$packed/$name/$name-train.tar" --valid "$packed/$name/$name-valid.tar" \
    "${settings[@]/#/--set=}" "${more[@]}" > "$runs/$name.txt" 2>&1 &
  child=$!
  trap 'kill $child; wait $child' TERM
  wait "$child" || echo "ended with status $?" >> "$runs/$name.txt"
}

declare -A running
for name in "${names[@]}"; do
  left=$((limit - SECONDS - 10))
  if among "$name" "${followers[@]}"; then continue; fi
  if [ "$name" = hands ] && [ ${#followers[@]} -gt 0 ]; then left=$((left * 3 / 5)); fi
  adapt "$name" "$left" &
  running[$!]=$name
done
while [ ${#running[@]} -gt 0 ]; do
  done=
  wait -n -p done "${!running[@]}" || true
  name=${running[$done]}
  unset "running[$done]"
  keep "$name" || true
  [ "$name" = hands ] || continue
  for name in "${followers[@]}"; do
    adapt "$name" $((limit - SECONDS - 10)) &
    running[$!]=$name
  done
done
