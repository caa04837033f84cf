#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# `holdfast run` as a program among programs: exit status, pipes, stderr, signals, users; the subcommands' words and statuses.

load lib
load term

setup() {
	hf_setup
	simple del hold file_delete 'TargetFilename|contains' precious
}
teardown() { user_end; hf_teardown; }

# status EXPECTED COMMAND...
status() {
	local want=$1 got=0

	shift
	"$@" >"$T/out" 2>"$T/err" || got=$?
	[ "$got" = "$want" ] || { echo "status $got, not $want: $*"; cat "$T/out" "$T/err"; return 1; }
}
err_is() { [ "$(cat "$T/err")" = "$1" ] || { echo "stderr is not: $1"; cat "$T/err"; return 1; }; }

@test "the exit status is CMD's own, 128+N, 126, 127 or 125" {
	status 0 hf -q -- true
	status 7 hf -q -- sh -c 'exit 7'
	status 255 hf -q -- sh -c 'exit 255'
	status 143 hf -q -- sh -c 'kill -TERM $$'
	status 137 hf -q -- sh -c 'kill -KILL $$'
	status 134 hf -q -- bash -c 'ulimit -c 0; kill -ABRT $$'
	status 127 hf -q -- "$T/nothing"
	err_is "holdfast: $T/nothing: No such file or directory"
	status 127 hf -q -- kt-no-such-program
	: > plain
	status 126 hf -q -- ./plain
	err_is "holdfast: ./plain: Permission denied"
	status 126 hf -q -- /etc
	printf '#!/kt/no/interpreter\n' > bad
	printf 'echo shell $0 $1\n' > noshebang
	chmod 755 bad noshebang
	status 127 hf -q -- ./bad
	status 0 hf -q -- ./noshebang arg
	[ "$(cat "$T/out")" = "shell ./noshebang arg" ]
	status 125 hf -q -u kt-no-such-user -- true
	err_is "holdfast: -u kt-no-such-user: no such user"
	status 125 "$HF_BIN" run -q -r "$T/rules" --journal "$T/no/dir" -- true
	echo mine > "$T/mine"
	status 125 "$HF_BIN" run -q -r "$T/rules" --journal "$T/mine" -- true
	[ "$(cat "$T/mine")" = mine ]
	status 125 setsid -w "$HF_BIN" run -q -r "$T/rules" --journal "$T/j2" --ask tty -- true
	err_is "holdfast: --ask tty: there is no terminal"
}

@test "stdin and stdout are CMD's: byte for byte, ends of file, closed descriptors" {
	head -c 20000000 /dev/urandom > big
	[ "$(hf -q -- cat < big | md5sum)" = "$(md5sum < big)" ]
	[ "$(cat big | hf -q -- md5sum)" = "$(md5sum < big)" ]
	# a reader sees the end when CMD ends, although something it left behind still runs
	timeout 4 sh -c '"$1" run -q -n "$2" -r "$3" --journal "$4" -- sh -c "sleep 6 >/dev/null 2>&1 & echo x" | cat' - \
		"$HF_BIN" "$NAME" "$T/rules" "$T/j3" > out
	[ "$(cat out)" = x ]
	"$HF_BIN" kill "$NAME"
	# a writer that nobody reads gets SIGPIPE as ever
	run bash -c '"$1" run -q -n "$2" -r "$3" --journal "$4" -- yes | head -n 1; exit ${PIPESTATUS[0]}' - \
		"$HF_BIN" "$NAME" "$T/rules" "$T/j4"
	[ "$status" = 141 ]
	[ "$output" = y ]
	hf -q -- sh -c 'read x; echo "end $?"' < /dev/null > out
	[ "$(cat out)" = "end 1" ]
	status 1 hf -q -- sh -c 'cat <&0' <&-
	grep -q 'Bad file descriptor' "$T/err"
	hf -q -- sh -c 'echo lost 2>/dev/null || echo "closed" >&2' 2>"$T/err" >&-
	err_is closed
	# nothing of ours stays open in CMD
	ls /proc/self/fd | wc -l > want
	hf -q -- sh -c 'ls /proc/self/fd | wc -l' > got 3>&- 4>&-
	[ "$(cat got)" -le "$(cat want)" ]
}

@test "stderr is CMD's, with one closing line that -q leaves out" {
	status 0 hf -q -- sh -c 'echo mine >&2'
	err_is mine
	status 0 hf -- sh -c 'echo mine >&2'
	[ "$(head -n 1 "$T/err")" = mine ]
	[ "$(wc -l < "$T/err")" = 2 ]
	grep -qE "^holdfast: 0 held, 0 denied; journal $J, last hash [0-9a-f]{64}$" "$T/err"
	"$HF_BIN" verify "$J" --hash "$(tail -n 1 "$T/err" | grep -oE '[0-9a-f]{64}$')"
	: > precious
	status 1 hf -q --on-hold deny -- rm -f precious
	grep -qxF "holdfast: denied: unlink $T/work/precious: del [rule test-del] guide-del" "$T/err"
	[ "$(wc -l < "$T/err")" = 2 ]
	status 1 hf -q --no-explain --on-hold deny -- rm -f precious
	err_is "rm: cannot remove 'precious': Operation not permitted"
	[ -e precious ]
	status 0 hf -q --on-hold allow -- rm -f precious
	err_is ''
	[ ! -e precious ]
}

@test "limits, ignored signals, environment and directory are the caller's" {
	status 0 hf -q -- sh -c 'ulimit -a; env; pwd; umask; grep -E "^Sig(Ign|Blk)" /proc/self/status'
	sh -c 'ulimit -a; env; pwd; umask; grep -E "^Sig(Ign|Blk)" /proc/self/status' > want
	diff <(grep -v '^_=' want) <(grep -v '^_=' "$T/out")
	(trap '' HUP INT; status 0 hf -q -- grep SigIgn /proc/self/status; trap '' HUP INT; grep SigIgn /proc/self/status > want)
	diff want "$T/out"
}

@test "a signal sent to holdfast reaches CMD, and its end is CMD's" {
	local s

	for s in TERM HUP USR1 USR2; do	# a shell starts its background jobs with INT and QUIT ignored
		hf_bg -q -- sh -c "trap 'echo got $s; exit 9' $s; echo up; while :; do sleep 0.05; done"
		wait_for grep -q up "$T/run.out"
		kill -s $s "$RUN_PID"
		hf_wait
		[ "$STATUS" = 9 ]
		grep -q "got $s" "$T/run.out"
	done
	status 124 timeout 1 "$HF_BIN" run -q -n "$NAME" -r "$T/rules" --journal "$T/j2" --ask socket -- sleep 20
}

@test "SIGTSTP sent to holdfast stops CMD with it, SIGCONT wakes both" {
	hf_bg -q -- sh -c 'while [ ! -e stop ]; do sleep 0.05; done; exit 5'
	local cmd=$("$HF_BIN" sessions --json | sed -n "s/.*\"name\":\"$NAME\".*\"pid\":\([0-9]*\),\"engine.*/\1/p")

	kill -TSTP "$RUN_PID"
	wait_for grep -q '^State:.T' "/proc/$cmd/status"
	wait_for grep -q '^State:.T' "/proc/$RUN_PID/status"
	: > stop
	sleep 0.3
	grep -q '^State:.T' "/proc/$cmd/status"
	kill -CONT "$RUN_PID"
	hf_wait
	[ "$STATUS" = 5 ]
}

probe='id -u; id -g; id -Gn; echo "$HOME $USER $LOGNAME $SHELL ${SUDO_UID-none} ${SUDO_USER-none}"; pwd
grep -E "NoNewPrivs|CapEff|CapPrm" /proc/self/status | tr -d "\t"; : > made; sudo -n id -un 2>&1 | tail -n 1; echo "$KEEP ${MAIL-none}"'

@test "under sudo CMD is the invoking user, in their directory and environment, and cannot become root" {
	user_add
	printf '%s\n' "$probe" > "$T/probe.sh"
	as_user "KEEP=kept sudo --preserve-env=KEEP $(hold_line -q -- sh "$T/probe.sh")" > out
	cat out
	[ "$(sed -n 1p out)" = "$(id -u "$U")" ]
	[ "$(sed -n 2p out)" = "$(id -g "$U")" ]
	[ "$(sed -n 3p out)" = "$U games" ]
	[ "$(sed -n 4p out)" = "/home/$U $U $U /bin/bash none none" ]
	[ "$(sed -n 5p out)" = "$USER_DIR" ]
	grep -qx CapPrm:0000000000000000 out
	grep -qx CapEff:0000000000000000 out
	grep -qx NoNewPrivs:1 out
	! grep -qx root out
	[ "$(tail -n 1 out)" = "kept /var/mail/$U" ]
	[ "$(stat -c %U:%G "$USER_DIR/made")" = "$U:$U" ]

	rm "$USER_DIR/made" "$J"
	as_user "sudo $(hold_line -q --allow-setuid -- sh "$T/probe.sh")" > out
	cat out
	[ "$(sed -n 1p out)" = "$(id -u "$U")" ]
	grep -qx NoNewPrivs:0 out
	grep -qx CapEff:0000000000000000 out
	grep -qx root out
	[ "$(stat -c %U "$USER_DIR/made")" = "$U" ]
}

@test "-u runs CMD as that user, from root" {
	user_add
	printf '%s\n' "$probe" > "$T/probe.sh"
	cd "$USER_DIR"
	hf -q -u "$U" -- sh "$T/probe.sh" > out
	[ "$(sed -n 1p out)" = "$(id -u "$U")" ]
	[ "$(sed -n 3p out)" = "$U games" ]
	[ "$(sed -n 4p out)" = "/home/$U $U $U /bin/bash none none" ]
	grep -qx NoNewPrivs:1 out
	[ "$(stat -c %U made)" = "$U" ]
	[ "$(hf -q -u nobody -- id -Gn)" = nogroup ]
	[ "$(python3 -c 'import json,sys; print(json.loads(open(sys.argv[1]).readline())["user"])' "$J")" = nobody ]
}

@test "without root: one line that names what is missing" {
	local as=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)

	status 125 "${as[@]}" "$HF_BIN" run -r "$T/rules" -- true
	[ "$(wc -l < "$T/err")" = 1 ]
	grep -qE '^holdfast run: needs root \(missing: CAP_BPF .*CAP_SYS_ADMIN.*\)\. Try: sudo holdfast run \.\.\.$' "$T/err"
	status 125 setpriv --bounding-set=-bpf --inh-caps=-all "$HF_BIN" run -r "$T/rules" -- true
	grep -qF '(missing: CAP_BPF)' "$T/err"
	for c in sessions holds 'approve 7f3a-2' 'deny 7f3a-2' 'pause all' 'resume all' 'kill all'; do
		status 1 "${as[@]}" "$HF_BIN" $c
		err_is "holdfast ${c%% *}: only root may control sessions; try: sudo holdfast $c"
	done
	status 0 "${as[@]}" "$HF_BIN" version
	status 0 "${as[@]}" "$HF_BIN" check "$T/rules"
}

# ARGUMENTS | status | stderr, all of it
bad_usage() {
	cat <<'K'
-x | 2 | holdfast: unknown option '-x'; see 'holdfast --help'
bogus | 2 | holdfast: unknown command 'bogus'; see 'holdfast --help'
sesions | 2 | holdfast: unknown command 'sesions'; did you mean 'sessions'?
help bogus | 2 | holdfast: unknown command 'bogus'; see 'holdfast --help'
help run x | 2 | holdfast: help takes one command; see 'holdfast --help'
run | 2 | holdfast run: no command given, such as: holdfast run -- bash; see 'holdfast run --help'
run -- | 2 | holdfast run: no command given, such as: holdfast run -- bash; see 'holdfast run --help'
run --bogus -- x | 2 | holdfast run: unknown option '--bogus'; see 'holdfast run --help'
run -z -- x | 2 | holdfast run: unknown option '-z'; see 'holdfast run --help'
run -n | 2 | holdfast run: -n needs a value; see 'holdfast run --help'
run --ask | 2 | holdfast run: --ask needs a value; see 'holdfast run --help'
run --ask foo -- x | 2 | holdfast run: --ask foo: must be tty or socket; see 'holdfast run --help'
run --on-hold foo -- x | 2 | holdfast run: --on-hold foo: must be ask, deny or allow; see 'holdfast run --help'
run --on-timeout foo -- x | 2 | holdfast run: --on-timeout foo: must be deny or allow; see 'holdfast run --help'
run --pause foo -- x | 2 | holdfast run: --pause foo: must be session or process; see 'holdfast run --help'
run --timeout 0 -- x | 2 | holdfast run: --timeout 0: must be a time such as 90s, 5m or 500ms, at most 7 days; see 'holdfast run --help'
run --timeout -1s -- x | 2 | holdfast run: --timeout -1s: must be a time such as 90s, 5m or 500ms, at most 7 days; see 'holdfast run --help'
run --timeout 5y -- x | 2 | holdfast run: --timeout 5y: must be a time such as 90s, 5m or 500ms, at most 7 days; see 'holdfast run --help'
run --timeout 8d -- x | 2 | holdfast run: --timeout 8d: must be a time such as 90s, 5m or 500ms, at most 7 days; see 'holdfast run --help'
run -r /kt/none -- true | 2 | holdfast run: /kt/none: No such file or directory
sessions x | 2 | holdfast sessions: takes no argument; see 'holdfast sessions --help'
holds x | 2 | holdfast holds: takes no argument; see 'holdfast holds --help'
holds --bogus | 2 | holdfast holds: unknown option '--bogus'; see 'holdfast holds --help'
approve | 2 | holdfast approve: needs the id of a hold; see 'holdfast approve --help'
approve a b | 2 | holdfast approve: takes one id; see 'holdfast approve --help'
approve --scope x kt-1 | 2 | holdfast approve: --scope is once or session, not 'x'; see 'holdfast approve --help'
deny | 2 | holdfast deny: needs the id of a hold; see 'holdfast deny --help'
pause | 2 | holdfast pause: needs a session, or all; see 'holdfast pause --help'
pause kt-none | 1 | holdfast pause: no session 'kt-none'; see 'holdfast sessions'
resume a b | 2 | holdfast resume: takes one session, or all; see 'holdfast resume --help'
kill | 2 | holdfast kill: needs a session, or all; see 'holdfast kill --help'
kill kt-none | 1 | holdfast kill: no session 'kt-none'; see 'holdfast sessions'
show | 2 | holdfast show: needs a session or a journal; see 'holdfast show --help'
show --bogus | 2 | holdfast show: unknown option '--bogus'; see 'holdfast show --help'
show kt-none | 2 | holdfast show: no session has this id or name, nor is it a file: kt-none: No such file or directory
verify | 2 | holdfast verify: needs a session or a journal; see 'holdfast verify --help'
verify --hash 12 kt-none | 2 | holdfast verify: --hash takes 64 hex digits; see 'holdfast verify --help'
replay | 2 | holdfast replay: needs rules: -r RULES; see 'holdfast replay --help'
replay -r | 2 | holdfast replay: -r needs a value; see 'holdfast replay --help'
check | 2 | holdfast check: no rules named; give files or trees, such as rules/; see 'holdfast check --help'
doctor x | 2 | holdfast doctor: takes no argument; see 'holdfast doctor --help'
version x | 2 | holdfast version: takes no argument; see 'holdfast version --help'
K
}

@test "bad usage is one line that says what to do, and status 2" {
	local args want text failed=0

	while IFS='|' read -r args want text; do
		status ${want// /} "$HF_BIN" $args && err_is "${text# }" || failed=1
		[ ! -s "$T/out" ]
	done < <(bad_usage)
	[ $failed = 0 ]
	status 2 "$HF_BIN"
	grep -q '^Usage: holdfast COMMAND' "$T/err"
	# what others wrote never reaches the terminal raw
	status 2 "$HF_BIN" $'\e[31mred'
	err_is "holdfast: unknown command '\\x1b[31mred'; see 'holdfast --help'"
	status 2 "$HF_BIN" run $'--\e[31mred' -- true
	! grep -q $'\e' "$T/err"
}

@test "each subcommand has --help with an example, on stdout, and 'help CMD' is the same" {
	local c

	for c in $("$HF_BIN" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
		status 0 "$HF_BIN" $c --help
		[ ! -s "$T/err" ]
		grep -q "^Usage: holdfast $c" "$T/out"
		grep -q "^Example: .*holdfast $c" "$T/out"
		[ "$(wc -L < "$T/out")" -le 120 ]
		cp "$T/out" help
		status 0 "$HF_BIN" help $c
		cmp help "$T/out"
		status 0 "$HF_BIN" $c -h
		cmp help "$T/out"
		# the README names it too
		grep -q "^|.*\`$c\b" "$HF_SRC/README.md"
	done
	status 1 bash -c '"$1" --help > /dev/full' - "$HF_BIN"
}

has() { python3 -c 'import json,sys
o = json.load(sys.stdin)
miss = [k for k in sys.argv[1:] if k not in o]
sys.exit("missing: %s in %s" % (miss, o) if miss else 0)' "$@"; }

@test "holds and sessions --json have the members the README names" {
	: > precious
	hf_bg --timeout 60s -- rm -f precious
	wait_for has_hold
	"$HF_BIN" holds --json | grep "\"session_name\":\"$NAME\"" > hold
	[ "$(wc -l < hold)" = 1 ]
	has id session session_name action summary rule title level reason story pid argv image age_ms expires_in_ms on_timeout < hold
	python3 -c '
import json, sys
o = json.load(open("hold"))
assert o["action"]["action"] == "unlink" and o["action"]["path"] == sys.argv[1], o["action"]
assert o["rule"] == "test-del" and o["level"] == "high" and o["on_timeout"] == "deny"
assert 50000 < o["expires_in_ms"] <= 60000 and o["argv"] == "rm -f precious"
assert o["id"].split("-")[0] == o["session"][:len(o["id"].split("-")[0])]' "$T/work/precious"
	"$HF_BIN" sessions --json | grep "\"name\":\"$NAME\"" > session
	has id name state command user pid since actions findings holds denied raced labels journal < session
	grep -q '"state":"held"' session
	grep -q '"holds":1,' session
	"$HF_BIN" holds | grep -A 3 "^$HOLD  unlink $T/work/precious" > text
	grep -q "of session $NAME: rm -f precious" text
	grep -q 'del (level high) \[rule test-del\]' text
	grep -qE 'denies in 0:5[0-9]' text
	# told where the person looks who started it
	grep -qxF "holdfast: hold $HOLD waits for a decision: unlink $T/work/precious  (holdfast approve $HOLD | holdfast deny $HOLD)" "$T/run.err"
	"$HF_BIN" approve "$HOLD" > out
	grep -qxF "approved $HOLD (once) in session $NAME: unlink $T/work/precious" out
	hf_wait
	[ "$STATUS" = 0 ]
	[ ! -e precious ]
	run -1 "$HF_BIN" approve "$HOLD"
}

@test "approve for the session covers the same again, and nothing else" {
	cp "$(command -v rm)" "$T/rm2"
	cat > agent <<-'A'
		for f in precious1 precious2; do
			: > $f; rm $f && echo "one $f"
			: > $f; rm $f && echo "two $f"
		done
		: > precious1; rm -f precious1 && echo "other argv"
		: > precious1; "$0" precious1 && echo "other program"
	A
	hf_bg -q -- bash -c "$(cat agent)" "$T/rm2"
	wait_for has_hold
	local first=$HOLD
	"$HF_BIN" approve --scope session "$HOLD"
	# the same again passed; the next question is about another object, then other arguments, then another program
	for i in 1 2 3 4; do
		wait_for another_hold "$first"
		first=$HOLD
		"$HF_BIN" holds --json | grep "\"id\":\"$HOLD\"" >> asked.log
		"$HF_BIN" deny "$HOLD"
	done
	hf_wait
	[ "$(cat "$T/run.out")" = "$(printf 'one precious1\ntwo precious1')" ]
	[ "$(grep -c precious2 asked.log)" = 2 ]
	jhas "t == 'decision' and get('via') == 'session' and get('decision') == 'allow'"
}
another_hold() { has_hold && [ "$HOLD" != "$1" ]; }

@test "deny --stop ends the session with all its processes" {
	: > precious
	hf_bg -q -- sh -c 'setsid sleep 60 & rm precious; echo went on; sleep 60'
	wait_for has_hold
	"$HF_BIN" deny --stop "$HOLD" > out
	grep -qF "denied $HOLD in session $NAME, which is stopped: unlink $T/work/precious" out
	hf_wait
	[ "$STATUS" = 137 ]
	[ -e precious ]
	! grep -q 'went on' "$T/run.out"
	session_gone
}

@test "a process of a session cannot decide, pause or kill; nor one that left by setsid" {
	: > precious
	hf_bg -q --pause process --timeout 8s -- bash -c '
		rm precious &
		for i in $(seq 100); do id=$(ls /run/holdfast/*.sock 2>/dev/null | head -n 1); [ -n "$id" ] && break; sleep 0.02; done
		sleep 0.5
		setsid -w "$0" approve "$1" && echo APPROVED
		"$0" deny --stop "$1" && echo DENIED
		"$0" resume "$2" && echo RESUMED
		"$0" kill "$2" && echo KILLED
		wait' "$HF_BIN" 1 "$NAME"
	hf_wait
	cat "$T/run.out" "$T/run.err"
	[ -e precious ]
	[ ! -s "$T/run.out" ]
	jhas "t == 'finding' and get('why') == 'self-approval' or 'self-approval' in str(o)"
	jnot "t == 'decision' and get('decision') == 'allow'"
}

@test "what CMD leaves behind stays watched, and its risky action is held" {
	: > precious
	hf_bg -- sh -c 'setsid sh -c "while [ ! -e go ]; do sleep 0.05; done; rm precious" >/dev/null 2>&1 & exit 3'
	hf_wait
	[ "$STATUS" = 3 ]
	grep -qF "$NAME left processes running: they stay watched; journal goes on in $J" "$T/run.err"
	"$HF_BIN" sessions --json | grep "\"name\":\"$NAME\"" | grep -q '"state":"ended-draining"'
	: > go
	wait_for has_hold
	[ -e precious ]
	"$HF_BIN" deny "$HOLD"
	session_gone
	[ -e precious ]
	jhas "t == 'end'"
	"$HF_BIN" verify --complete "$J"
}

@test "--kill-descendants ends them with CMD" {
	hf_bg --kill-descendants -- sh -c 'setsid sh -c "echo \$\$ > pid; sleep 60" & while [ ! -s pid ]; do sleep 0.02; done; exit 4'
	hf_wait
	[ "$STATUS" = 4 ]
	! kill -0 "$(cat pid)" 2>/dev/null || grep -q '^State:.Z' "/proc/$(cat pid)/status"
	grep -q 'last hash' "$T/run.err"
}

@test "pause freezes, resume thaws, kill ends" {
	hf_bg -q -- sh -c 'while :; do echo . >> ticks; sleep 0.02; done'
	"$HF_BIN" pause "$NAME"
	"$HF_BIN" sessions --json | grep "\"name\":\"$NAME\"" | grep -q '"state":"paused"'
	sleep 0.2
	local a=$(wc -l < ticks)
	sleep 0.4
	[ "$(wc -l < ticks)" = "$a" ]
	"$HF_BIN" resume "$NAME"
	more() { [ "$(wc -l < ticks)" -gt "$a" ]; }
	wait_for more
	"$HF_BIN" kill "$NAME"
	hf_wait
	[ "$STATUS" = 137 ]
	session_gone
}
