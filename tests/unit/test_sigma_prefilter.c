/* SPDX-License-Identifier: Apache-2.0 */
/* The candidates must hold every rule that matches: tried with rules of each construct and with texts made of their own words. */
#include "sigma_ac.h"
#include "sigma_fixture.h"

static bool has(const uint64_t *bits, unsigned i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static void literals_are_found_where_they_may_stand(void **state)
{
	static const char lits[][8] = { "he", "she", "his", "hers", "sh", "e", "abcabd" };
	struct hf_ac *ac = hf_ac_new();
	static const struct {
		const char *text, *found;	/* a digit for each: rule = literal * 3 + place */
	} t[] = {
		{ "USHERS", "she+ he+ sh+ e+ hers+ hers$" }, { "she", "she+ she^ she$ he+ he$ sh+ sh^ e+ e$" },
		{ "abcabcabd", "abcabd+ abcabd$" }, { "abcabc", "" }, { "h", "" }, { "", "" }, { "his", "his+ his^ his$" },
		{ "eeee", "e+ e^ e$" },
	};

	for (unsigned i = 0; i < 7; i++)
		for (unsigned p = 0; p < 3; p++)
			assert_int_equal(hf_ac_add(ac, lits[i], (unsigned)strlen(lits[i]), (enum hf_ac_place)p, i * 3 + p), 0);
	assert_int_equal(hf_ac_finish(ac), 0);
	for (unsigned k = 0; k < 2 * sizeof(t) / sizeof(t[0]); k++) {	/* twice: one text leaves nothing for the next */
		unsigned at = k % (sizeof(t) / sizeof(t[0]));
		uint64_t bits = 0;

		hf_ac_run(ac, hf_str_of(t[at].text), &bits);
		for (unsigned r = 0; r < 21; r++) {
			char name[16], all[128];

			snprintf(name, sizeof(name), " %s%c ", lits[r / 3], "+^$"[r % 3]);
			snprintf(all, sizeof(all), " %s ", t[at].found);
			if (!!strstr(all, name) != has(&bits, r))
				fail_msg("%s in '%s'", name, t[at].text);
		}
	}
	hf_ac_free(&ac);
	assert_null(ac);
}

static const char *const lines[] = {
	"CommandLine: wget", "CommandLine|contains: [curl, wget]", "CommandLine|contains|all: [aaa, wget -q]", "CommandLine|startswith: wget",
	"CommandLine|endswith: ' -q'", "CommandLine: 'w*t -?'", "CommandLine|cased: Wget", "CommandLine: '*'", "CommandLine: ''",
	"CommandLine: null", "CommandLine|exists: true", "CommandLine|neq: wget", "CommandLine|re: 'wg[e]t'", "CommandLine|re: 'wget|curl'",
	"CommandLine|re: 'wget? -q'", "CommandLine|re: '(wget|curl)\\s+-q'", "CommandLine|re|i: 'WGET\\x20-q'", "CommandLine|re: 'w{0,1}get'",
	"CommandLine|re: 'aaa{2}wget'", "CommandLine|re: '(?i)wget'", "CommandLine|re: '(?x) w g e t'", "CommandLine|re: '\\Qwget\\E'",
	"CommandLine|re: '^wget [^]x]+q$'", "CommandLine|re: '\\167get'", "CommandLine|re: '(?=wget)w.*-q'", "CommandLine|re: '(?!curl)wget'",
	"CommandLine|re: 'w(?:g|h)et -q'", "CommandLine|windash|contains: ' -q'", "CommandLine|base64offset|contains: wget",
	"CommandLine|contains: a-very-long-literal-with-wget-in-its-middle-and-more", "CommandLine|fieldref: Image", "UserId|gt: 3",
	"'|contains': wget", "CommandLine|re: 'wget-*q'", "CommandLine|re: 'wget\\.q+z'", "CommandLine|re: '[[:alpha:]]get -q'",
};
static const char *const conditions[] = { "s", "not s", "s and t", "s or t", "s and not t", "not (s or t)", "1 of them", "all of them" };
static const char *const texts[] = {
	"wget", "WGET -q", "curl", "aaa wget -q", "", "Wget", "wge -q", "d2dldA==", "a-very-long-literal-with-wget-in-its-middle-and-more",
	"wget.qqz", "aaawget", "aaaawget -q", "wget \xe2\x80\x93q", "/x", "what -q", "get", "whet -q", "wget /q", "xget -q",
};

static void no_match_is_left_out(void **state)
{
	unsigned matched = 0, left_out = 0;

	for (unsigned l = 0; l < sizeof(lines) / sizeof(lines[0]); l++) {
		for (unsigned c = 0; c < sizeof(conditions) / sizeof(conditions[0]); c++) {
			char text[2048];
			struct hf_ruleset *rs;

			snprintf(text, sizeof(text), "title: T\nlogsource: {category: process_creation}\ndetection: {s: {%s}, "
				 "t: {Image|endswith: /x}, condition: %s}\n", lines[l], conditions[c]);
			rs = load(text);
			for (unsigned i = 0; i < 4 * sizeof(texts) / sizeof(texts[0]); i++) {
				struct hf_value cmd = { { hf_str_of(texts[i / 4]) }, 1 }, uid = { { HF_STR("5") }, 1 };
				struct hf_value image = { { i % 2 ? HF_STR("/bin/x") : hf_str_of(texts[i / 4]) }, 1 };
				struct hf_event e = { .categories = ~0u };
				uint64_t bits = 0;
				bool limited;

				e.f[HF_F_COMMAND_LINE] = i % 4 < 3 ? &cmd : NULL;
				e.f[HF_F_IMAGE] = &image;
				e.f[HF_F_USER_ID] = &uid;
				hf_ruleset_candidates(rs, &e, &bits);
				if (!hf_rule_match(hf_ruleset_get(rs, 0), &e, &limited))
					left_out += !has(&bits, 0);
				else if (!has(&bits, 0))
					fail_msg("%s, %s: left out for '%s'", lines[l], conditions[c], texts[i / 4]);
				else
					matched++;
			}
			hf_ruleset_free(&rs);
		}
	}
	assert_true(matched > 1000);
	assert_true(left_out > 3000);		/* and it does leave out */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_are_found_where_they_may_stand),
		cmocka_unit_test(no_match_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
