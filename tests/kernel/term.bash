# SPDX-License-Identifier: Apache-2.0
# A terminal for the tests: tmux draws it, `press` and `type` are the person, `screen` is what the person sees.
TERM_COLS=100 TERM_ROWS=30

TM() { env -u TMUX LANG=C.UTF-8 tmux -S "$T/tmux" -f /dev/null "$@" 3>&-; }

# term [CMD]: a terminal that runs CMD, default a shell with the prompt OUT$
term() {
	local cmd=${1:-bash --rcfile $T/rc-out}

	printf "PS1='OUT\$ '\nHISTFILE=\n" > "$T/rc-out"
	printf "PS1='IN\$ '\nHISTFILE=\nexport GIT_CONFIG_NOSYSTEM=1\n" > "$T/rc-in"
	chmod 644 "$T"/rc-*
	TM new-session -d -s t -x $TERM_COLS -y $TERM_ROWS "$cmd"
	[ -n "${1:-}" ] || on_screen 'OUT$'
}
term_end() { [ ! -S "$T/tmux" ] || TM kill-server 2>/dev/null || true; }
# Keys by tmux's names; the text of a line with Enter.
press() { TM send-keys -t t "$@"; }
line() { TM send-keys -t t -l "$1"; TM send-keys -t t Enter; }
screen() { TM capture-pane -p -t t; }
term_is() { TM display-message -p -t t "$1"; }	# alternate_on, cursor_flag, wrap_flag: what programs left switched on

# on_screen TEXT / not_on_screen TEXT: waits for it, at most 15 s
on_screen() {
	local i

	for ((i = 0; i < 300; i++)); do
		screen | grep -qF -- "$1" && return 0
		sleep 0.05
	done
	echo "not on the screen: $1"
	screen
	return 1
}
not_on_screen() {
	local i

	for ((i = 0; i < 300; i++)); do
		screen | grep -qF -- "$1" || return 0
		sleep 0.05
	done
	echo "still on the screen: $1"
	screen
	return 1
}

# The question stands on the screen, and has for long enough to take keys.
asked() { on_screen "${1:-WHY}" && sleep 0.6; }
answer() { press "$1"; not_on_screen ' HOLDFAST '; }

# hold_line [OPTION...] -- CMD: the command line that runs CMD with the test's rules
hold_line() { printf '%q ' "$HF_BIN" run -n "$NAME" -r "$T/rules" --journal "$J" "$@"; }
# A watched shell with the prompt IN$ in the terminal
term_in() {
	term
	line "$(hold_line "$@" -- bash --rcfile "$T/rc-in")"
	on_screen 'IN$'
}

# A user of this test's own, who may sudo anything; USER_DIR belongs to them.
user_add() {
	command -v sudo >/dev/null || skip "sudo is not installed (tools/deps --tests)"
	U=hfkt${T##*.}
	U=${U,,}
	useradd -m -s /bin/bash -G games "$U"
	echo "$U ALL=(ALL) NOPASSWD: SETENV: ALL" > "/etc/sudoers.d/$U"
	USER_DIR=$T/user
	mkdir "$USER_DIR"
	chown "$U" "$USER_DIR"
}
user_end() {
	[ -n "${U:-}" ] || return 0
	rm -f "/etc/sudoers.d/$U"
	userdel -r "$U" 2>/dev/null || true
}
as_user() { su "$U" -c "cd '$USER_DIR' && $1"; }
