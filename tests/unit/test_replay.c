// SPDX-License-Identifier: Apache-2.0
#include "replay.h"
#include "traj_fixture.h"

/* A rule each: what is read, what is written, an ordered story by process, one that needs the workspace, one about ancestors. */
static const char rules[] =
	"title: Key read\nid: key\nname: key\nlevel: low\nlogsource: {product: linux, category: file_access}\n"
	"detection: {s: {TargetFilename|endswith: /id_rsa}, condition: s}\nholdfast: {label: {add: [secret-read], to: session}}\n---\n"
	"title: Connect\nid: net\nname: net\nlevel: informational\nlogsource: {product: linux, category: network_connection}\n"
	"detection: {s: {Initiated: 'true'}, condition: s}\n---\n"
	"title: Key, then connect\nid: story\nlevel: high\n"
	"correlation: {type: temporal_ordered, rules: [key, net], group-by: [Process], timespan: 1h}\n---\n"
	"title: Writes outside\nid: outside\nlevel: critical\nlogsource: {product: linux, category: file_event}\n"
	"detection: {s: {InWorkspace: 'false'}, condition: s}\n---\n"
	"title: After a secret\nid: after\nlevel: medium\nlogsource: {product: linux, category: process_creation}\n"
	"detection: {s: {Labels|contains: secret-read, Image|endswith: /curl, Ancestors|endswith: /bash}, condition: s}\n"
	"---\ntitle: Odd bytes\nid: bytes\nlevel: high\nlogsource: {product: linux, category: process_creation}\n"
	"detection: {s: {CommandLine|contains: 'caf'}, condition: s}\n";

struct book {
	struct world w;			/* the live side: judged directly */
	struct hf_chain chain;
	struct hf_jsonw jw;
	struct hf_replay *replay;
	struct hf_journal_reader *r;
	char live[4096], again[4096];	/* "rule:verdict:stories " for each finding */
	char buf[HF_LINE_MAX];
};

static void say(char *out, const struct hf_finding *f)
{
	size_t n = strlen(out);

	snprintf(out + n, 4096 - n, "%s:%d:%s:%u ", f->rule ? hf_rule_id(f->rule) : "-", f->verdict, f->why, f->nstory);
}

static int on_finding(void *ctx, const struct hf_line *l, const struct hf_finding *f)
{
	struct book *b = ctx;

	say(b->again, f);
	return 0;
}

static const struct hf_stamp at = { 1763972629123456789u, 55000000000u };

static void line(struct book *b, int built)
{
	char why[256];
	struct hf_line l;

	assert_int_equal(built, 0);
	if (hf_journal_read(b->r, (struct hf_str){ b->buf, b->jw.n - 1 }, &l, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(hf_replay_line(b->replay, b->r, &l), 0);
	hf_jsonw_init(&b->jw, b->buf, sizeof(b->buf));
}

/* Live: judge, write down, commit; again: read, judge, commit. */
static void both(struct book *b, struct hf_action a)
{
	if (a.flags & HF_ACT_CONFIRM) {
		hf_traj_commit(b->w.t, &a, NULL);
	} else {
		go(&b->w, &a);
		for (unsigned i = 0; i < b->w.j.nfindings; i++)
			say(b->live, &b->w.j.finding[i]);
	}
	line(b, hf_journal_line_action(&b->chain, &b->jw, at, &a, hf_traj_proc(b->w.t, a.tgid, a.start_ns)));
}

static struct book *book_open(void)
{
	struct book *b = calloc(1, sizeof(*b));

	world_open(&b->w, rules, NULL);
	hf_chain_init(&b->chain);
	b->r = hf_journal_reader_new();
	b->replay = hf_replay_new(b->w.rs, NULL, on_finding, b);
	hf_jsonw_init(&b->jw, b->buf, sizeof(b->buf));
	line(b, hf_journal_line_session(&b->chain, &b->jw, at, &(struct hf_journal_session){ .session = 0xabc, .workspace = HF_STR("/home/u/proj") }));
	first(&b->w, 10);
	line(b, hf_journal_line_process(&b->chain, &b->jw, at, hf_traj_proc(b->w.t, 10, 0)));
	return b;
}

static void book_close(struct book **b)
{
	hf_replay_free(&(*b)->replay);
	assert_null((*b)->replay);
	hf_journal_reader_free(&(*b)->r);
	world_close(&(*b)->w);
	free(*b);
	*b = NULL;
}

static struct hf_action fork_of(struct book *b, uint32_t pid, uint32_t child)
{
	struct hf_action a = act(&b->w, HF_FORK, pid);

	a.child_tgid = a.child_tid = child;
	a.child_start_ns = START(child);
	return a;
}

static void test_same_as_live(void **state)
{
	struct book *b = book_open();
	struct hf_action a;

	both(b, fork_of(b, 10, 11));
	both(b, exec_of(&b->w, 11, "/bin/bash", HF_STR("bash\0-c\0x\0")));
	both(b, connect_of(&b->w, 11, 7));			/* nothing read yet: net alone */
	both(b, open_of(&b->w, 11, "/home/u/.ssh/id_rsa", O_RDONLY));
	both(b, connect_of(&b->w, 10, 7));			/* another process */
	both(b, connect_of(&b->w, 11, 9));			/* the story */
	both(b, open_of(&b->w, 11, "/home/u/proj/x", O_WRONLY | O_CREAT));
	both(b, open_of(&b->w, 11, "/etc/x\xff", O_WRONLY | O_CREAT));
	both(b, fork_of(b, 11, 12));
	both(b, exec_of(&b->w, 12, "/usr/bin/curl", HF_STR("curl\0caf\xe9\0")));
	a = act(&b->w, HF_EXIT, 12);
	both(b, a);
	assert_string_equal(b->live, b->again);
	assert_non_null(strstr(b->live, "story:2:matched:1 "));
	assert_non_null(strstr(b->live, "outside:3:"));
	assert_null(strstr(strstr(b->live, "outside:") + 1, "outside:"));
	assert_non_null(strstr(b->live, "after:"));
	assert_non_null(strstr(b->live, "bytes:"));
	assert_int_equal(hf_replay_totals(b->replay)->actions, 11);
	assert_int_equal(hf_replay_totals(b->replay)->by_verdict[HF_DENY], 1);
	assert_int_equal(hf_traj_labels(hf_replay_traj(b->replay)), hf_traj_labels(b->w.t));
	book_close(&b);
}

/* A refused action leaves no label and no step behind, an outcome is not judged again. */
static void test_denied_and_confirmed(void **state)
{
	struct book *b = book_open();
	struct hf_action a = open_of(&b->w, 10, "/home/u/.ssh/id_rsa", O_RDONLY);

	a.flags = HF_ACT_ASKED | HF_ACT_DENIED;
	both(b, a);
	both(b, connect_of(&b->w, 10, 7));
	assert_null(strstr(b->again, "story:"));
	a.flags = HF_ACT_ASKED;
	both(b, a);
	a.flags = HF_ACT_CONFIRM | HF_ACT_OUTCOME;
	a.ret = 3;
	both(b, a);
	both(b, connect_of(&b->w, 10, 7));
	assert_string_equal(b->live, b->again);
	assert_non_null(strstr(b->again, "story:"));
	book_close(&b);
}

static void test_marks_gaps_and_cut(void **state)
{
	static char argv[9000];
	struct book *b = book_open();
	struct hf_action a = exec_of(&b->w, 10, "/bin/x", (struct hf_str){ argv, sizeof(argv) });

	memset(argv, 'x', sizeof(argv));
	line(b, hf_journal_line_mark(&b->chain, &b->jw, at, "raced-argument", &a, NULL));
	line(b, hf_journal_line_gap(&b->chain, &b->jw, at, "open", 41));
	hf_jsonw_init(&b->jw, b->buf, 4096);
	line(b, hf_journal_line_action(&b->chain, &b->jw, at, &a, NULL));
	assert_int_equal(hf_replay_totals(b->replay)->marks, 1);
	assert_int_equal(hf_replay_totals(b->replay)->lost, 41);
	assert_int_equal(hf_replay_totals(b->replay)->cut, 1);
	assert_int_equal(hf_traj_stats(hf_replay_traj(b->replay))->raced, 1);
	book_close(&b);
}

static int stop(void *ctx, const struct hf_line *l, const struct hf_finding *f)
{
	return -ECANCELED;
}

static void test_without_a_session_and_stopped(void **state)
{
	struct book *b = book_open();
	struct hf_replay *r = hf_replay_new(b->w.rs, NULL, stop, NULL);
	struct hf_journal_reader *jr = hf_journal_reader_new();
	struct hf_action a = exec_of(&b->w, 10, "/bin/x", HF_STR("caf\0"));
	struct hf_chain c;
	struct hf_line l;
	char why[256];

	hf_chain_init(&c);
	hf_jsonw_init(&b->jw, b->buf, sizeof(b->buf));
	assert_int_equal(hf_journal_line_action(&c, &b->jw, at, &a, NULL), 0);
	assert_int_equal(hf_journal_read(jr, (struct hf_str){ b->buf, b->jw.n - 1 }, &l, why, sizeof(why)), 0);
	assert_int_equal(hf_replay_line(r, jr, &l), -ECANCELED);
	assert_int_equal(hf_replay_totals(r)->actions, 1);
	hf_replay_free(&r);
	hf_journal_reader_free(&jr);
	book_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_live), cmocka_unit_test(test_denied_and_confirmed), cmocka_unit_test(test_marks_gaps_and_cut),
		cmocka_unit_test(test_without_a_session_and_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
