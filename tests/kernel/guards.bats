#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Each kind of action that a guard stops, times each verdict: did the effect happen, what did the caller get, what was it told,
# what is in the journal. One row of the table is one kind; a session does them all, one process each.

load lib

# NAME | category | FIELD VALUE... | KIND ARG... of act | the effect.  @ is the directory of the session's objects.
kinds() {
	cat <<'K'
exec | process_creation | Image @/exec.prog | exec @/exec.prog mark @/exec.done | there @/exec.done
execat | process_creation | Image @/execat.prog | execveat @/execat.prog mark @/execat.done | there @/execat.done
execdir | process_creation | Image @/execdir.prog | execdir @/execdir.prog mark @/execdir.done | there @/execdir.done
execroot | process_creation | Image @/execroot.prog | execroot @/execroot.prog mark @/execroot.done | there @/execroot.done
execlink | process_creation | Image @/execlink.prog | exec @/execlink.link mark @/execlink.done | there @/execlink.done
execargs | process_creation | Image @/execargs.prog, CommandLine|contains evil-word | exec @/execargs.prog mark @/execargs.done evil-word | there @/execargs.done
script | process_creation | TargetFilename @/script.sh | exec @/script.sh | there @/script.done
memexec | process_creation | Image|contains kt-evil-memfd | execmemfd kt-evil-memfd @/act mark @/memexec.done | there @/memexec.done
open | file_event | TargetFilename @/open | open @/open | says @/open written
openat | file_event | TargetFilename @/openat | openat @/openat | says @/openat written
openat2 | file_event | TargetFilename @/openat2 | openat2 @/openat2 | says @/openat2 written
openat2new | file_event | TargetFilename @/openat2new | openat2new @/openat2new | there @/openat2new
creat | file_event | TargetFilename @/creat | creat @/creat | says @/creat written
opennew | file_event | TargetFilename @/opennew | opennew @/opennew | says @/opennew written
opentrunc | file_event | TargetFilename @/opentrunc | opentrunc @/opentrunc | empty @/opentrunc
opencreat | file_event | TargetFilename @/opencreat | opencreat @/opencreat | there @/opencreat
openlink | file_event | TargetFilename @/openlink | openat @/openlink.link | says @/openlink written
handle | file_event | Syscall open_by_handle_at | handle @/handle @ | says @/handle written
read | file_access | TargetFilename @/read | read @/read | out read before
read2 | file_access | TargetFilename @/read2 | read2 @/read2 | out read2 before
readlink | file_access | TargetFilename @/readlink | read @/readlink.link | out readlink before
late | file_access | TargetFilename @/late/secret.late, OpenFlags|contains read | readlate @/late/secret.late | out late late
unlink | file_delete | TargetFilename @/unlink | unlink @/unlink | gone @/unlink
unlinkat | file_delete | TargetFilename @/unlinkat | unlinkat @/unlinkat | gone @/unlinkat
rmdir | file_delete | TargetFilename @/rmdir | rmdir @/rmdir | gone @/rmdir
rmdirat | file_delete | TargetFilename @/rmdirat | rmdirat @/rmdirat | gone @/rmdirat
renameold | file_rename | SourceFilename @/renameold | rename @/renameold @/renameold.to | there @/renameold.to
renamenew | file_rename | TargetFilename @/renamenew | rename @/renamenew.from @/renamenew | there @/renamenew
renameat | file_rename | SourceFilename @/renameat | renameat @/renameat @/renameat.to | there @/renameat.to
exchange | file_rename | SourceFilename @/exchange | exchange @/exchange @/exchange.from | says @/exchange other
link | file_event | Action link, SourceFilename @/link | link @/link @/link.to | there @/link.to
linkat | file_event | Action link, TargetFilename @/linkat | linkat @/linkat.from @/linkat | there @/linkat
symlink | file_event | Action symlink, TargetFilename @/symlink | symlink /nowhere @/symlink | islink @/symlink
symlinkat | file_event | Action symlink, SourceFilename /kt-evil-target | symlinkat /kt-evil-target @/symlinkat | islink @/symlinkat
mkdir | file_event | Action mkdir, TargetFilename @/mkdir | mkdir @/mkdir | there @/mkdir
mkdirat | file_event | Action mkdir, TargetFilename @/mkdirat | mkdirat @/mkdirat | there @/mkdirat
mknod | file_event | Action mknod, TargetFilename @/mknod | mknod @/mknod | there @/mknod
mknodat | file_event | Action mknod, TargetFilename @/mknodat | mknodat @/mknodat | there @/mknodat
chmod | file_change | Action chmod, TargetFilename @/chmod | chmod @/chmod | mode @/chmod 711
fchmod | file_change | Action chmod, TargetFilename @/fchmod | fchmod @/fchmod | mode @/fchmod 711
fchmodat | file_change | Action chmod, TargetFilename @/fchmodat | fchmodat @/fchmodat | mode @/fchmodat 711
chown | file_change | Action chown, TargetFilename @/chown | chown @/chown | owner @/chown 65534
fchown | file_change | Action chown, TargetFilename @/fchown | fchown @/fchown | owner @/fchown 65534
lchown | file_change | Action chown, TargetFilename @/lchown | lchown @/lchown | owner @/lchown 65534
fchownat | file_change | Action chown, TargetFilename @/fchownat | fchownat @/fchownat | owner @/fchownat 65534
truncate | file_change | Action truncate, TargetFilename @/truncate | truncate @/truncate | empty @/truncate
setxattr | file_change | Action setxattr, TargetFilename @/setxattr | setxattr @/setxattr | xattr @/setxattr
lsetxattr | file_change | Action setxattr, TargetFilename @/lsetxattr | lsetxattr @/lsetxattr | xattr @/lsetxattr
fsetxattr | file_change | Action setxattr, TargetFilename @/fsetxattr | fsetxattr @/fsetxattr | xattr @/fsetxattr
tcp4 | network_connection | Action connect, DestinationIp 127.0.0.1, DestinationPort P0 | connect 127.0.0.1 P0 | got 0
tcp6 | network_connection | Action connect, DestinationIp ::1, DestinationPort P1 | connect ::1 P1 | got 1
mapped | network_connection | Action connect, DestinationIp 127.0.0.1, DestinationPort P2 | connect ::ffff:127.0.0.1 P2 | got 2
unix | network_connection | Action connect, DestinationPath @/sock.unix | connect @/sock.unix 0 | got 3
abstract | network_connection | Action connect, DestinationPath @ktevil-ID | connect @ktevil-ID 0 | got 4
udpconn | network_connection | Action connect, DestinationPort P5 | connectudp 127.0.0.1 P5 | got 5
sendto4 | network_connection | Action send, DestinationPort P6 | sendto 127.0.0.1 P6 | got 6
sendto6 | network_connection | Action send, DestinationPort P7 | sendto ::1 P7 | got 7
sendmsg | network_connection | Action send, DestinationPort P8 | sendmsg 127.0.0.1 P8 | got 8
sendmsg6 | network_connection | Action send, DestinationPort P9 | sendmsg ::1 P9 | got 9
sendmmsg | network_connection | Action send, DestinationPort P11 | sendmmsg 127.0.0.1 P11 127.0.0.1 P12 | got 11
sendmmsg2 | network_connection | Action send, DestinationPort P13 | sendmmsg 127.0.0.1 P12 127.0.0.1 P13 | got 13
fastopen | network_connection | Action send, DestinationPort P14 | fastopen 127.0.0.1 P14 | got 14
unixdgram | network_connection | Action send, DestinationPath @/sock.dgram | sendto @/sock.dgram 0 | got 10
mount | syscall | Action mount, TargetFilename @/mount | mount @/mount | mounted @/mount
bindmount | syscall | Action mount, TargetFilename @/bindmount | bind @/mnt.from @/bindmount | mounted @/bindmount
chroot | syscall | Syscall chroot, TargetFilename @/chroot | chroot @/chroot | out chroot ret=0
ptrace | syscall | Action ptrace, TargetProcessId V0 | ptrace V0 | out ptrace ret=0
seize | syscall | Action ptrace, TargetProcessId V1 | seize V1 | out seize ret=0
kill | syscall | Action signal, TargetProcessId V2 | kill V2 | dead V2
tgkill | syscall | Action signal, TargetProcessId V3 | tgkill V3 | dead V3
tkill | syscall | Action signal, TargetProcessId V4 | tkill V4 | dead V4
pidfdkill | syscall | Action signal, TargetProcessId V5 | pidfdkill V5 | dead V5
sigqueue | syscall | Action signal, TargetProcessId V6 | sigqueue V6 | dead V6
vmwrite | syscall | Action vm_write, TargetProcessId V7 | vmwrite V7 | there @/vmwrite.done
memfd | syscall | Action memfd, TargetFilename memfd:kt-evil | memfd kt-evil | out memfd ret=0
bpf | syscall | Action bpf, Image @/bpf.prog | exec @/bpf.prog bpf | out bpf ret=0
setuid | syscall | Action setuid, Image @/setuid.prog | exec @/setuid.prog setuid | out setuid uid=65534
K
}

setup() { hf_setup; }
teardown() { hf_teardown; }

objects() {
	local k f

	E=$T/e
	rm -rf "$E"
	mkdir -p "$E/late" "$E"/{rmdir,rmdirat,mount,bindmount,mnt.from,chroot}
	for k in exec execat execdir execroot execlink execargs bpf setuid; do cp "$HF_KT/act" "$E/$k.prog"; done
	cp "$HF_KT/act" "$E/act"
	ln -s execlink.prog "$E/execlink.link"
	printf '#!/bin/sh\n: > %s\n' "$E/script.done" > "$E/script.sh"
	chmod 755 "$E/script.sh"
	for k in open openat openat2 creat opentrunc openlink handle read read2 readlink unlink unlinkat renameold renamenew.from \
		renameat exchange link linkat.from chmod fchmod fchmodat chown fchown lchown fchownat truncate setxattr lsetxattr fsetxattr; do
		echo before > "$E/$k"
		chmod 600 "$E/$k"
	done
	ln -s openlink "$E/openlink.link"
	ln -s readlink "$E/readlink.link"
	echo other > "$E/exchange.from"
	ID=${T##*.}
	"$HF_KT/peers" "$T/peer-ports" "$T/got" tcp4 tcp6 tcp4 "$E/sock.unix" "@ktevil-$ID" udp4 udp4 udp6 udp4 udp6 "+$E/sock.dgram" \
		udp4 udp4 udp4 tcp4 \
		</dev/null >/dev/null 2>&1 3>&- & PIDS+=($!)
	V=()
	for f in 0 1 2 3 4 5 6; do
		sleep 300 </dev/null >/dev/null 2>&1 3>&- & V+=($!) PIDS+=($!)
	done
	"$HF_KT/act" victim "$T/victim.pid" "$E/vmwrite.done" </dev/null >/dev/null 2>&1 3>&- & V+=($!) PIDS+=($!)
	wait_for test -s "$T/peer-ports"
	wait_for test -s "$T/victim.pid"
	read -r -a P < "$T/peer-ports"
	disown -a
}

# prepare VERDICT [NAME...]: objects, rules and the session's script for these kinds, all without names
prepare() {
	objects
	rm -rf "$T/rules" "$T/o" "$T/todo" "$T/effects"
	mkdir -p "$T/o" "$T/rules"
	simple nothing note process_creation Image /nonexistent
	kinds | python3 -c '
import re, sys
t, e, ident, ports, victims, verdict = sys.argv[1:7]
words = {"@": e, "@ktevil-ID": "@ktevil-" + ident}
words.update({f"P{i}": p for i, p in enumerate(ports.split())})
words.update({f"V{i}": p for i, p in enumerate(victims.split())})
def fill(w):
    return words.get(w, e + w[1:] if w.startswith("@/") else w)
todo, effects = open(t + "/todo", "w"), open(t + "/effects", "w")
for line in sys.stdin:
    # a "|" without blanks is within a field name of Sigma
    name, category, fields, act, effect = (x.strip() for x in re.split(r"(?:^| )\|(?: |$)", line))
    if sys.argv[7:] and name not in sys.argv[7:]:
        continue
    print(name, *map(fill, act.split()), file=todo)
    print(name, *map(fill, effect.split()), file=effects)
    if verdict == "allow":
        continue
    with open(f"{t}/rules/{name}.yml", "w") as f:
        print(f"title: {name}\nid: test-{name}\nlevel: high\nlogsource: {{product: linux, category: {category}}}\n"
              "detection:\n  condition: s\n  s:", file=f)
        for field in fields.split(", "):
            key, value = field.split()
            print(f"    {key}: \x27{fill(value)}\x27", file=f)
        print(f"holdfast: {{verdict: {verdict}, guidance: guide-{name}}}", file=f)
' "$T" "$E" "$ID" "${P[*]}" "${V[*]}" "$@"
	cat > "$T/drive" <<D
while read -r name kind args; do
	$HF_KT/act \$kind \$args >$T/o/\$name.out 2>$T/o/\$name.err
	echo \$? >$T/o/\$name.status
done <$T/todo
:
D
}

there() { [ -e "$1" ]; }
gone() { [ ! -e "$1" ]; }
islink() { [ -L "$1" ]; }
says() { grep -qs "$2" "$1"; }
empty() { [ -e "$1" ] && [ ! -s "$1" ]; }
mode() { [ "$(stat -c %a "$1")" = "$2" ]; }
owner() { [ "$(stat -c %u "$1")" = "$2" ]; }
xattr() { python3 -c 'import os,sys; os.getxattr(sys.argv[1], "user.kt")' "$1" 2>/dev/null; }
mounted() { grep -q " $1 " /proc/self/mounts; }
dead() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null; }
out() { grep -q -- "$2" "$T/o/$1.out" 2>/dev/null; }
got() { grep -qx "$1" "$T/got" 2>/dev/null; }

# effects yes|no: all kinds of the session must have had their effect, or none. "yes" may take a moment (a datagram to its receiver).
effects() {
	local name effect bad=0

	while read -r name effect; do
		if [ "$1" = yes ]; then
			# shellcheck disable=SC2086
			wait_for $effect >/dev/null || { echo "$name: no effect: $(cat "$T/o/$name".*)"; bad=1; }
			[ "$(cat "$T/o/$name.status")" = 0 ] || { echo "$name: $(cat "$T/o/$name.out" "$T/o/$name.err")"; bad=1; }
		else
			# shellcheck disable=SC2086
			! $effect || { echo "$name: the effect happened"; bad=1; }
		fi
	done < "$T/effects"
	return $bad
}

# told LINES: each refused process got EPERM and one line, which names its rule and the guidance; with 0: none was told anything
told() {
	python3 - "$T" "$1" <<'PY'
import re, sys
t, lines = sys.argv[1:]
bad = 0
def say(name, *what):
    global bad
    bad += 1
    print(name, *what)
for name in (l.split()[0] for l in open(t + '/effects')):
    out, err, status = (open(f'{t}/o/{name}.{x}').read() for x in ('out', 'err', 'status'))
    if lines == '0':
        if err: say(name, 'told without reason:', err)
        continue
    # a stop at the exit of an open: the descriptor is there, so the process is killed instead
    verb = 'killed' if name == 'late' else 'denied'
    if verb == 'killed' and status != '137\n': say(name, 'not killed', status)
    if verb == 'denied' and 'ret=-1 err=EPERM' not in out: say(name, out)
    if not re.fullmatch(rf'holdfast: {verb}: [^\n]* \[rule test-{name}\] guide-{name}\n(Killed\n)?', err): say(name, 'told', err)
sys.exit(bad != 0)
PY
}

# journal VERDICT [DECISION VIA]: for each kind a finding of its rule; denied or not; held and decided or not
journal() {
	"$HF_BIN" verify "$J" >/dev/null
	python3 - "$J" "$T/effects" "$@" <<'PY'
import json, sys
journal, effects, verdict = sys.argv[1:4]
decision, via = (sys.argv[4:6] + [None, None])[:2]
lines = [json.loads(l) for l in open(journal, errors='surrogateescape')]
bad = 0
def say(name, what):
    global bad
    bad += 1
    print(f'{name}: {what}')
for name in (l.split()[0] for l in open(effects)):
    rule = 'test-' + name
    find = [o for o in lines if o['type'] == 'finding' and o.get('rule') == rule]
    hold = [o for o in lines if o['type'] == 'hold' and o.get('rule') == rule]
    deci = [o for o in lines if o['type'] == 'decision' and o.get('rule') == rule]
    sums = {o['summary'] for o in find}
    pids = {o['pid'] for o in find}
    refused = decision == 'deny' or verdict in ('deny', 'kill')
    denied = [o for o in lines if o['type'] == 'action' and 'denied' in o.get('flags', []) and o['pid'] in pids]
    if verdict == 'allow':
        if find or hold or deci: say(name, 'something was found')
        continue
    if not find or any(o['verdict'] != verdict for o in find): say(name, f'findings: {[o["verdict"] for o in find]}')
    if bool(denied) != refused: say(name, f'{len(denied)} denied actions')
    if decision:
        if not hold or not deci: say(name, f'{len(hold)} holds, {len(deci)} decisions')
        if {o['summary'] for o in hold} != sums: say(name, f'held {hold}, found {sums}')
        if any(o['decision'] != decision or o['via'] != via for o in deci): say(name, f'decided {deci}')
        if {o['id'] for o in hold} != {o['hold'] for o in deci}: say(name, 'holds and decisions differ')
        if via == 'socket' and any(o.get('uid') != 0 or 'pid' not in o for o in deci): say(name, 'nobody decided')
    elif hold or deci: say(name, 'held')
if any(o['type'] == 'finding' and o.get('rule') is None for o in lines): say('-', 'raced?')
sys.exit(bad != 0)
PY
}

# session VERDICT [OPTION...]: all kinds in one session (on a slow machine those named in HF_KT_KINDS)
session() {
	# shellcheck disable=SC2086
	prepare "$1" ${HF_KT_KINDS:-}
	run --separate-stderr hf "${@:2}" -- sh "$T/drive"
	[ "$status" = 0 ]
	[ -n "${HF_KT_KINDS:-}" ] || [ "$(wc -l < "$T/todo")" -ge 70 ]
}

@test "allow: without a rule everything has its effect and nothing is said" {
	session allow
	effects yes
	told 0
	journal allow
}

@test "note: found, not hindered" {
	session note
	effects yes
	told 0
	journal note
}

@test "deny: no effect, EPERM, one line with rule and guidance" {
	session deny
	effects no
	told 1
	journal deny
}

@test "deny with --no-explain: nothing is said" {
	prepare deny unlink tcp4 read exec
	hf --no-explain -- sh "$T/drive"
	effects no
	grep -q 'err=EPERM' "$T/o/unlink.out"
	[ ! -s "$T/o/unlink.err" ] && [ ! -s "$T/o/tcp4.err" ] && [ ! -s "$T/o/read.err" ] && [ ! -s "$T/o/exec.err" ]
}

@test "hold, approved on the socket: the effect happens then" {
	# shellcheck disable=SC2086
	prepare hold ${HF_KT_KINDS:-}
	hf_bg -- sh "$T/drive"
	answerer approve 3>&- & PIDS+=($!)
	hf_wait
	touch "$T/stop"
	[ "$STATUS" = 0 ]
	effects yes
	told 0
	journal hold allow socket
}

@test "hold, denied on the socket: EPERM, no effect" {
	# shellcheck disable=SC2086
	prepare hold ${HF_KT_KINDS:-}
	hf_bg --pause process -- sh "$T/drive"
	answerer deny 3>&- & PIDS+=($!)
	hf_wait
	touch "$T/stop"
	[ "$STATUS" = 0 ]
	effects no
	told 1
	journal hold deny socket
}

@test "hold, nobody answers, --on-timeout deny" {
	session hold --ask socket --timeout 5ms
	effects no
	told 1
	journal hold deny timeout
}

@test "hold, nobody answers, --on-timeout allow" {
	session hold --ask socket --timeout 5ms --on-timeout allow
	effects yes
	told 0
	journal hold allow timeout
}

@test "hold with --on-hold deny and allow" {
	session hold --on-hold deny
	effects no
	told 1
	kill -9 "${PIDS[@]}" 2>/dev/null || true
	session hold --on-hold allow
	effects yes
	told 0
}

@test "kill: the session ends before the effect, whatever kind it was" {
	local name bad=0

	for name in exec script openat read late unlink renamenew tcp4 unix sendto4 mount kill; do
		prepare kill "$name"
		run --separate-stderr hf -- sh "$T/drive"
		[ "$status" = 137 ] || { echo "$name: exit status $status"; bad=1; }
		effects no || bad=1
		[ ! -e "$T/o/$name.status" ] || { echo "$name: the session went on"; bad=1; }
		journal kill || bad=1
		jhas "t == 'note' and o['kind'] == 'kill'" || bad=1
		session_gone
	done
	[ "$bad" = 0 ]
}

@test "what a hold shows: stable fields, and nothing happens while it waits" {
	prepare hold unlink
	hf_bg -- sh "$T/drive"
	wait_for has_hold
	"$HF_BIN" holds --json | grep "\"$NAME\"" > "$T/h"
	python3 - "$T/h" "$E/unlink" <<'PY'
import json, sys
o = json.loads(open(sys.argv[1]).read())
assert o['action']['action'] == 'unlink' and o['action']['path'] == sys.argv[2], o
assert o['rule'] == 'test-unlink' and o['level'] == 'high' and o['title'] == 'unlink', o
assert 0 < o['expires_in_ms'] <= 120000 and o['summary'] == 'unlink ' + sys.argv[2], o
assert o['image'].endswith('/act') and o['session'] and o['on_timeout'] == 'deny', o
PY
	there "$E/unlink"
	# the whole session stands still
	grep -q 1 "/sys/fs/cgroup/holdfast/$(session_id)/cgroup.freeze" || grep -q 1 "/sys/fs/cgroup/unified/holdfast/$(session_id)/cgroup.freeze"
	"$HF_BIN" approve "$HOLD" | grep -q "^approved $HOLD (once)"
	not "$HF_BIN" approve "$HOLD"
	hf_wait
	gone "$E/unlink"
}

@test "--scope session covers the same again, and nothing else" {
	simple again hold file_delete "TargetFilename|startswith" "$T/work/f"
	hf_bg -- sh -c 'for i in 1 2 3; do : >f1; '"$HF_KT"'/act unlink f1; done; : >f2; '"$HF_KT"'/act unlink f2'
	wait_for has_hold
	"$HF_BIN" approve --scope session "$HOLD"
	wait_for has_hold		# f2: another object
	"$HF_BIN" deny "$HOLD"
	hf_wait
	[ "$STATUS" = 1 ]
	[ ! -e f1 ] && [ -e f2 ]
	[ "$(jcount "t == 'hold'")" = 2 ]
	[ "$(jcount "t == 'decision' and o['via'] == 'session' and o['decision'] == 'allow'")" = 2 ]
}

@test "deny --stop ends the session" {
	prepare hold unlink
	hf_bg -- sh -c "sleep 300 & sh $T/drive; sleep 300"
	wait_for has_hold
	"$HF_BIN" deny --stop "$HOLD"
	hf_wait
	[ "$STATUS" = 137 ]
	there "$E/unlink"
	session_gone
}
