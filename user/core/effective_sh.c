/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shell's text into simple commands. No more of the grammar than finding them takes: quotes, operators,
 * here-documents, command substitutions. One pass over the text; what stands in $(...) is another text, taken in turn, one deeper.
 */
#include "effective_int.h"

struct lexer {
	struct hf_effective *e;
	const char *p, *end;
	unsigned depth;
	size_t cmd_at;			/* of the command in e->text */
	size_t word_at;
	const char *cmd_src;		/* where the command begins in the text */
	bool word, quoted;		/* a word is open; a part of it is quoted */
	bool full;			/* no more commands fit: the rest went into the last one */
	unsigned line_first;		/* first command of this line */
	unsigned echo;			/* command whose output this one reads, if it is an echo; else HF_EFFECTIVE_MAX */
	struct hf_str delim;		/* of a here-document that begins with the next line */
	bool heredoc, dash;
	bool herestring;		/* the next word is one */
};

static void put(struct lexer *l, char c)
{
	struct hf_effective *e = l->e;

	if (!l->word) {
		l->word = true;
		l->quoted = false;
		l->word_at = e->used;
	}
	if (e->used >= sizeof(e->text) - 1)
		e->cut = true;
	else
		e->text[e->used++] = c;
}

static void put_range(struct lexer *l, const char *from, const char *to)
{
	while (from < to)
		put(l, *from++);
}

static bool is(struct hf_str w, const char *name)
{
	return hf_str_eq(w, hf_str_of(name));
}

static bool is_reserved(struct hf_str w)
{
	static const char words[][8] = { "if", "then", "else", "elif", "fi", "do", "done", "while", "until", "esac", "!", "{",
					 "}", "coproc" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is(w, words[i]))
			return true;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_assignment(struct hf_str w)
{
	size_t i;

	for (i = 0; i < w.n && (is_letter(w.p[i]) || (i > 0 && is_digit(w.p[i]))); i++)
		;
	return i > 0 && i < w.n && w.p[i] == '=';
}

static void end_word(struct lexer *l)
{
	struct hf_effective *e = l->e;
	struct hf_str w;

	if (!l->word)
		return;
	l->word = false;
	w = (struct hf_str){ e->text + l->word_at, e->used - l->word_at };
	if (l->herestring) {
		l->herestring = false;
		if (hf_effective_stdin((struct hf_str){ e->text + l->cmd_at, l->word_at - l->cmd_at }) == HF_STDIN_SHELL)
			hf_effective_add_script(e, w, l->depth + 1);
	}
	if (l->word_at == l->cmd_at && ((!l->quoted && is_reserved(w)) || is_assignment(w))) {
		e->used = l->word_at;
		return;
	}
	if (e->used < sizeof(e->text))
		e->text[e->used++] = '\0';
	else
		e->cut = true;
}

/* What is known to come out of an echo, for a shell to read. */
static void feed_shell(struct lexer *l, unsigned from)
{
	struct hf_str rest = l->e->cmd[from].cmdline, w;

	hf_effective_word(&rest, &w);
	while (rest.n > 0 && (rest.p[0] == '-' || rest.p[0] == '%') && hf_effective_word(&rest, &w))
		;		/* options and formats */
	hf_effective_add_script(l->e, rest, l->depth + 1);
}

static bool no_command(struct hf_str argv)
{
	static const char words[][8] = { "for", "case", "select", "in" };
	struct hf_str w;

	if (!hf_effective_word(&argv, &w))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is(w, words[i]))
			return true;
	return is(w, "function");
}

static bool is_echo(struct hf_str argv)
{
	struct hf_str w;

	return hf_effective_word(&argv, &w) && (is(w, "echo") || is(w, "printf"));
}

static void end_command(struct lexer *l, bool piped)
{
	struct hf_effective *e = l->e;
	struct hf_str argv;
	unsigned at = HF_EFFECTIVE_MAX;

	end_word(l);
	argv = (struct hf_str){ e->text + l->cmd_at, e->used - l->cmd_at };
	if (no_command(argv)) {
		e->used = l->cmd_at;
	} else if (e->n == HF_EFFECTIVE_MAX - 1) {
		at = e->n++;
		e->cmd[at] = (struct hf_effective_cmd){
			.cmdline = { l->cmd_src, (size_t)(l->end - l->cmd_src) }, .depth = l->depth, .raw = true };
		e->cut = l->full = true;
		l->p = l->end;
	} else {
		at = hf_effective_add(e, argv, l->depth);
		if (at < HF_EFFECTIVE_MAX && l->echo < HF_EFFECTIVE_MAX && hf_effective_stdin(argv) == HF_STDIN_SHELL)
			feed_shell(l, l->echo);
	}
	l->echo = piped && at < HF_EFFECTIVE_MAX && is_echo(argv) ? at : HF_EFFECTIVE_MAX;
	l->cmd_at = e->used;
	l->cmd_src = l->p;
	l->herestring = false;
}

/* From after an opening one to the closing one, or the end. Quotes are respected; s->p stays where it is. */
static const char *closing(const char *p, const char *end, char open, char close)
{
	char quote = 0;

	for (unsigned deep = 1; p < end; p++) {
		if (*p == '\\' && quote != '\'' && p + 1 < end)
			p++;
		else if (quote)
			quote = *p == quote ? 0 : quote;
		else if (*p == '\'' || (*p == '"' && close != '"'))
			quote = *p;
		else if (*p == close && --deep == 0)
			return p;
		else if (*p == open)
			deep++;
	}
	return end;
}

/* $(...), <(...), `...`: p at the opening one. Its commands are another text; the word keeps it as written. */
static void substitution(struct lexer *l, char open, char close)
{
	const char *from = l->p + 1, *to = closing(from, l->end, open, close);

	hf_effective_add_script(l->e, (struct hf_str){ from, (size_t)(to - from) }, l->depth + 1);
	put_range(l, l->p, to);
	l->p = to;
	if (l->p < l->end)
		put(l, *l->p++);
}

static unsigned digits(struct lexer *l, unsigned base, unsigned max)
{
	unsigned v = 0;

	for (unsigned i = 0; i < max && l->p < l->end; i++, l->p++) {
		unsigned d = (unsigned)(*l->p - '0');

		if (d > 9)
			d = (unsigned)((*l->p | 0x20) - 'a') + 10;
		if (d >= base)
			break;
		v = v * base + d;
	}
	return v;
}

/* $'...': p after the opening quote. */
static void ansi_c(struct lexer *l)
{
	static const char from[] = "abefnrtv\\'\"?", to[] = "\a\b\033\f\n\r\t\v\\'\"?";

	while (l->p < l->end && *l->p != '\'') {
		const char *k;
		char c = *l->p++;

		if (c != '\\' || l->p == l->end) {
			put(l, c);
			continue;
		}
		c = *l->p;
		k = c ? strchr(from, c) : NULL;
		if (k) {
			put(l, to[k - from]);
			l->p++;
		} else if (c == 'x') {
			l->p++;
			put(l, (char)digits(l, 16, 2));
		} else if (c >= '0' && c <= '7') {
			put(l, (char)digits(l, 8, 3));
		} else {
			put(l, '\\');
		}
	}
	if (l->p < l->end)
		l->p++;
}

static void dollar(struct lexer *l)
{
	bool more = l->p + 1 < l->end;

	if (more && l->p[1] == '(') {
		put(l, *l->p++);
		if (l->p + 1 < l->end && l->p[1] == '(') {	/* arithmetic */
			const char *to = closing(l->p + 1, l->end, '(', ')');

			to += to < l->end;
			put_range(l, l->p, to);
			l->p = to;
		} else {
			substitution(l, '(', ')');
		}
	} else {
		put(l, *l->p++);
	}
}

static void double_quoted(struct lexer *l)
{
	while (l->p < l->end && *l->p != '"') {
		if (*l->p == '\\' && l->p + 1 < l->end && strchr("$`\"\\\n", l->p[1]) && l->p[1]) {
			if (l->p[1] != '\n')
				put(l, l->p[1]);
			l->p += 2;
		} else if (*l->p == '$') {
			dollar(l);
		} else if (*l->p == '`') {
			substitution(l, '`', '`');
		} else {
			put(l, *l->p++);
		}
	}
	if (l->p < l->end)
		l->p++;
}

static void quote(struct lexer *l, char how)
{
	const char *to;

	if (!l->word) {		/* an empty word is one */
		put(l, ' ');
		if (l->e->used > l->word_at)
			l->e->used--;
	}
	l->quoted = true;
	l->p++;
	if (how == '"') {
		double_quoted(l);
		return;
	}
	to = memchr(l->p, '\'', (size_t)(l->end - l->p));
	put_range(l, l->p, to ? to : l->end);
	l->p = to ? to + 1 : l->end;
}

/* "<<WORD": p after it. */
static void heredoc_begin(struct lexer *l)
{
	const char *from;

	l->dash = l->p < l->end && *l->p == '-';
	l->p += l->dash;
	while (l->p < l->end && (*l->p == ' ' || *l->p == '\t'))
		l->p++;
	if (l->p < l->end && (*l->p == '\'' || *l->p == '"')) {
		char q = *l->p++;
		const char *to = memchr(l->p, q, (size_t)(l->end - l->p));

		from = l->p;
		l->p = to ? to : l->end;
		l->delim = (struct hf_str){ from, (size_t)(l->p - from) };
		l->p += to != NULL;
	} else {
		l->p += l->p < l->end && *l->p == '\\';
		for (from = l->p; l->p < l->end && *l->p && !strchr(" \t\n;|&<>()", *l->p); l->p++)
			;
		l->delim = (struct hf_str){ from, (size_t)(l->p - from) };
	}
	l->heredoc = l->delim.n > 0;
}

/* p after the line that announced it. */
static struct hf_str heredoc_take(struct lexer *l)
{
	const char *from = l->p;

	l->heredoc = false;
	while (l->p < l->end) {
		const char *line = l->p, *nl = memchr(line, '\n', (size_t)(l->end - line)), *text = line;
		const char *stop = nl ? nl : l->end;

		l->p = nl ? nl + 1 : l->end;
		while (l->dash && text < stop && *text == '\t')
			text++;
		if (hf_str_eq((struct hf_str){ text, (size_t)(stop - text) }, l->delim))
			return (struct hf_str){ from, (size_t)(line - from) };
	}
	return (struct hf_str){ from, (size_t)(l->p - from) };
}

static void newline(struct lexer *l)
{
	struct hf_str body = { NULL, 0 };
	enum hf_stdin how = HF_STDIN_NONE;

	end_word(l);
	l->p++;
	if (l->heredoc)
		body = heredoc_take(l);
	end_command(l, false);
	for (unsigned i = l->line_first; body.n > 0 && i < l->e->n && how == HF_STDIN_NONE; i++)
		if (!l->e->cmd[i].raw)
			how = hf_effective_stdin(l->e->cmd[i].cmdline);
	if (how == HF_STDIN_SHELL)
		hf_effective_add_script(l->e, body, l->depth + 1);
	else if (how == HF_STDIN_CODE)
		hf_effective_code(l->e, body, l->depth + 1);
	l->line_first = l->e->n;
}

static void less(struct lexer *l)
{
	size_t left = (size_t)(l->end - l->p);

	if (left >= 3 && l->p[1] == '<' && l->p[2] == '<') {
		end_word(l);
		put_range(l, l->p, l->p + 3);
		l->p += 3;
		end_word(l);
		l->herestring = true;
	} else if (left >= 2 && l->p[1] == '<') {
		end_word(l);
		l->p += 2;
		heredoc_begin(l);
	} else if (left >= 2 && l->p[1] == '(') {
		put(l, *l->p++);
		substitution(l, '(', ')');
	} else {
		put(l, *l->p++);
	}
}

static void greater(struct lexer *l)
{
	bool fd = l->word && l->e->used - l->word_at <= 4;

	for (size_t i = l->word_at; fd && i < l->e->used; i++)
		fd = is_digit(l->e->text[i]) || l->e->text[i] == '>' || l->e->text[i] == '&';
	if (!fd)
		end_word(l);		/* "echo a>b" */
	put(l, *l->p++);
	if (l->p < l->end && *l->p == '(')
		substitution(l, '(', ')');
	else if (l->p < l->end && *l->p == '&')
		put(l, *l->p++);
}

static void ampersand(struct lexer *l)
{
	if (l->p + 1 < l->end && l->p[1] == '>') {
		end_word(l);
		put(l, *l->p++);
		return;
	}
	end_word(l);
	l->p++;
	end_command(l, false);
}

static void step(struct lexer *l)
{
	char c = *l->p;
	bool piped;

	switch (c) {
	case ' ': case '\t': case '\r': case '\0':
		end_word(l);
		l->p++;
		break;
	case '\n':
		newline(l);
		break;
	case ';': case '|': case '(': case ')':
		piped = c == '|' && (l->p + 1 == l->end || l->p[1] != '|');
		end_word(l);
		l->p += c == '|' && !piped ? 2 : 1;
		end_command(l, piped);
		break;
	case '&':
		ampersand(l);
		break;
	case '\'': case '"':
		quote(l, c);
		break;
	case '\\':
		l->p++;
		if (l->p < l->end && *l->p != '\n')
			put(l, *l->p);
		l->p += l->p < l->end;
		break;
	case '$':
		if (l->p + 1 < l->end && l->p[1] == '\'') {
			l->p += 2;
			ansi_c(l);
		} else {
			dollar(l);
		}
		break;
	case '`':
		substitution(l, '`', '`');
		break;
	case '<':
		less(l);
		break;
	case '>':
		greater(l);
		break;
	case '#':
		while (!l->word && l->p < l->end && *l->p != '\n')
			l->p++;
		if (!l->word)
			break;
		/* fall through */
	default:
		put(l, *l->p++);
	}
}

void hf_effective_shell(struct hf_effective *e, struct hf_str text, unsigned depth)
{
	struct lexer l = { .e = e, .p = text.p, .end = text.p + text.n, .depth = depth, .cmd_at = e->used,
			   .cmd_src = text.p, .line_first = e->n, .echo = HF_EFFECTIVE_MAX };

	while (l.p < l.end && !l.full)
		step(&l);
	if (!l.full)
		end_command(&l, false);
}
