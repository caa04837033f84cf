/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "hold.h"

static struct hf_binding bind_of(const struct hf_proc *p, const struct hf_action *a)
{
	struct hf_binding b;

	hf_binding_make(NULL, p, a, &b);
	return b;
}

#define SAME(x, y) assert_memory_equal((x).h, (y).h, sizeof((x).h))
#define DIFFERS(x, y) assert_memory_not_equal((x).h, (y).h, sizeof((x).h))

static void binding_holds_exactly_what_was_judged(void **state)
{
	struct hf_proc p = { .tgid = 10, .exe_dev = 1, .exe_ino = 2, .image = HF_STR("/bin/x"), .argv = HF_STR("x\0-a\0") };
	struct hf_action a = { .kind = HF_CONNECT, .tgid = 10, .seq = 5, .time_ns = 77,
			       .addr = { .family = AF_INET, .port = 443, .proto = IPPROTO_TCP, .ip = { 1, 2, 3, 4 } } };
	struct hf_binding base = bind_of(&p, &a), b;
	struct hf_action c = a;
	struct hf_proc q = p;

	c.seq = 9, c.time_ns = 99, c.tid = 11;
	b = bind_of(&p, &c);
	SAME(base, b);
	c = a, c.addr.port = 444, b = bind_of(&p, &c);
	DIFFERS(base, b);
	c = a, c.addr.ip[3] = 5, b = bind_of(&p, &c);
	DIFFERS(base, b);
	c = a, c.addr.proto = IPPROTO_UDP, b = bind_of(&p, &c);
	DIFFERS(base, b);
	c = a, c.kind = HF_SEND, b = bind_of(&p, &c);
	DIFFERS(base, b);
	q.exe_ino = 3, b = bind_of(&q, &a);
	DIFFERS(base, b);
	q = p, q.argv = HF_STR("x\0-b\0"), b = bind_of(&q, &a);
	DIFFERS(base, b);
	b = bind_of(NULL, &a);
	DIFFERS(base, b);

}

static void binding_knows_its_rule_and_scope(void **state)
{
	static const char rules[] =
		"title: one\nid: one\nlogsource: {product: linux, category: file_access}\ndetection: {s: {Image: a}, condition: s}\n"
		"---\ntitle: two\nid: two\nlogsource: {product: linux, category: file_access}\n"
		"detection: {s: {Image: a}, condition: s}\nholdfast: {scope: process}\n";
	struct hf_ruleset *rs = hf_ruleset_new();
	struct hf_rule_error err;
	struct hf_proc p = { .tgid = 10, .start_ns = 5 }, q = { .tgid = 11, .start_ns = 5 };
	struct hf_action a = { .kind = HF_UNLINK, .path = HF_STR("/x") };
	struct hf_binding none = bind_of(&p, &a), one, two, b;

	assert_int_equal(hf_ruleset_add(rs, hf_str_of(rules), "t.yml", &err), 0);
	assert_int_equal(hf_ruleset_finish(rs, &err), 0);
	hf_binding_make(hf_ruleset_get(rs, 0), &p, &a, &one);
	hf_binding_make(hf_ruleset_get(rs, 1), &p, &a, &two);
	DIFFERS(one, two);
	DIFFERS(one, none);
	hf_binding_make(hf_ruleset_get(rs, 0), &q, &a, &b);
	SAME(one, b);			/* another process of the session that runs the same */
	hf_binding_make(hf_ruleset_get(rs, 1), &q, &a, &b);
	DIFFERS(two, b);		/* scope: process */
	hf_ruleset_free(&rs);
}

static void binding_parts_do_not_run_together(void **state)
{
	struct hf_action a = { .kind = HF_RENAME, .path = HF_STR("/ab"), .path2 = HF_STR("/c") };
	struct hf_action b = { .kind = HF_RENAME, .path = HF_STR("/a"), .path2 = HF_STR("b/c") };
	struct hf_binding x = bind_of(NULL, &a), y = bind_of(NULL, &b);

	DIFFERS(x, y);
	a = (struct hf_action){ .kind = HF_EXEC, .path = HF_STR("/bin/rm"), .argv = HF_STR("rm\0-r\0x\0") };
	b = a;
	b.argv = HF_STR("rm\0-r x\0");
	x = bind_of(NULL, &a), y = bind_of(NULL, &b);
	DIFFERS(x, y);
}

static void binding_of_an_open_knows_its_use(void **state)
{
	struct hf_action a = { .kind = HF_OPEN, .path = HF_STR("/f"), .open_flags = O_RDONLY };
	struct hf_action b = a;
	struct hf_binding x = bind_of(NULL, &a), y;

	b.open_flags = O_RDONLY | O_CLOEXEC;
	y = bind_of(NULL, &b);
	SAME(x, y);
	b.open_flags = O_WRONLY;
	y = bind_of(NULL, &b);
	DIFFERS(x, y);
	b = a;
	b.flags |= HF_ACT_TRUNC_PATH;
	y = bind_of(NULL, &b);
	DIFFERS(x, y);
}

static struct hf_hold *add(struct hf_holds *h, uint64_t now, uint64_t timeout, uint8_t mark)
{
	struct hf_hold *s = hf_holds_add(h, now, timeout);

	if (s) {
		s->binding.h[0] = mark;
		s->tid = mark;
		s->start_ns = 1000;
	}
	return s;
}

static void holds_live_and_are_decided(void **state)
{
	struct hf_holds *h = hf_holds_new();
	struct hf_hold *a = add(h, 100, 50, 1), *b = add(h, 110, 10, 2);

	assert_int_equal(a->id, 1);
	assert_int_equal(b->id, 2);
	assert_int_equal(hf_holds_waiting(h), 2);
	assert_ptr_equal(hf_holds_at(h, 0), a);
	assert_ptr_equal(hf_holds_at(h, 1), b);
	assert_null(hf_holds_at(h, 2));
	assert_int_equal(hf_holds_next_deadline(h), 120);
	assert_null(hf_holds_first_expired(h, 119));
	assert_ptr_equal(hf_holds_first_expired(h, 120), b);
	assert_ptr_equal(hf_holds_first_expired(h, 150), a);
	assert_ptr_equal(hf_holds_again(h, 1, 1000, &a->binding), a);
	assert_null(hf_holds_again(h, 2, 1000, &a->binding));
	assert_null(hf_holds_again(h, 1, 1001, &a->binding));

	assert_int_equal(hf_holds_decide(h, 3, HF_DEC_ALLOW, HF_SCOPE_ONCE), -ENOENT);
	assert_int_equal(hf_holds_decide(h, 0, HF_DEC_ALLOW, HF_SCOPE_ONCE), -ENOENT);
	assert_int_equal(hf_holds_decide(h, 1, HF_DEC_NONE, HF_SCOPE_ONCE), -EINVAL);
	assert_int_equal(hf_holds_decide(h, 1, HF_DEC_ALLOW, HF_SCOPE_ONCE), 0);
	assert_int_equal(hf_holds_decide(h, 1, HF_DEC_DENY, HF_SCOPE_SESSION), -EALREADY);
	assert_int_equal(a->decision, HF_DEC_ALLOW);
	assert_int_equal(hf_holds_known(h, &a->binding), HF_DEC_NONE);	/* once is not remembered */
	assert_int_equal(hf_holds_decide(h, 2, HF_DEC_DENY, HF_SCOPE_SESSION), 0);
	assert_int_equal(hf_holds_known(h, &b->binding), HF_DEC_DENY);
	assert_int_equal(hf_holds_waiting(h), 0);
	assert_int_equal(hf_holds_next_deadline(h), UINT64_MAX);
	assert_ptr_equal(hf_holds_again(h, 1, 1000, &a->binding), a);	/* still there for the restarted call */
	hf_holds_done(h, a);
	assert_null(hf_holds_find(h, 1));
	assert_int_equal(add(h, 1, UINT64_MAX, 3)->deadline_ns, UINT64_MAX);
	hf_holds_free(&h);
	assert_null(h);
}

static void table_is_bounded_and_ids_are_not_reused(void **state)
{
	struct hf_holds *h = hf_holds_new();

	for (unsigned i = 0; i < HF_HOLDS_MAX; i++)
		assert_non_null(add(h, i, 10, (uint8_t)i));
	assert_null(add(h, 0, 10, 0));
	hf_holds_done(h, hf_holds_find(h, 5));
	assert_int_equal(add(h, 0, 10, 0)->id, HF_HOLDS_MAX + 1);
	assert_int_equal(hf_holds_at(h, HF_HOLDS_MAX - 1)->id, HF_HOLDS_MAX + 1);
	hf_holds_free(&h);
}

static void oldest_decisions_go_first(void **state)
{
	struct hf_holds *h = hf_holds_new();
	struct hf_binding b = { { 0 } };

	for (unsigned i = 0; i < HF_DECISIONS_MAX + 2; i++) {
		struct hf_hold *s = hf_holds_add(h, 0, 10);

		s->binding.h[1] = (uint8_t)i, s->binding.h[2] = (uint8_t)(i >> 8);
		assert_int_equal(hf_holds_decide(h, s->id, HF_DEC_ALLOW, HF_SCOPE_SESSION), 0);
		hf_holds_done(h, s);
	}
	assert_int_equal(hf_holds_forgotten(h), 2);
	assert_int_equal(hf_holds_known(h, &b), HF_DEC_NONE);
	b.h[1] = 2;
	assert_int_equal(hf_holds_known(h, &b), HF_DEC_ALLOW);
	/* A second word on the same thing replaces the first. */
	struct hf_hold *s = hf_holds_add(h, 0, 10);

	s->binding = b;
	hf_holds_decide(h, s->id, HF_DEC_DENY, HF_SCOPE_SESSION);
	assert_int_equal(hf_holds_known(h, &b), HF_DEC_DENY);
	assert_int_equal(hf_holds_forgotten(h), 2);
	hf_holds_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binding_holds_exactly_what_was_judged),
		cmocka_unit_test(binding_knows_its_rule_and_scope),
		cmocka_unit_test(binding_parts_do_not_run_together),
		cmocka_unit_test(binding_of_an_open_knows_its_use),
		cmocka_unit_test(holds_live_and_are_decided),
		cmocka_unit_test(table_is_bounded_and_ids_are_not_reused),
		cmocka_unit_test(oldest_decisions_go_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
