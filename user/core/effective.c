/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that start another one which their arguments name: what it is. */
#include "effective_int.h"

#define STDIN_WORDS 32u

/* Programs followed by the command they start: NAME [OPTION]... [so many words] COMMAND. */
struct wrapper {
	char name[16];
	char shorts[24];		/* short options whose argument is the next word, unless it is attached */
	char longs[96];			/* the same for long ones: " a b " */
	unsigned char skip;		/* words between options and command */
	bool assigns;			/* NAME=VALUE may come before the command */
	bool shell_c;			/* -c TEXT: a shell's text */
};
static const struct wrapper wrappers[] = {
	{ "env", "uC", " unset chdir ", 0, true, false },
	{ "sudo", "ughpCrtTUDR", " user group host prompt close-from role type command-timeout other-user chdir chroot ", 0,
	  true, false },
	{ "doas", "uC", "", 0, false, false },
	{ "pkexec", "", " user ", 0, false, false },
	{ "su", "sgGw", " shell group supp-group whitelist-environment ", 0, false, true },
	{ "runuser", "usgGw", " user shell group supp-group whitelist-environment ", 0, false, true },
	{ "setpriv", "", " reuid regid groups inh-caps ambient-caps bounding-set securebits pdeathsig ", 0, false, false },
	{ "nohup", "", "", 0, false, false },
	{ "setsid", "", "", 0, false, false },
	{ "nice", "n", " adjustment ", 0, false, false },
	{ "ionice", "cn", " class classdata ", 0, false, false },
	{ "chrt", "pTPD", "", 1, false, false },
	{ "taskset", "", "", 1, false, false },
	{ "timeout", "ks", " kill-after signal ", 1, false, false },
	{ "stdbuf", "ioe", " input output error ", 0, false, false },
	{ "xargs", "adEILnPs", " arg-file delimiter max-lines max-args max-procs max-chars process-slot-var ", 0, false,
	  false },
	{ "time", "fo", " format output ", 0, false, false },
	{ "command", "", "", 0, false, false },
	{ "builtin", "", "", 0, false, false },
	{ "exec", "a", "", 0, false, false },
	{ "busybox", "", "", 0, false, false },
	{ "toybox", "", "", 0, false, false },
	{ "chroot", "", "", 1, false, false },
	{ "unshare", "GSRw", " setuid setgid root wd map-user map-group propagation ", 0, false, false },
	{ "nsenter", "tSG", " target setuid setgid ", 0, false, false },
	{ "flock", "wE", " timeout wait conflict-exit-code ", 1, false, true },
	{ "strace", "abeEIoOpPsSuUX", " output trace ", 0, false, false },
	{ "ltrace", "aADelnopsuwxX", " output ", 0, false, false },
	{ "script", "BEIOTmo", " command ", 0, false, true },
	{ "systemd-run", "puMtPGEH", " unit property uid gid slice description service-type working-directory setenv machine ",
	  0, false, false },
	{ "prlimit", "p", "", 0, false, false },
	{ "fakeroot", "lbfsiu", "", 0, false, false },
	{ "proxychains", "f", "", 0, false, false },
	{ "proxychains4", "f", "", 0, false, false },
	{ "torsocks", "", "", 0, false, false },
	{ "unbuffer", "", "", 0, false, false },
	{ "faketime", "f", "", 1, false, false },
	{ "setarch", "", "", 1, false, false },
	{ "linux32", "", "", 0, false, false },
	{ "linux64", "", "", 0, false, false },
	{ "firejail", "", "", 0, false, false },
	{ "watch", "n", " interval ", 0, false, false },
	{ "tini", "ps", "", 0, false, false },
	{ "dumb-init", "", "", 0, false, false },
};
static const struct wrapper dynamic_loader = {
	"ld.so", "", " library-path preload audit argv0 inhibit-rpath glibc-hwcaps-prepend glibc-hwcaps-mask ", 0, false,
	false };

static struct hf_str base_of(struct hf_str w)
{
	const char *slash = w.n ? memrchr(w.p, '/', w.n) : NULL;

	return slash ? (struct hf_str){ slash + 1, w.n - (size_t)(slash + 1 - w.p) } : w;
}

static bool is(struct hf_str w, const char *z)
{
	return hf_str_eq(w, hf_str_of(z));
}

static bool begins(struct hf_str w, const char *z)
{
	size_t n = strlen(z);

	return w.n >= n && memcmp(w.p, z, n) == 0;
}

static bool is_shell(struct hf_str base)
{
	static const char names[][8] = { "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "rbash", "yash", "csh",
					 "tcsh" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is(base, names[i]))
			return true;
	return false;
}

/* The options of an interpreter that take its program's text; NULL: it is none. python3.11 is a python. */
static const char *code_options(struct hf_str base)
{
	static const struct { char name[12], opts[8]; } t[] = {
		{ "python", "c" }, { "pypy", "c" }, { "perl", "eE" }, { "ruby", "e" }, { "node", "ep" }, { "nodejs", "ep" },
		{ "php", "r" }, { "lua", "e" }, { "luajit", "e" }, { "Rscript", "e" }, { "bun", "e" }, { "deno", "" },
		{ "tclsh", "" }, { "expect", "c" }, { "osascript", "e" },
	};

	while (base.n > 0 && ((base.p[base.n - 1] >= '0' && base.p[base.n - 1] <= '9') || base.p[base.n - 1] == '.'))
		base.n--;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (is(base, t[i].name))
			return t[i].opts;
	return NULL;
}

unsigned hf_effective_add(struct hf_effective *e, struct hf_str argv, unsigned depth)
{
	if (argv.n == 0)
		return HF_EFFECTIVE_MAX;
	if (e->n == HF_EFFECTIVE_MAX || depth > HF_EFFECTIVE_DEPTH) {
		e->cut = true;
		return HF_EFFECTIVE_MAX;
	}
	e->cmd[e->n] = (struct hf_effective_cmd){ .cmdline = argv, .depth = depth };
	return e->n++;
}

void hf_effective_add_script(struct hf_effective *e, struct hf_str text, unsigned depth)
{
	if (text.n == 0)
		return;
	if (e->nscripts == HF_EFFECTIVE_SCRIPTS || depth > HF_EFFECTIVE_DEPTH) {
		e->cut = true;
		return;
	}
	e->script[e->nscripts++] = (struct hf_effective_script){ text, depth };
}

static bool in_list(const char *list, struct hf_str name)
{
	const char *p = list;

	while (*p) {
		size_t n = strcspn(p += *p == ' ', " ");

		if (n > 0 && hf_str_eq((struct hf_str){ p, n }, name))
			return true;
		p += n;
	}
	return false;
}

/* Does this option take the next word? */
static bool takes_next(const struct wrapper *w, struct hf_str o)
{
	if (begins(o, "--"))
		return !memchr(o.p, '=', o.n) && in_list(w->longs, (struct hf_str){ o.p + 2, o.n - 2 });
	for (size_t i = 1; i < o.n; i++)
		if (o.p[i] && strchr(w->shorts, o.p[i]))
			return i + 1 == o.n;	/* else the rest of the word is its argument */
	return false;
}

static bool is_assignment(struct hf_str w)
{
	const char *eq = w.n ? memchr(w.p, '=', w.n) : NULL;

	return eq && eq != w.p && !memchr(w.p, '/', (size_t)(eq - w.p));
}

/* A redirection that stands before or among the words of a shell's command. */
static bool is_redirection(struct hf_str w)
{
	size_t i = 0;

	while (i < w.n && w.p[i] >= '0' && w.p[i] <= '9')
		i++;
	return i < w.n && (w.p[i] == '<' || w.p[i] == '>' || (w.p[i] == '&' && i + 1 < w.n && w.p[i + 1] == '>'));
}

static void unwrap_prefix(struct hf_effective *e, const struct wrapper *w, struct hf_str rest, unsigned depth)
{
	struct hf_str before = rest, o, arg;
	unsigned skip = w->skip;

	while (hf_effective_word(&rest, &o)) {
		if (is(o, "--")) {
			before = rest;
			continue;
		}
		if (o.n > 1 && o.p[0] == '-') {
			bool env_s = w == &wrappers[0] && (begins(o, "-S") || begins(o, "--split-string"));
			bool c = w->shell_c && (is(o, "-c") || is(o, "--command"));

			if (env_s && o.n > 2 && o.p[1] != '-')
				hf_effective_add_script(e, (struct hf_str){ o.p + 2, o.n - 2 }, depth + 1);
			else if (env_s && memchr(o.p, '=', o.n))
				hf_effective_add_script(e, (struct hf_str){ o.p + 15, o.n - 15 }, depth + 1);
			else if ((env_s || c) && hf_effective_word(&rest, &arg))
				hf_effective_add_script(e, arg, depth + 1);
			else if (takes_next(w, o))
				hf_effective_word(&rest, &arg);
			before = rest;
			continue;
		}
		if (o.n == 1 && o.p[0] == '-') {
			before = rest;
		} else if (w->assigns && is_assignment(o)) {
			before = rest;
		} else if (skip > 0) {
			skip--;
			before = rest;
		} else {
			hf_effective_add(e, before, depth + 1);
			return;
		}
	}
}

static void unwrap_shell(struct hf_effective *e, struct hf_str rest, unsigned depth)
{
	struct hf_str before = rest, o, arg;
	bool text = false;

	while (hf_effective_word(&rest, &o)) {
		if (is(o, "--") || is(o, "-")) {
			before = rest;
			continue;
		}
		if (o.n > 1 && (o.p[0] == '-' || o.p[0] == '+')) {
			if (is(o, "--rcfile") || is(o, "--init-file"))
				hf_effective_word(&rest, &arg);
			else if (o.p[1] != '-' && (o.p[o.n - 1] == 'o' || o.p[o.n - 1] == 'O'))
				hf_effective_word(&rest, &arg);
			text |= o.p[0] == '-' && o.p[1] != '-' && memchr(o.p, 'c', o.n);
			text |= is(o, "--command");
			before = rest;
			continue;
		}
		if (text)
			hf_effective_add_script(e, o, depth + 1);
		else if (!is_redirection(o))
			hf_effective_add(e, before, depth + 1);
		return;
	}
}

static void unwrap_code(struct hf_effective *e, const char *opts, struct hf_str rest, unsigned depth)
{
	struct hf_str before = rest, o, code;

	while (hf_effective_word(&rest, &o)) {
		bool text = o.n > 1 && o.p[0] == '-' && o.p[1] != '-' && o.p[o.n - 1] && strchr(opts, o.p[o.n - 1]);

		if (text || is(o, "--eval") || is(o, "--print") || is(o, "eval")) {
			if (hf_effective_word(&rest, &code))
				hf_effective_code(e, code, depth + 1);
		} else if (o.n > 2 && o.p[0] == '-' && o.p[1] && strchr(opts, o.p[1])) {
			hf_effective_code(e, (struct hf_str){ o.p + 2, o.n - 2 }, depth + 1);
		} else if (begins(o, "--eval=")) {
			hf_effective_code(e, (struct hf_str){ o.p + 7, o.n - 7 }, depth + 1);
		} else if (is(o, "-m")) {	/* python -m MODULE */
			hf_effective_add(e, rest, depth + 1);
			return;
		} else if (o.n == 0 || o.p[0] != '-') {
			if (!is_redirection(o))
				hf_effective_add(e, before, depth + 1);
			return;
		}
		before = rest;
	}
}

static void unwrap_find(struct hf_effective *e, struct hf_str rest, unsigned depth)
{
	struct hf_str o, from;

	while (hf_effective_word(&rest, &o)) {
		if (!is(o, "-exec") && !is(o, "-execdir") && !is(o, "-ok") && !is(o, "-okdir"))
			continue;
		from = rest;
		while (hf_effective_word(&rest, &o))
			if (is(o, ";") || is(o, "+"))
				break;
		from.n = (size_t)(rest.p - from.p);
		if (is(o, ";") || is(o, "+"))
			from.n -= from.n >= 2 ? 2 : from.n;	/* it and its NUL */
		hf_effective_add(e, from, depth + 1);
	}
}

static bool git_runs(struct hf_str key)
{
	static const char keys[][24] = { "core.pager", "core.editor", "core.sshcommand", "core.fsmonitor", "core.askpass",
					 "credential.helper", "diff.external", "sequence.editor", "gpg.program" };
	char lower[24];

	if (key.n > 6 && strncasecmp(key.p, "alias.", 6) == 0)
		return true;
	if (key.n == 0 || key.n >= sizeof(lower))
		return false;
	for (size_t i = 0; i < key.n; i++)
		lower[i] = (char)(key.p[i] >= 'A' && key.p[i] <= 'Z' ? key.p[i] | 0x20 : key.p[i]);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (hf_str_eq((struct hf_str){ lower, key.n }, hf_str_of(keys[i])))
			return true;
	return false;
}

static void git_setting(struct hf_effective *e, struct hf_str kv, unsigned depth)
{
	const char *eq = kv.n ? memchr(kv.p, '=', kv.n) : NULL;
	struct hf_str key, v;
	bool bang;

	if (!eq)
		return;
	key = (struct hf_str){ kv.p, (size_t)(eq - kv.p) };
	v = (struct hf_str){ eq + 1, kv.n - key.n - 1 };
	if (!git_runs(key))
		return;
	bang = v.n > 0 && v.p[0] == '!';
	/* Without it these name git's own: an alias a git command, a helper git-credential-NAME. */
	if (!bang && (strncasecmp(key.p, "alias.", 6) == 0 || (strncasecmp(key.p, "cred", 4) == 0 && v.n && v.p[0] != '/')))
		return;
	hf_effective_add_script(e, (struct hf_str){ v.p + bang, v.n - bang }, depth + 1);
}

static void unwrap_git(struct hf_effective *e, struct hf_str rest, unsigned depth)
{
	struct hf_str o, v;

	while (hf_effective_word(&rest, &o)) {
		if (is(o, "-c") && hf_effective_word(&rest, &v))
			git_setting(e, v, depth);
		else if ((is(o, "--exec") || is(o, "-x")) && hf_effective_word(&rest, &v))
			hf_effective_add_script(e, v, depth + 1);	/* rebase */
		else if (begins(o, "--exec="))
			hf_effective_add_script(e, (struct hf_str){ o.p + 7, o.n - 7 }, depth + 1);
	}
}

enum hf_stdin hf_effective_stdin(struct hf_str argv)
{
	struct hf_str w, base;
	unsigned words = 0;		/* asked again and again for one growing command: looks at its beginning only */
	bool shell;

	do {
		if (words++ > STDIN_WORDS || !hf_effective_word(&argv, &w))
			return HF_STDIN_NONE;
		base = base_of(w);
	} while (is_redirection(w) || is(base, "sudo") || is(base, "env") || is(base, "exec") || is(base, "nohup"));
	shell = is_shell(base);
	if (!shell && !code_options(base))
		return HF_STDIN_NONE;
	while (words++ < STDIN_WORDS && hf_effective_word(&argv, &w)) {
		if (is(w, "-") || is(w, "-s") || is_redirection(w))
			break;
		if (w.n == 0 || w.p[0] != '-')
			return HF_STDIN_NONE;	/* a file */
		if (w.n > 1 && w.p[1] != '-' && memchr(w.p, 'c', w.n))
			return HF_STDIN_NONE;
	}
	return shell ? HF_STDIN_SHELL : HF_STDIN_CODE;
}

/* --- code of other languages --- */

/* A quoted string at p: what it says, without undoing escapes. */
static bool quoted(const char **p, const char *end, struct hf_str *ret)
{
	const char *q = *p, *from;

	while (q < end && (*q == ' ' || *q == '\t' || *q == '\n' || *q == 'f' || *q == 'r' || *q == 'b'))
		q++;
	if (q == end || (*q != '"' && *q != '\'' && *q != '`'))
		return false;
	from = q + 1;
	for (const char *s = from; s < end; s++) {
		if (*s == '\\' && s + 1 < end) {
			s++;
		} else if (*s == *q) {
			*ret = (struct hf_str){ from, (size_t)(s - from) };
			*p = s + 1;
			return true;
		}
	}
	return false;
}

/* ["a", "b"]: p after the bracket. The words are copied, NUL after each. */
static void quoted_list(struct hf_effective *e, const char *p, const char *end, unsigned depth)
{
	size_t at = e->used;
	struct hf_str w;

	while (quoted(&p, end, &w)) {
		if (w.n + 1 > sizeof(e->text) - e->used) {
			e->cut = true;
			break;
		}
		memcpy(e->text + e->used, w.p, w.n);
		e->used += w.n;
		e->text[e->used++] = '\0';
		while (p < end && (*p == ' ' || *p == ',' || *p == '\n' || *p == '\t'))
			p++;
	}
	hf_effective_add(e, (struct hf_str){ e->text + at, e->used - at }, depth);
}

static bool calls(const char *from, const char *paren)
{
	static const char names[][16] = { "system", "popen", "popen2", "popen3", "run", "call", "check_call", "check_output",
					  "getoutput", "getstatusoutput", "Popen", "exec", "execSync", "spawn", "spawnSync",
					  "execFile", "execFileSync", "shell_exec", "passthru", "proc_open", "execl", "execlp",
					  "execvp", "qx" };
	const char *p = paren;
	struct hf_str w;

	while (p > from && (p[-1] == ' ' || p[-1] == '\t'))
		p--;
	w.p = p;
	while (w.p > from && (w.p[-1] == '_' || (w.p[-1] >= '0' && w.p[-1] <= '9') || (w.p[-1] >= 'A' && w.p[-1] <= 'Z') ||
			      (w.p[-1] >= 'a' && w.p[-1] <= 'z')) && p - w.p < 20)
		w.p--;
	w.n = (size_t)(p - w.p);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is(w, names[i]))
			return true;
	return false;
}

void hf_effective_code(struct hf_effective *e, struct hf_str code, unsigned depth)
{
	const char *end = code.p + code.n;
	struct hf_str s;

	for (const char *p = code.p; p < end; p++) {
		const char *q = p + 1;

		if (*p == '(' ? !calls(code.p, p) : !(*p == ' ' && p > code.p && calls(code.p, p)))
			continue;
		while (q < end && *q == ' ')
			q++;
		if (quoted(&q, end, &s))
			hf_effective_add_script(e, s, depth);
		else if (q < end && *q == '[')
			quoted_list(e, q + 1, end, depth);
	}
}

static void unwrap(struct hf_effective *e, struct hf_str rest, unsigned depth, struct hf_str name)
{
	struct hf_str base = base_of(name);
	const char *opts = code_options(base);

	if (base.n > 1 && base.p[0] == '-')
		base.p++, base.n--;	/* a login shell's argv[0] */
	if (is_shell(base))
		unwrap_shell(e, rest, depth);
	else if (opts)
		unwrap_code(e, opts, rest, depth);
	else if (is(base, "find"))
		unwrap_find(e, rest, depth);
	else if (is(base, "git"))
		unwrap_git(e, rest, depth);
	else if (is(base, "eval"))
		hf_effective_add_script(e, rest, depth + 1);
	else if (is(base, "awk") || is(base, "gawk") || is(base, "mawk"))
		hf_effective_code(e, rest, depth + 1);
	else if (begins(base, "ld-linux") || begins(base, "ld-musl") || is(base, "ld.so") || begins(base, "ld-2."))
		unwrap_prefix(e, &dynamic_loader, rest, depth);
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (is(base, wrappers[i].name))
			unwrap_prefix(e, &wrappers[i], rest, depth);
}

static void unwrap_one(struct hf_effective *e, unsigned i)
{
	struct hf_str rest = e->cmd[i].cmdline, name = { NULL, 0 }, before = rest;

	if (e->cmd[i].raw || !hf_effective_word(&rest, &name))
		return;
	while (e->cmd[i].depth > 0 && is_redirection(name) && rest.n > 0) {
		bool alone = name.p[name.n - 1] == '<' || name.p[name.n - 1] == '>';

		if (alone && !hf_effective_word(&rest, &name))
			break;
		before = rest;
		if (!hf_effective_word(&rest, &name))
			break;
	}
	if (before.n > 0)
		e->cmd[i].cmdline = before;
	/* What runs counts, not what it was called; but busybox goes by its name. */
	if (i == 0 && e->cmd[0].image.n > 0 && !is(base_of(e->cmd[0].image), "busybox") &&
	    !is(base_of(e->cmd[0].image), "toybox"))
		name = e->cmd[0].image;
	unwrap(e, rest, e->cmd[i].depth, name);
}

static struct hf_str image_of(struct hf_effective *e, struct hf_str argv)
{
	struct hf_str w = { NULL, 0 };
	char *at = e->text + e->used;

	hf_effective_word(&argv, &w);
	if (w.n == 0 || memchr(w.p, '/', w.n))
		return w;
	if (w.n + 1 > sizeof(e->text) - e->used) {
		e->cut = true;
		return w;
	}
	at[0] = '/';
	memcpy(at + 1, w.p, w.n);
	e->used += w.n + 1;
	return (struct hf_str){ at, w.n + 1 };
}

/* Words apart by a space, in place: parts of one text may be shared, and it is the same for all of them. */
static void join(struct hf_effective *e, struct hf_effective_cmd *c)
{
	char *p;

	if (c->cmdline.p < e->text || c->cmdline.p >= e->text + sizeof(e->text))
		return;
	p = e->text + (c->cmdline.p - e->text);
	for (size_t k = 0; k < c->cmdline.n; k++)
		if (p[k] == '\0')
			p[k] = ' ';
}

void hf_effective_parse(struct hf_str image, struct hf_str argv, struct hf_str script, struct hf_effective *ret)
{
	struct hf_effective *e = ret;
	unsigned ci = 0, si = 0;

	e->n = e->nscripts = 0;
	e->cut = argv.n > HF_ARGV_MAX;
	e->used = argv.n > HF_ARGV_MAX ? HF_ARGV_MAX : argv.n;
	if (e->used > 0)
		memcpy(e->text, argv.p, e->used);
	argv = (struct hf_str){ e->text, e->used };
	e->cmd[e->n++] = (struct hf_effective_cmd){ .image = image, .cmdline = argv };
	if (script.n > 0) {
		e->cmd[e->n++] = (struct hf_effective_cmd){ .image = script, .cmdline = argv };
		ci = 2;
	}
	while (ci < e->n || si < e->nscripts) {
		if (ci < e->n) {
			unwrap_one(e, ci++);
		} else {
			hf_effective_shell(e, e->script[si].text, e->script[si].depth);
			si++;
		}
	}
	for (unsigned i = 0; i < e->n; i++) {
		struct hf_effective_cmd *c = &e->cmd[i];

		if (!c->raw && c->image.n == 0)
			c->image = image_of(e, c->cmdline);
		if (c->cmdline.n > 0 && c->cmdline.p[c->cmdline.n - 1] == '\0')
			c->cmdline.n--;
	}
	for (unsigned i = 0; i < e->n; i++)
		join(e, &e->cmd[i]);
}
