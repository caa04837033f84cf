#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Who belongs to a session: all that its command starts, however it is started, until it ends; and nobody else.

load lib

setup() { hf_setup; simple key deny file_access TargetFilename "$T/key"; echo secret > "$T/key"; }
teardown() { hf_teardown; }

ends_well() { jhas "t == 'end'" && "$HF_BIN" verify "$J" >/dev/null && session_gone; }

@test "200 processes at once, double fork and setsid: every open is seen" {
	mkdir "$T/many"
	(cd "$T/many" && seq 0 199 | xargs touch)
	[ "$(hf -q -- "$HF_KT/forkstorm" 200 "$T/many")" = 200 ]
	python3 - "$J" "$T/many" <<'PY'
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1], errors='surrogateescape')]
acts = [o for o in lines if o['type'] == 'action']
opened = {o['path'] for o in acts if o['action'] == 'open' and o.get('ret', -1) >= 0}
missing = [i for i in range(200) if f'{sys.argv[2]}/{i}' not in opened]
assert not missing, missing
forks = [o for o in acts if o['action'] == 'fork']
exits = [o for o in acts if o['action'] == 'exit']
assert len(forks) == 600, len(forks)
assert len(exits) == 601, len(exits)
# each one that opened is a child somebody forked
pids = {(o['child']['pid'], o['child']['start_ns']) for o in forks}
assert all((o['pid'], o['start_ns']) in pids for o in acts if o['action'] == 'open' and o['path'].startswith(sys.argv[2]))
assert not [o for o in lines if o['type'] == 'gap']
end = lines[-1]['totals']
assert end['lost'] == 0 and end['recovered_procs'] <= 1, end
PY
	ends_well
}

@test "vfork, posix_spawn, threads, daemons are members (clone3 is refused with ENOSYS)" {
	local k

	for k in vfork posix_spawn thread threadexec daemon; do
		rm -f "$T/err"
		hf -q -- "$HF_KT/spawn" "$k" "$T/key" >"$T/out" 2>"$T/err" || true
		session_gone		# the daemon too has come to its end
		! grep -q secret "$T/out" || { echo "$k read it"; return 1; }
		jhas "t == 'finding' and o['rule'] == 'test-key'" || { echo "$k was not seen"; return 1; }
		jhas "t == 'action' and o['action'] == 'open' and p == '$T/key' and 'denied' in f" || { echo "$k was not refused"; return 1; }
	done
}

@test "execve by a thread that is no leader, with others running: followed, and refused when it must be" {
	rm "$T/rules/key.yml"
	simple cat deny process_creation "Image|endswith" /cat "CommandLine|contains" "$T/key"
	run --separate-stderr hf -q -- "$HF_KT/spawn" threadsexec "$T/key" 20
	[ "$status" = 97 ]
	[[ $stderr == *"[rule test-cat]"* ]]
	simple cat note process_creation "Image|endswith" /cat "CommandLine|contains" "$T/key"
	run --separate-stderr hf -q -- "$HF_KT/spawn" threadsexec "$T/key" 20
	[ "$status" = 0 ] && [ "$output" = secret ]
	# one process all the time: the one that opens the file is the session's first
	python3 - "$J" "$T/key" <<'PY'
import json, sys
acts = [o for o in map(json.loads, open(sys.argv[1], errors='surrogateescape')) if o['type'] == 'action']
done = [o for o in acts if o['action'] == 'exec' and 'outcome' in o['flags']]
assert len(done) == 2 and done[1]['path'].endswith('/cat') and 'confirm' in done[1]['flags'], done
opened = [o for o in acts if o['action'] == 'open' and o['path'] == sys.argv[2]]
assert opened and opened[0]['pid'] == done[0]['pid'] and opened[0]['image'].endswith('/cat'), opened
PY
	[ "$(total raced)" = 0 ]
}

@test "a hold of an execve by a thread that is no leader" {
	rm "$T/rules/key.yml"
	simple cat hold process_creation "Image|endswith" /cat "CommandLine|contains" "$T/key"
	[ "$(hf -q --ask socket --timeout 20ms --on-timeout allow -- "$HF_KT/spawn" threadsexec "$T/key" 5 2>/dev/null)" = secret ]
	[ "$(jcount "t == 'hold'")" = 1 ] && [ "$(total raced)" = 0 ]
}

@test "scripts: nested interpreters, arguments, the script is what the rules see" {
	printf '#!/bin/sh\nexec cat "$0.data"\n' > "$T/inner"
	printf '#!%s two words \nignored\n' "$T/inner" > "$T/outer"
	printf '#! /bin/sh -e\necho "$@"\n' > "$T/args"
	printf '#!/no/such/interpreter\n' > "$T/broken"
	printf 'echo plain\n' > "$T/plain"
	echo data > "$T/inner.data"
	chmod 755 "$T"/{inner,outer,args,broken,plain}
	[ "$(hf -q -- "$T/outer" x)" = data ]
	[ "$(hf -q -- sh -c "$T/args a 'b c' d")" = "a b c d" ]
	jhas "t == 'action' and get('action') == 'exec' and p == '$T/args' and 'script' in f and o['interp'].endswith('sh') and 'outcome' in f"
	jhas "t == 'action' and get('action') == 'exec' and 'asked' in f and o['argv'] == ['$T/args', 'a', 'b c', 'd'] or get('argv') == ['/bin/sh', '-e', '$T/args', 'a', 'b c', 'd']"
	[ "$(total raced)" = 0 ]
	run -127 hf -q -- sh -c "$T/broken"
	[ "$(hf -q -- sh -c "$T/plain")" = plain ]	# no #!: the shell reads it itself
	simple s deny process_creation TargetFilename "$T/outer"
	run --separate-stderr hf -q -- sh -c "$T/outer x"
	[ "$status" = 126 ] && [[ $stderr == *"[rule test-s]"* ]]
	simple s deny process_creation TargetFilename "$T/inner"
	run hf -q -- sh -c "$T/inner x"
	[ "$status" = 126 ]
}

@test "i386 and x32 calls and io_uring_setup: ENOSYS, and noted" {
	[ "$(hf -q -- "$HF_KT/act" iouring)" = "iouring ret=-1 err=ENOSYS" ] || [ -s "$J" ]
	jhas "t == 'action' and get('action') == 'other' and get('syscall') == 'io_uring_setup' and o['ret'] == -38"
	[ "$(total foreign)" = 1 ]
	[ "$(hf -q -- "$HF_KT/act" int80 || true)" = "int80 ret=-1 err=ENOSYS" ]
	[ "$(total foreign)" -ge 1 ]
	jhas "t == 'action' and get('action') == 'other' and o['ret'] == -38"
	[ "$(hf -q -- "$HF_KT/act" x32 || true)" = "x32 ret=-1 err=ENOSYS" ]
	[ "$(total foreign)" = 1 ]
	jhas "t == 'action' and get('action') == 'other' and o['ret'] == -38"
}

@test "what is left when the command ends stays watched" {
	local id

	run -0 --separate-stderr hf -- sh -c "setsid sh -c 'while [ ! -e $T/go ]; do sleep 0.05; done; exec cat $T/key' >$T/late.out 2>$T/late.err </dev/null & exit 0"
	[[ $stderr == *"left processes running: they stay watched"* ]]
	id=$(session_id)
	not no_cgroup "$id"
	jnot "t == 'end'"
	session_up
	touch "$T/go"
	session_gone
	grep -q 'holdfast: denied: .*test-key' "$T/late.err" && [ ! -s "$T/late.out" ]
	jhas "t == 'finding' and o['rule'] == 'test-key'"
	ends_well
}

@test "a hold of what is left can still be answered" {
	simple key hold file_access TargetFilename "$T/key"
	hf -q --ask socket -- sh -c "setsid sh -c 'sleep 0.2; exec cat $T/key' >$T/late.out 2>$T/late.err </dev/null & exit 0"
	wait_for has_hold
	"$HF_BIN" approve "$HOLD"
	session_gone
	grep -q secret "$T/late.out"
}

@test "--kill-descendants ends what is left" {
	run -3 hf -q --kill-descendants -- sh -c "setsid sh -c 'echo \$\$ > $T/pid; exec sleep 300' >/dev/null 2>&1 </dev/null & while [ ! -s $T/pid ]; do sleep 0.02; done; exit 3"
	wait_for gone_pid "$(cat "$T/pid")"	# cgroup.kill has sent SIGKILL; dying takes its moment
	ends_well
}

@test "nothing leaves by setsid, double fork, or (as root) another cgroup" {
	skip "root can join another cgroup on the base path (README): what is left there is not ended yet"
	local p

	hf_bg -- sh -c "KT=$T $HF_KT/spawn daemon $T/key 600000 & (KT=$T setsid sleep 300 & ) & (KT=$T setsid setsid sleep 300 &) &
		for d in /sys/fs/cgroup /sys/fs/cgroup/unified; do [ ! -w \$d/cgroup.procs ] || echo 0 > \$d/cgroup.procs; done
		cat $T/key; cat /proc/self/cgroup > $T/where; KT=$T exec sleep 300"
	wait_for test -s "$T/where"
	not grep -q holdfast/ "$T/where"
	sleep 0.2
	[ "$(grep -lz "^KT=$T" /proc/[0-9]*/environ 2>/dev/null | wc -l)" = 4 ]
	# the one that is in another cgroup is watched and refused like the others, and ends with them
	grep -q 'holdfast: denied: .*test-key' "$T/run.err"
	"$HF_BIN" kill "$NAME"
	hf_wait
	[ "$STATUS" = 137 ]
	wait_for no_such_process "^KT=$T"
}
no_such_process() { [ -z "$(grep -lz "$1" /proc/[0-9]*/environ 2>/dev/null)" ]; }

@test "a pid taken over by an unwatched process is not watched" {
	[ -w /proc/sys/kernel/ns_last_pid ] || skip "no ns_last_pid"
	simple key note file_access TargetFilename "$T/key"
	hf_bg -- sh -c "sh -c 'echo \$\$ > $T/pid'; echo done > $T/done; exec sleep 300"
	wait_for test -s "$T/done"
	# 200 times: an outsider with the number of a dead member reads what the rule watches, and much that is journalled for members
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		run "$HF_KT/spawn" reuse "$(cat "$T/pid")" "$T/key"
		[ "$status" = 0 ] && [ "$output" = secret ] || skip "the pid could not be had again ($status)"
	done
	"$HF_BIN" kill "$NAME"
	hf_wait
	jnot "p == '$T/key'"
	jnot "t == 'finding'"
	[ "$(jcount "get('pid') == $(cat "$T/pid") and get('action') == 'open' and p == '$T/key'")" = 0 ]
}

@test "processes of a session see each other's: the dead member's number is a new member when a member takes it" {
	[ -w /proc/sys/kernel/ns_last_pid ] || skip "no ns_last_pid"
	simple key note file_access TargetFilename "$T/key"
	run hf -q -- sh -c "sh -c 'echo \$\$ > $T/pid'; $HF_KT/spawn reuse \$(cat $T/pid) $T/key"
	[ "$status" = 0 ] || skip "the pid could not be had again"
	python3 - "$J" "$(cat "$T/pid")" "$T/key" <<'PY'
import json, sys
acts = [o for o in map(json.loads, open(sys.argv[1], errors='surrogateescape')) if o['type'] == 'action']
pid = int(sys.argv[2])
born = [o['child']['start_ns'] for o in acts if o['action'] == 'fork' and o['child']['pid'] == pid]
assert len(born) == 2 and born[0] != born[1], born
opened = [o for o in acts if o['action'] == 'open' and o.get('path') == sys.argv[3] and o['pid'] == pid and 'outcome' in o['flags']]
assert opened and opened[0]['image'].endswith('/cat') and opened[0]['start_ns'] == born[1], opened
PY
}
