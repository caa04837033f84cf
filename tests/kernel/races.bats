#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Arguments that are changed after they were judged: by another thread, by a process that shares the memory, by one that shares a mapping,
# by one that exchanges what a name stands for. Nothing evil may happen, and a mismatch must be reported. HF_RACE_MS: how long each
# combination is tried (default 500); HF_RACE_TRIES: path calls tried (default 100; unlink ten times as often).

load lib

: "${HF_RACE_MS:=500}"
: "${HF_RACE_TRIES:=100}"
PENDING=(--ask socket --timeout 5ms --on-timeout allow --pause process)

setup() { hf_setup; }
teardown() { hf_teardown; }

# report LABEL: what came of it, shown by `bats -v` and kept for the sums; adds to TRIES and RACED
report() {
	local raced

	raced=$(total raced)
	read -r line < "$T/out"
	echo "# $1: $line raced=$raced" >&3
	TRIES=$((TRIES + $(sed 's/.*tries=\([0-9]*\).*/\1/' <<<"$line")))
	RACED=$((RACED + raced))
	[ "$raced" = "$(jcount "t == 'finding' and o.get('why') == 'raced-argument'")" ]
	[ "$(total lost)" = 0 ]
}

# race LABEL [OPTION...] -- CMD: runs it; its line is in $T/out
race() {
	local label=$1 status=0

	shift
	hf -q "$@" >"$T/out" 2>"$T/err" || status=$?
	[ "$status" = 0 ] || { echo "$label: exit status $status"; tail -n 3 "$T/err"; return 1; }
	"$HF_BIN" verify "$J" >/dev/null
	report "$label"
}

exec_objects() {
	X=$T/x
	mkdir -p "$X"
	cp "$HF_KT/mark" "$X/g"
	cp "$HF_KT/mark" "$X/e"
	printf EVIL >> "$X/e"
	export KT_MARK=$T/evil-ran
}

# ran_as_judged: whatever ran and was not killed in time is the file that was judged for this process
ran_as_judged() {
	python3 - "$J" <<'PY'
import json, sys
asked, bad, n = {}, 0, 0
for l in open(sys.argv[1], errors='surrogateescape'):
    o = json.loads(l)
    if o['type'] == 'finding' and o.get('why') == 'raced-argument':
        asked[o['pid']] = None
    if o['type'] != 'action' or o['action'] != 'exec' or not o['path'].startswith('/tmp/'):
        continue
    key = (o['path'], o['dev'], o['ino'], tuple(o['argv']))
    if 'asked' in o['flags']:
        asked[o['pid']] = key
    elif o['ret'] >= 0:
        n += 1
        if asked.get(o['pid']) != key: asked[o['pid']] = ('must be raced', key)
for pid, key in asked.items():
    if key and key[0] == 'must be raced':
        print(pid, 'ran unjudged', key); bad += 1
sys.exit(bad != 0 or n == 0)
PY
}

@test "exec: arguments swapped, the evil ones denied" {
	local how

	TRIES=0 RACED=0
	simple evil deny process_creation Image /usr/bin/touch "CommandLine|contains" "$T/e-touched"
	for how in thread vm shm; do
		race "argv deny $how" -- "$HF_KT/race_exec" 100000 "$T/g-touched" "$T/e-touched" argv "$how" "$HF_RACE_MS"
		[ ! -e "$T/e-touched" ]
		[ -e "$T/g-touched" ]
	done
	[ "$TRIES" -ge 100 ]
	[ "$RACED" -gt 0 ]
}

@test "exec: arguments swapped while a decision about the good ones is pending" {
	local how

	TRIES=0 RACED=0
	simple good hold process_creation Image /usr/bin/touch "CommandLine|contains" "$T/g-touched"
	simple evil deny process_creation Image /usr/bin/touch "CommandLine|contains" "$T/e-touched"
	for how in thread vm shm; do
		race "argv pending $how" "${PENDING[@]}" -- "$HF_KT/race_exec" 100000 "$T/g-touched" "$T/e-touched" argv "$how" "$HF_RACE_MS"
		[ ! -e "$T/e-touched" ]
		[ -e "$T/g-touched" ]
		[ "$(total held)" -gt 0 ]
	done
	[ "$TRIES" -ge 20 ]
	[ "$RACED" -gt 0 ]
}

@test "exec: the file's name swapped, the evil one denied" {
	local how

	TRIES=0 RACED=0
	exec_objects
	simple evil deny process_creation Image "$X/e"
	for how in thread vm shm; do
		race "file deny $how" -- "$HF_KT/race_exec" 100000 "$X/g" "$X/e" file "$how" "$HF_RACE_MS"
		[ ! -e "$KT_MARK" ]
		ran_as_judged
	done
	[ "$RACED" -gt 0 ]
}

@test "exec: the file's name swapped while a decision about the good one is pending" {
	local how

	TRIES=0 RACED=0
	exec_objects
	simple good hold process_creation Image "$X/g"
	simple evil deny process_creation Image "$X/e"
	for how in thread vm shm; do
		race "file pending $how" "${PENDING[@]}" -- "$HF_KT/race_exec" 100000 "$X/g" "$X/e" file "$how" "$HF_RACE_MS"
		[ ! -e "$KT_MARK" ]
		ran_as_judged
	done
	[ "$RACED" -gt 0 ]
}

@test "exec: the file exchanged for another by a process of the session" {
	TRIES=0 RACED=0
	exec_objects
	race "exchange" -- "$HF_KT/race_exec" 100000 "$X/g" "$X/e" file exchange "$HF_RACE_MS"
	ran_as_judged
	simple good hold process_creation Image "$X/g"
	race "exchange pending" "${PENDING[@]}" -- "$HF_KT/race_exec" 100000 "$X/g" "$X/e" file exchange "$HF_RACE_MS"
	ran_as_judged
	[ "$RACED" -gt 0 ]
}

# two ports of loopback listeners that differ in their low byte only
near_ports() {
	local i

	for ((i = 0; i < 20; i++)); do
		python3 - "$1" "$T/near" "$T/near.got" <<'PY' 3>&- >/dev/null 2>&1 &
import os, select, socket, sys
kind = socket.SOCK_STREAM if sys.argv[1] == 'tcp' else socket.SOCK_DGRAM
while True:
    a, b = socket.socket(socket.AF_INET, kind), socket.socket(socket.AF_INET, kind)
    a.bind(('127.0.0.1', 0))
    p = a.getsockname()[1]
    try: b.bind(('127.0.0.1', p ^ 1))
    except OSError: continue
    break
if kind == socket.SOCK_STREAM:
    a.listen(4096); b.listen(4096)
with open(sys.argv[2] + '.tmp', 'w') as f: f.write(f'{p} {p ^ 1}\n')
os.rename(sys.argv[2] + '.tmp', sys.argv[2])
n = {a: 0, b: 0}
while True:
    for s in select.select([a, b], [], [])[0]:
        if kind == socket.SOCK_STREAM: s.accept()[0].close()
        else: s.recv(64)
        n[s] += 1
        if s is b or n[a] == 1:
            with open(sys.argv[3], 'w') as f: f.write(f'{n[a]} {n[b]}\n')
PY
		PIDS+=($!)
		wait_for test -s "$T/near" && break
	done
	read -r GOOD EVIL < "$T/near"
}
# evil_reached NUMBER: how often; after all that is under way has arrived
reached() { sleep 0.1; read -r GOT_GOOD GOT_EVIL < "$T/near.got"; }

connect_race() {
	local mode how hows=$1 proto=udp

	shift
	[ "$1" != connect ] || proto=tcp
	TRIES=0 RACED=0
	near_ports "$proto"
	simple evil deny network_connection DestinationPort "$EVIL"
	for mode in "$@"; do
		for how in $hows; do
			race "$mode deny $how" -- "$HF_KT/race_connect" 1000000 "$GOOD" "$EVIL" "$mode" "$how" "$HF_RACE_MS"
		done
	done
	reached
	[ "$GOT_EVIL" = 0 ]
	[ "$GOT_GOOD" -gt 0 ]
	[ "$RACED" -gt 0 ]
	[ "$TRIES" -ge 200 ]
	simple good hold network_connection DestinationPort "$GOOD"
	TRIES=0 RACED=0
	for mode in "$@"; do
		for how in $hows; do
			race "$mode pending $how" "${PENDING[@]}" -- "$HF_KT/race_connect" 1000000 "$GOOD" "$EVIL" "$mode" "$how" "$HF_RACE_MS"
			[ "$(total held)" -gt 0 ]
		done
	done
	reached
	[ "$GOT_EVIL" = 0 ]
	[ "$RACED" -gt 0 ]
	[ "$TRIES" -ge 20 ]
}

@test "connect: the address swapped" { connect_race "thread vm shm" connect; }
@test "sendto, sendmsg: the address swapped" { connect_race "thread shm" sendto sendmsg; }
@test "sendmmsg: the address swapped" { connect_race "vm" sendmmsg; }

path_objects() {
	rm -rf "$T/d"
	mkdir -p "$T/d"
	python3 - "$T/d" "$1" <<'PY'
import os, sys
for s in 'ge':
    os.mkdir(f'{sys.argv[1]}/{s}')
    for i in range(int(sys.argv[2])):
        with open(f'{sys.argv[1]}/{s}/{i:04}', 'w') as f: f.write('before')
        os.chmod(f'{sys.argv[1]}/{s}/{i:04}', 0o600)
os.symlink('g', f'{sys.argv[1]}/cur'); os.symlink('e', f'{sys.argv[1]}/alt')
PY
}
evil_intact() {
	local n

	n=$(find "$T/d/e" -type f -size 6c -perm 600 | wc -l)
	[ "$n" = "$2" ] || { echo "$1: $(($2 - n)) of the evil files were reached"; return 1; }
}
path_race() {
	local call=$1 tries=$(($2 * HF_RACE_TRIES)) how bad=0

	TRIES=0 RACED=0
	simple good hold "$3" "$4" "$T/d/g/*"
	simple evil deny "$3" "$4" "$T/d/e/*"
	for how in "${@:5}"; do
		path_objects "$tries"
		race "$call pending $how" "${PENDING[@]}" -- "$HF_KT/race_path" "$tries" "$T/d" "$call" "$how" $((HF_RACE_MS * 20))
		evil_intact "$how" "$tries" || bad=1
		[ "$(total held)" -gt 0 ]
	done
	[ "$bad" = 0 ]
	[ "$RACED" -gt 0 ]
}

@test "unlink: the path or what it means swapped while a decision is pending" { path_race unlink 10 file_delete TargetFilename thread link; }
@test "rename: the path or what it means swapped while a decision is pending" { path_race rename 2 file_rename SourceFilename vm link; }
@test "open for writing: the path or what it means swapped while a decision is pending" { path_race open 2 file_event TargetFilename thread link; }
@test "truncate: the path or what it means swapped while a decision is pending" { path_race truncate 1 file_change TargetFilename shm link; }
@test "chmod: the path or what it means swapped while a decision is pending" { path_race chmod 1 file_change TargetFilename vm link; }
