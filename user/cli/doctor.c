// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "guard/doctor.h"
#include "jsonw.h"

static const char usage[] =
    "Usage: holdfast doctor [--json]\n"
    "Tries each mechanism with a child and looks at its effect, then says what `holdfast run` gives on this host.\n"
    "\n"
    "  --json   one object a line: \"type\" is check, guarantee or result\n"
    "\n"
    "Exit status: 0 every guarantee is there, 1 something is missing, 2 bad usage.\n"
    "\n"
    "Example: sudo holdfast doctor\n";

static void line(struct hf_jsonw *w, const char *buf)
{
	printf("%.*s\n", (int)w->n, buf);
}

static void json_missing(struct hf_jsonw *w, uint32_t missing)
{
	hf_jsonw_arr(w, "missing");
	for (unsigned i = 0; i < HF_CHECKS; i++)
		if (missing >> i & 1)
			hf_jsonw_strz(w, NULL, hf_check_info(i)->id);
	hf_jsonw_end_arr(w);
}

static void print_json(const struct hf_check *c, uint32_t missing, bool ok)
{
	struct utsname u = {0};
	struct hf_guarantee g;
	struct hf_jsonw w;
	char buf[4096];

	for (unsigned i = 0; i < HF_CHECKS; i++) {
		const struct hf_check_info *k = hf_check_info(i);

		hf_jsonw_init(&w, buf, sizeof(buf));
		hf_jsonw_obj(&w, NULL);
		hf_jsonw_strz(&w, "type", "check");
		hf_jsonw_strz(&w, "id", k->id);
		hf_jsonw_bool(&w, "ok", c[i].ok);
		hf_jsonw_bool(&w, "needed", k->base);
		hf_jsonw_strz(&w, "title", k->title);
		hf_jsonw_strz(&w, "detail", c[i].detail);
		if (!c[i].ok) {
			hf_jsonw_bool(&w, "tried", c[i].tried);
			hf_jsonw_strz(&w, "means", k->means);
			hf_jsonw_strz(&w, "cure", k->cure);
		}
		hf_jsonw_end_obj(&w);
		line(&w, buf);
	}
	for (unsigned i = 0; hf_doctor_guarantee(c, i, &g); i++) {
		hf_jsonw_init(&w, buf, sizeof(buf));
		hf_jsonw_obj(&w, NULL);
		hf_jsonw_strz(&w, "type", "guarantee");
		hf_jsonw_strz(&w, "id", g.id);
		hf_jsonw_bool(&w, "ok", g.ok);
		hf_jsonw_strz(&w, "action", g.action);
		hf_jsonw_strz(&w, "gives", g.gives);
		json_missing(&w, g.missing);
		hf_jsonw_end_obj(&w);
		line(&w, buf);
	}
	(void)uname(&u);
	hf_jsonw_init(&w, buf, sizeof(buf));
	hf_jsonw_obj(&w, NULL);
	hf_jsonw_strz(&w, "type", "result");
	hf_jsonw_bool(&w, "ok", ok);
	hf_jsonw_strz(&w, "kernel", u.release);
	json_missing(&w, missing);
	hf_jsonw_end_obj(&w);
	line(&w, buf);
}

static void print_text(const struct hf_check *c, bool ok)
{
	struct hf_guarantee g;

	for (unsigned i = 0; i < HF_CHECKS; i++) {
		const struct hf_check_info *k = hf_check_info(i);

		printf("%-8s %-50s %s\n", c[i].ok ? "ok" : k->base ? "MISSING" : "absent", k->title, c[i].detail);
		if (!c[i].ok)
			printf("         means: %s\n", k->means);
		if (c[i].tried && !c[i].ok)
			printf("         cure:  %s\n", k->cure);
	}
	printf("\nWhat `holdfast run` gives here:\n");
	for (unsigned i = 0; hf_doctor_guarantee(c, i, &g); i++) {
		printf("%-8s %-60s %s", g.ok ? "ok" : "WEAKER", g.action, g.gives);
		for (unsigned k = 0, n = 0; k < HF_CHECKS; k++)
			if (g.missing >> k & 1)
				printf("%s%s", n++ ? ", " : " [missing: ", hf_check_info(k)->id);
		printf("%s\n", g.ok ? "" : "]");
	}
	if (!c[HF_CHECK_CAPS].ok)
		printf("\nHoldfast lacks capabilities, %s. Try: sudo holdfast doctor\n", c[HF_CHECK_CAPS].detail);
	else
		printf("\n%s\n", ok ? "Every guarantee of a wrapped session holds on this host."
				    : "Some guarantees are weaker or missing on this host: see above.");
}

int hf_cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct hf_check c[HF_CHECKS];
	uint32_t missing = 0;
	bool json = false;
	int o;

	optind = 1;
	while ((o = hf_cli_getopt(argc, argv, options)) != -1) {
		if (o == '?')
			return 2;
		if (o == 'h') {
			fputs(usage, stdout);
			return hf_cli_end("doctor", 0);
		}
		json = true;
	}
	if (optind != argc)
		return hf_cli_usage("doctor", "takes no argument");
	fflush(stdout); /* the children must not write it again */
	hf_doctor_run(c);
	for (unsigned i = 0; i < HF_CHECKS; i++)
		if (!c[i].ok && hf_check_info(i)->base)
			missing |= 1u << i;
	if (json)
		print_json(c, missing, missing == 0);
	else
		print_text(c, missing == 0);
	return hf_cli_end("doctor", missing ? 1 : 0);
}
