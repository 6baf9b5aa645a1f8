#!/bin/sh
# launch.sh FOLDER LAUNCH COMMAND...
# Runs COMMAND once in FOLDER, its output in launches/LAUNCH/console.log; passes TERM on to it; writes its exit code when it ends.
# launches/LAUNCH/started is made by a hard link: of two that would start the same launch, or of one that starts it and a worker
# that declares it void, one wins. It holds process id, start time in ticks, boot id and host name. Exit 75: the launch was void.
folder=$1 launch=$2 own=$1/launches/$2
shift 2
child='' stopped=''
trap 'stopped=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT HUP

start_time() { shift 19; echo "$1"; }   # field 22 of stat, 20th behind the name
stat='' boot='' start=-
read -r stat 2>/dev/null </proc/$$/stat && start=$(start_time ${stat##*) })
read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id || boot=-
mine=$own/started.$$
echo "$$ $start $boot $(uname -n)" >"$mine" && ln "$mine" "$own/started" 2>/dev/null || { rm -f "$mine"; exit 75; }
rm -f "$mine"
cd "$folder" || exit 74
# The newest launch's files under their usual names.
ln -sf "launches/$launch/nextflow.log" .nextflow.log
ln -sf "launches/$launch/console.log" console.log
ln -sf "launches/$launch/trace.txt" trace.txt
ln -sf "launches/$launch/exit_code" exit_code
[ -z "$stopped" ] || exit 143

"$@" </dev/null >>"$own/console.log" 2>&1 &
child=$!
while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break   # a signal ends wait, not the child
done
# Whole or not at all: written beside, then renamed.
echo "$code" >"$own/exit_code.new" && mv -f "$own/exit_code.new" "$own/exit_code"
exit "$code"
