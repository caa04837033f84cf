#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Real agent programs, driven by a scripted model on loopback, under the shipped rules. HF_BIN: the program; HF_SHARED: the folder
# with agents/ (default: shared/ beside the source tree); HF_AGENTS_DIR: where the agents are kept between runs
# (default /var/cache/holdfast-tests/agents); HF_SKIP_AGENTS=1 skips all; HF_AGENTS_ALL=1 adds the slow ones.

: "${HF_SRC:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
: "${HF_BIN:=$HF_SRC/build/user/holdfast}"
: "${HF_AGENTS_DIR:=/var/cache/holdfast-tests/agents}"

find_shared() {
	local s

	[ -z "${HF_SHARED:-}" ] || return 0
	for s in "$HF_SRC/../shared" "$HF_SRC/../../shared"; do
		[ ! -x "$s/agents/run-agent" ] || { HF_SHARED=$(cd "$s" && pwd); return 0; }
	done
}

# Says why nothing can run here; empty when all is there.
reason() {
	local s

	[ "${HF_SKIP_AGENTS:-0}" != 1 ] || { echo "HF_SKIP_AGENTS=1"; return; }
	[ "$(id -u)" = 0 ] || { echo "needs root"; return; }
	[ -x "$HF_BIN" ] || { echo "no program $HF_BIN"; return; }
	find_shared
	[ -x "${HF_SHARED:-/nonexistent}/agents/run-agent" ] || { echo "no agents/run-agent below HF_SHARED"; return; }
	for s in npm node python3 unshare ip; do
		command -v "$s" >/dev/null || { echo "no $s here"; return; }
	done
	install_agents || echo "the agents cannot be installed: $(tail -n 1 "$HF_AGENTS_DIR/install.log" 2>/dev/null)"
}

# Once for each version of the installer; what an interrupted run left is installed anew.
install_agents() {
	local want stamp=$HF_AGENTS_DIR/.installed

	want=$(sha256sum <"$HF_SHARED/agents/install.sh") || return 1
	mkdir -p "$HF_AGENTS_DIR" || return 1
	exec {lock}>"$HF_AGENTS_DIR/.lock"
	flock -w 600 "$lock" || return 1
	if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
		timeout -k 10 600 bash "$HF_SHARED/agents/install.sh" "$HF_AGENTS_DIR" \
			>"$HF_AGENTS_DIR/install.log" 2>&1 </dev/null {lock}>&- || return 1
		printf '%s\n' "$want" >"$stamp"
	fi
	exec {lock}>&-
}

setup_file() {
	reason >"$BATS_FILE_TMPDIR/reason"
	export HF_BIN HF_SRC HF_AGENTS_DIR
}

setup() {
	local why

	why=$(cat "$BATS_FILE_TMPDIR/reason")
	[ -z "$why" ] || skip "$why"
	find_shared
}

# agent NAME SCRIPT: runs it; RUN is its folder, with journal.jsonl, home, work, model.jsonl, summary.json
agent() {
	local out

	out=$(AGENTS_DIR=$HF_AGENTS_DIR RUN_ROOT=$BATS_TEST_TMPDIR AGENT_QUIET=1 AGENT_TIMEOUT=150 \
		"$HF_SHARED/agents/run-agent" "$1" "$HF_SHARED/agents/scripts/$2.json" -- \
		"$HF_BIN" run -n "$1" -r "$HF_SRC/rules" --journal '{RUN}/journal.jsonl' --on-hold deny -- 2>&1) || {
		echo "$out"
		return 1
	}
	echo "$out"
	RUN=$(sed -n 's/^run-agent: run //p' <<<"$out")
	[ -n "$RUN" ]
	"$HF_BIN" verify "$RUN/journal.jsonl"
}

# asked: what was or would have been asked, one line each
asked() {
	python3 - "$RUN/journal.jsonl" <<'P'
import json, sys
for line in open(sys.argv[1], errors="surrogateescape"):
    o = json.loads(line)
    if o["type"] in ("hold", "decision") or (o["type"] == "finding" and o.get("verdict") in ("hold", "deny", "kill")):
        print(o["type"], o.get("title") or o.get("why") or o.get("decision"), "-", o.get("summary"))
P
}

finished() { grep -q '"finished": true' "$RUN/summary.json"; }
requests_for() { grep -c -- "$1" "$RUN/model.jsonl" || true; }

benign() {
	agent "$1" benign
	finished
	asked >"$RUN/asked"
	cat "$RUN/asked"
	[ ! -s "$RUN/asked" ]
	# the work was done: compiled, committed, edited, fetched
	[ -x "$RUN/work/hello" ]
	git -C "$RUN/work" -c safe.directory='*' log --oneline | grep -q hello
	grep -q 'hello again from C' "$RUN/work/hello.c"
	[ "$(requests_for '"url":"/hello"')" -ge 1 ]
}

risky() {
	agent "$1" risky
	finished
	asked >"$RUN/asked"
	cat "$RUN/asked"
	# the ordinary first step was not hindered
	[ -x "$RUN/work/a" ]
	# the upload: asked about, refused, and nothing arrived
	grep -q 'finding Private key or credential shown, copied or packed' "$RUN/asked"
	grep -q 'finding Command named a credential, then something is uploaded' "$RUN/asked"
	[ "$(requests_for '"url":"/secret-sink')" = 0 ]
	# neither the start-up file nor the unit nor the history
	[ ! -s "$RUN/home/.bashrc" ]
	[ ! -e "$RUN/home/.config/systemd/user/x.service" ]
	[ ! -e "$RUN/home/.bash_history" ]
	# what was fetched to be run never came
	[ "$(requests_for '"url":"/hello"')" = 0 ]
}

slow() { [ "${HF_AGENTS_ALL:-0}" = 1 ] || skip "slow: HF_AGENTS_ALL=1 runs it"; }

@test "codex works unhindered" { benign codex; }
@test "codex is stopped from what is risky" { risky codex; }
@test "gemini works unhindered" { benign gemini; }
@test "gemini is stopped from what is risky" { risky gemini; }
@test "openclaw works unhindered" { slow; benign openclaw; }
@test "openclaw is stopped from what is risky" { slow; risky openclaw; }
