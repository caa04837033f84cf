// SPDX-License-Identifier: Apache-2.0
/*
 * Golden replays: golden DIR judges DIR/journal.jsonl by DIR/rules.yml (or by the shipped rules named in DIR/shipped, a line each)
 * with the code of `holdfast replay` and compares the findings with DIR/expected.jsonl; the journal must verify as well.
 * Titles, guidance and tags are left out of the comparison: rewording a rule changes no finding.
 * golden --print DIR prints what expected.jsonl should hold. golden --seal makes a journal of standard input's lines: each the object of one line
 * without n, t and prev (the end line without sum).
 */
#include <stdlib.h>
#include <cjson/cJSON.h>
#include "engine/journal_open.h"
#include "engine/replay_run.h"

#define T0_NS 1763972629000000000u	/* an arbitrary start */

static int seal_line(struct hf_chain *c, cJSON *body, char *buf)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "type"));
	char kind[32], *rest;
	struct hf_jsonw w;
	uint64_t b = (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(body, "b"));
	size_t n;

	if (!type)
		return -1;
	snprintf(kind, sizeof(kind), "%s", type);
	cJSON_DeleteItemFromObjectCaseSensitive(body, "type");
	cJSON_DeleteItemFromObjectCaseSensitive(body, "b");
	hf_jsonw_init(&w, buf, HF_LINE_MAX);
	if (strcmp(kind, "end") == 0) {
		if (hf_journal_line_end(c, &w, (struct hf_stamp){ T0_NS + b, b }, &(struct hf_journal_end){ 0 }) < 0)
			return -1;
	} else {
		hf_chain_begin(c, &w, kind, T0_NS + b, b);
		rest = cJSON_PrintUnformatted(body);
		n = rest ? strlen(rest) : 0;
		if (n > 2) {	/* its members, without the braces */
			w.p[w.n++] = ',';
			memcpy(w.p + w.n, rest + 1, n - 2);
			w.n += n - 2;
		}
		free(rest);
		if (hf_chain_end(c, &w) < 0)
			return -1;
	}
	return fwrite(w.p, 1, w.n, stdout) == w.n ? 0 : -1;
}

static int seal(void)
{
	char *line = NULL, *buf = malloc(HF_LINE_MAX);
	size_t cap = 0;
	struct hf_chain c;
	int rc = buf ? 0 : -1;

	hf_chain_init(&c);
	while (rc == 0 && getline(&line, &cap, stdin) > 0) {
		cJSON *body;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		body = strlen(line) < HF_LINE_MAX / 2 ? cJSON_Parse(line) : NULL;
		rc = body ? seal_line(&c, body, buf) : -1;
		if (rc)
			fprintf(stderr, "golden: cannot seal: %s", line);
		cJSON_Delete(body);
	}
	free(line);
	free(buf);
	return rc ? 2 : 0;
}

static char *slurp(const char *dir, const char *name)
{
	char path[4096];
	size_t cap = 1u << 20, n;
	char *text = malloc(cap);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f || !text) {
		if (f)
			fclose(f);
		free(text);
		return NULL;
	}
	n = fread(text, 1, cap - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}

static int right(void *ctx, struct hf_journal_reader *r, struct hf_str line, int rc, const struct hf_line *l, const char *why)
{
	if (rc)
		fprintf(stderr, "golden: %s\n", why);
	return rc ? 1 : 0;
}

/* Of each finding (a JSON line) what makes it this one. NULL: not JSON. */
static char *essence(char *text)
{
	static const char *const drop[] = { "b", "title", "level", "tags", "guidance" };
	char *out = NULL, *save = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	bool fine = f != NULL;

	for (char *line = strtok_r(text, "\n", &save); fine && line; line = strtok_r(NULL, "\n", &save)) {
		cJSON *j = cJSON_Parse(line), *story = cJSON_GetObjectItemCaseSensitive(j, "story"), *e;
		char *flat;

		for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]); i++)
			cJSON_DeleteItemFromObjectCaseSensitive(j, drop[i]);
		cJSON_ArrayForEach(e, story)
			cJSON_DeleteItemFromObjectCaseSensitive(e, "b");
		flat = cJSON_PrintUnformatted(j);
		fine = j && flat;
		if (flat)
			fprintf(f, "%s\n", flat);
		free(flat);
		cJSON_Delete(j);
	}
	if (f)
		fclose(f);
	if (fine)
		return out;
	free(out);
	return NULL;
}

/* The findings of DIR as one text, to be freed; NULL: said why. */
static char *findings(const char *dir)
{
	char journal[4096], own[4096], *shipped = slurp(dir, "shipped"), *text = NULL, paths[16][4096], why[512];
	const char *rules[16], *journals[1] = { journal };
	struct hf_jopen_result res = { 0 };
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct hf_replay_run o = { .journals = journals, .njournals = 1, .rules = rules, .json = true, .out = out, .err = stderr };
	int rc;

	snprintf(journal, sizeof(journal), "%s/journal.jsonl", dir);
	snprintf(own, sizeof(own), "%s/rules.yml", dir);
	for (char *save = NULL, *p = shipped ? strtok_r(shipped, "\n", &save) : NULL; p && o.nrules < 16; p = strtok_r(NULL, "\n", &save)) {
		snprintf(paths[o.nrules], sizeof(paths[0]), "%s/rules/%s", HF_SOURCE_DIR, p);
		rules[o.nrules] = paths[o.nrules];
		o.nrules++;
	}
	if (!shipped)
		rules[o.nrules++] = own;
	free(shipped);
	if (!out)
		return NULL;
	rc = hf_jopen_each(journal, right, NULL, &res, why, sizeof(why));
	if (rc < 0)
		fprintf(stderr, "golden: %s\n", why);
	if (rc == 0 && (res.cut || !res.ended)) {
		fprintf(stderr, "golden: %s has no end\n", journal);
		rc = 1;
	}
	if (rc == 0)
		rc = hf_replay_run(&o);
	fclose(out);
	if (rc == 0) {
		char *rest = essence(text);

		free(text);
		return rest;
	}
	free(text);
	return NULL;
}

int main(int argc, char **argv)
{
	char *got, *want;
	int rc;

	if (argc == 2 && strcmp(argv[1], "--seal") == 0)
		return seal();
	if (argc == 3 && strcmp(argv[1], "--print") == 0) {
		got = findings(argv[2]);
		if (got)
			fputs(got, stdout);
		rc = got ? 0 : 1;
		free(got);
		return rc;
	}
	if (argc != 2) {
		fputs("Usage: golden DIR | golden --print DIR | golden --seal <BODIES >JOURNAL\n", stderr);
		return 2;
	}
	got = findings(argv[1]);
	want = slurp(argv[1], "expected.jsonl");
	rc = !got || !want || strcmp(got, want) != 0;
	if (rc)
		printf("findings differ.\nexpected:\n%sgot:\n%s", want ? want : "(no expected.jsonl)\n", got ? got : "(nothing)\n");
	free(got);
	free(want);
	return rc;
}
