#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Ways around the guards, as a hostile agent would try them. Each case says what it would get.

load lib

setup() {
	hf_setup
	KEY=$HOME/.ssh/id_kt
	echo the-secret > "$KEY"
	ATK=$HF_KT/attack
}
teardown() { hf_teardown; }

key_rule() {
	rule key <<-'Y'
	logsource: {product: linux, category: file_access}
	detection: {sel: {TargetFilename|endswith: '/.ssh/id_kt'}, condition: sel}
	level: high
	holdfast: {verdict: deny}
	Y
}

# A file that comes into being after the start: no mark, only the stop at the exit of its open.
late_rule() {
	rule late <<-Y
	logsource: {product: linux, category: file_access}
	detection: {sel: {TargetFilename|endswith: '/late/id_late', OpenFlags|contains: read}, condition: sel}
	level: high
	holdfast: {verdict: $1}
	Y
}

@test "a protected file has no name that opens it" {
	key_rule
	for way in "plain $KEY" "opath $KEY" "link $KEY $T/work/l" "rename $KEY $T/work/r" \
		"bind $T/work/mnt/id_kt $HOME/.ssh $T/work/mnt" "bind $T/work/f $KEY $T/work/f"; do
		mkdir -p "$T/work/mnt"; : > "$T/work/f"; [ -e "$KEY" ] || mv "$T/work/r" "$KEY"
		# shellcheck disable=SC2086
		run hf -q -- "$ATK" $way
		echo "$way: $status $output"
		[[ "$output" != *the-secret* ]]
	done
}

@test "a link to a protected file made before the session is the protected file" {
	key_rule
	ln "$KEY" "$T/work/before"
	run hf -q -- cat "$T/work/before"
	echo "$output"
	[ "$status" != 0 ]
	[[ "$output" == *id_kt* && "$output" != *the-secret* ]]
}

@test "an exec of a protected file is judged, and does not make the engine wait for itself" {
	key_rule
	printf '#!/bin/sh\necho ran\n' > "$KEY"; chmod 755 "$KEY"
	SECONDS=0
	run timeout 20 "$HF_BIN" run -q -r "$T/rules" --journal "$J" -- sh -c "$KEY; echo status \$?"
	echo "$output"
	[ "$SECONDS" -lt 10 ]
	[[ "$output" == *"status 126"* && "$output" != *ran* ]]
}

@test "nobody leaves the session's cgroup with clone3" {
	key_rule
	run hf -q -- "$ATK" clone3 "$(cgroup_root)"
	echo "$output"
	[[ "$output" == *"failed Function not implemented"* ]]
	# and programs that ask for it find another way
	run hf -q -- python3 -c 'import subprocess, threading; t = threading.Thread(target=lambda: subprocess.run(["true"])); t.start(); t.join(); print("ok")'
	[ "$output" = ok ]
}

@test "no signal lets a stopped opener go on" {
	for v in deny hold; do
		late_rule "$v"
		for way in plain timer tracer kill killpg; do
			rm -rf "$T/work/late"
			run hf -q --no-explain --pause process --ask socket --timeout 1s -- \
				sh -c "mkdir late; echo the-secret > late/id_late; exec $ATK $way $T/work/late/id_late"
			echo "$v $way: $status $output"
			[[ "$output" != *the-secret* ]]
		done
	done
}

@test "an approved stopped open goes on, with other threads at work" {
	late_rule hold
	cat > t.py <<-'Y'
	import os, threading, time
	os.makedirs('late', exist_ok=True)
	open('late/id_late', 'w').write('the-secret')
	stop = False
	def work():
	    while not stop: os.getpid(); os.stat('late'); time.sleep(0.0001)
	ts = [threading.Thread(target=work) for _ in range(3)]
	[t.start() for t in ts]
	time.sleep(0.05)
	print(open('late/id_late').read())
	stop = True
	[t.join() for t in ts]
	print('done')
	Y
	for i in 1 2 3; do
		run hf -q --no-explain --pause process --ask socket --timeout 300ms --on-timeout allow -- python3 t.py
		echo "$status $output"
		[ "$status" = 0 ]
		[[ "$output" == *the-secret*done* ]]
	done
}

@test "a session inside a session is refused in plain words" {
	key_rule
	run hf -q -- "$HF_BIN" run -r "$T/rules" -- true
	echo "$output"
	[ "$status" = 125 ]
	[[ "$output" == *"already: a session cannot hold another"* ]]
}

@test "exit statuses, closed descriptors and ignored SIGCHLD are as without Holdfast" {
	key_rule
	run -127 hf -q -- /nonexistent/cmd
	run -127 hf -q -- nosuchcmd-kt
	run hf -q -- /tmp; [ "$status" = 126 ]
	run hf -q -- sh -c 'kill -TERM $$'; [ "$status" = 143 ]
	run hf -q -- sh -c 'exit 3' <&- ; [ "$status" = 3 ]
	rm -f "$J"
	run bash -c "exec '$HF_BIN' run -q -r '$T/rules' --journal '$J' -- sh -c 'exit 4' <&- >&- 2>&-"
	[ "$status" = 4 ]
	rm -f "$J"
	run python3 -c 'import signal, os, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])' \
		"$HF_BIN" run -q -r "$T/rules" --journal "$J" -- sh -c 'exit 5'
	[ "$status" = 5 ]
}
