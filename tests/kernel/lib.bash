# SPDX-License-Identifier: Apache-2.0
# Common to the kernel tests. HF_BIN: the program; HF_KT: helper programs; HF_SRC: the source tree.
: "${HF_SRC:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${HF_BIN:=$HF_SRC/build/user/holdfast}"
: "${HF_KT:=$HF_SRC/build/tests/kernel/bin}"
bats_require_minimum_version 1.5.0

hf_setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	T=$(mktemp -d /tmp/hf-kt.XXXXXX)
	mkdir -p "$T/home/.ssh" "$T/work" "$T/rules"
	chmod 755 "$T"
	cd "$T/work" || return 1
	export HOME=$T/home
	J=$T/journal.jsonl
	NAME=kt-${T##*.}	# other sessions may run on this machine: ours is found by its name
	PIDS=()
}

# What a test started (PIDS, RUN_PID) and did not end, its sessions, its files.
hf_teardown() {
	local p

	cd / || return 1
	[ -z "${T:-}" ] || "$HF_BIN" kill "$NAME" >/dev/null 2>&1 || true
	for p in "${PIDS[@]}" ${SINK_PID:-} ${RUN_PID:-}; do
		kill -9 "$p" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	[ -z "${T:-}" ] || { grep -o " $T/[^ ]*" /proc/self/mounts | xargs -r umount -l; rm -rf "$T"; }
}

# rule NAME <<YAML: writes $T/rules/NAME.yml (a unique id is added)
rule() {
	mkdir -p "$T/rules"
	{ printf 'title: %s\nid: test-%s\n' "$1" "$1"; cat; } > "$T/rules/$1.yml"
}

# simple NAME VERDICT CATEGORY FIELD VALUE [FIELD VALUE]...
simple() {
	local name=$1 verdict=$2 category=$3

	shift 3
	{
		printf 'logsource: {product: linux, category: %s}\ndetection:\n  s:\n' "$category"
		while [ $# -gt 1 ]; do printf "    %s: '%s'\n" "$1" "$2"; shift 2; done
		printf '  condition: s\nlevel: high\nholdfast: {verdict: %s, guidance: guide-%s}\n' "$verdict" "$name"
	} | rule "$name"
}

# hf [OPTION...] -- CMD: runs with the test's rules and journal
hf() { rm -f "$J"; "$HF_BIN" run -n "$NAME" -r "$T/rules" --journal "$J" "$@"; }

# hf_bg [OPTION...] -- CMD: the same in the background; RUN_PID, output in $T/run.out, $T/run.err. Waits until it is up.
hf_bg() {
	rm -f "$J"
	"$HF_BIN" run -n "$NAME" -r "$T/rules" --journal "$J" --ask socket "$@" >"$T/run.out" 2>"$T/run.err" </dev/null 3>&- & RUN_PID=$!
	wait_for session_up
}
session_up() { "$HF_BIN" sessions --json | grep -q "\"name\":\"$NAME\""; }

# hf_wait: waits for hf_bg's end; STATUS is its exit status
hf_wait() { STATUS=0; wait "$RUN_PID" || STATUS=$?; RUN_PID=; }

# wait_for CMD...: until it succeeds, at most 10 s
wait_for() {
	local i

	for ((i = 0; i < 500; i++)); do
		"$@" && return 0
		sleep 0.02
	done
	echo "waited in vain for: $*"
	return 1
}

# hold_ids: of our session
# gone_pid PID: has it ended (a zombie that init has not collected counts)?
gone_pid() { not grep -q "^State:[[:space:]]*[^ZX]" "/proc/$1/status" 2>/dev/null; }
# not CMD: bats does not see a failure behind `!`
not() { ! "$@"; }
hold_ids() { "$HF_BIN" holds --json | sed -n "s/.*\"id\":\"\([^\"]*\)\",\"session\":\"[^\"]*\",\"session_name\":\"$NAME\".*/\1/p"; }
has_hold() { HOLD=$(hold_ids | head -n 1); [ -n "$HOLD" ]; }

# answerer approve|deny [OPTION...]: answers all holds of the session until $T/stop is there
answerer() {
	local id

	while [ ! -e "$T/stop" ]; do
		for id in $(hold_ids); do "$HF_BIN" "$1" "${@:2}" "$id" >>"$T/answers" 2>&1 || true; done
		sleep 0.01
	done
}

# jcount EXPR: python expression over each journal line `o`; prints how often it is true
jcount() {
	python3 - "$J" "$1" <<'PY'
import json, sys
n = 0
for l in open(sys.argv[1], errors='surrogateescape'):
    o = json.loads(l)
    a = o.get('action')
    g = {'o': o, 't': o['type'], 'p': str(o.get('path', '')), 'f': o.get('flags', []), 'get': o.get}
    if eval(sys.argv[2], g): n += 1
print(n)
PY
}
# jhas EXPR: at least once
jhas() { [ "$(jcount "$1")" -ge 1 ] || { echo "not in the journal: $1"; return 1; }; }
jnot() { local n; n=$(jcount "$1"); [ "$n" = 0 ] || { echo "$n times in the journal: $1"; return 1; }; }
total() { python3 -c 'import json,sys; print(json.loads(open(sys.argv[1], errors="surrogateescape").readlines()[-1])["totals"][sys.argv[2]])' "$J" "$1"; }
session_id() { python3 -c 'import json,sys; print(json.loads(open(sys.argv[1], errors="surrogateescape").readline())["session"])' "$J"; }

sink_start() {
	"$HF_KT/sink" "$T/ports" > "$T/sink.out" 3>&- & SINK_PID=$!
	wait_for test -s "$T/ports"
	read -r TCP1 TCP2 UDP1 UDP2 < "$T/ports"
}
sink_stop() { kill "$SINK_PID"; wait "$SINK_PID" || true; SINK_PID=; read -r GOT_TCP1 GOT_TCP2 GOT_UDP1 GOT_UDP2 < "$T/sink.out"; }

# The session's cgroup and every trace of it are gone (the engine removes them just after `run` has returned).
no_cgroup() { [ -z "$(find /sys/fs/cgroup -maxdepth 4 -path "*holdfast/$1" -type d 2>/dev/null)" ]; }
session_gone() {
	local id=${1:-$(session_id)}

	wait_for no_cgroup "$id"
	wait_for test ! -e "/run/holdfast/$id.sock"
}
