# SPDX-License-Identifier: Apache-2.0
# Common to the kernel tests. HF_BIN: the program; HF_KT: helper programs; HF_SRC: the source tree.
: "${HF_SRC:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${HF_BIN:=$HF_SRC/build/user/holdfast}"
: "${HF_KT:=$HF_SRC/build/tests/kernel/bin}"

hf_setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	T=$(mktemp -d /tmp/hf-kt.XXXXXX)
	mkdir -p "$T/home/.ssh" "$T/work"
	chmod 755 "$T"
	cd "$T/work" || return 1
	export HOME=$T/home
	J=$T/journal.jsonl
}

hf_teardown() {
	cd / || return 1
	[ -z "${SINK_PID:-}" ] || { kill "$SINK_PID" 2>/dev/null || true; }
	[ -z "${T:-}" ] || rm -rf "$T"
}

# rule NAME <<YAML: writes $T/rules/NAME.yml (a unique id is added)
rule() {
	mkdir -p "$T/rules"
	{ printf 'title: %s\nid: test-%s\n' "$1" "$1"; cat; } > "$T/rules/$1.yml"
}

# hf [OPTION...] -- CMD: runs with the test's rules and journal
hf() { rm -f "$J"; "$HF_BIN" run -r "$T/rules" --journal "$J" "$@"; }

# jget FILTER: python expression over each journal line `o`; prints what is true
jcount() { python3 - "$J" "$1" <<'PY'
import json, sys
n = 0
for l in open(sys.argv[1], errors='surrogateescape'):
    o = json.loads(l)
    if eval(sys.argv[2], {'o': o}): n += 1
print(n)
PY
}

sink_start() {
	"$HF_KT/sink" "$T/ports" > "$T/sink.out" & SINK_PID=$!
	for _ in $(seq 100); do [ -s "$T/ports" ] && break; sleep 0.02; done
	read -r TCP1 TCP2 UDP1 UDP2 < "$T/ports"
}
sink_stop() { kill "$SINK_PID"; wait "$SINK_PID" || true; SINK_PID=; read -r GOT_TCP1 GOT_TCP2 GOT_UDP1 GOT_UDP2 < "$T/sink.out"; }

leftovers() { find /sys/fs/cgroup -maxdepth 4 -path '*holdfast/*' -type d 2>/dev/null | wc -l; }
