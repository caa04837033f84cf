/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does an event cost the judge, by the number of rules? Made-up rules in the mix of kinds that SigmaHQ's Linux rules
 * have (programs with options, files, addresses, regular expressions, exclusions), many with programs in common; events as
 * an agent at work makes them, a few of which match. One core. `hf-bench-rules --json`: one JSON object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "traj.h"

#define RUN_NS 400000000ull
static const char *const tool[] = { "bash", "sh", "python3", "perl", "curl", "wget", "nc", "tar", "git", "gcc", "make", "cat", "cp", "rm",
				    "chmod", "chown", "ssh", "scp", "find", "grep", "sed", "awk", "systemctl", "crontab", "mount", "docker",
				    "kubectl", "openssl", "base64", "dd", "iptables", "useradd", "sudo", "node", "npm", "pip" };
#define NTOOLS (sizeof(tool) / sizeof(tool[0]))
static const char *const option[] = { "--output", "-rf /", " -c ", "http://", "/dev/tcp/", ".onion", "chmod +x", "--no-check", "| sh", "eval(" };

static void write_rule(FILE *f, unsigned i)
{
	fprintf(f, "title: rule %u\nid: rule-%u\nlevel: high\nlogsource: {product: linux, category: %s}\ndetection:\n", i, i,
		i % 20 < 13 ? "process_creation" : i % 20 < 17 ? "file_event" : i % 20 < 18 ? "file_access" : "network_connection");
	if (i % 20 < 9)
		fprintf(f, "  s:\n    Image|endswith: ['/%s', '/%s']\n    CommandLine|contains|all: ['%s', 'x%x-', '%s']\n  condition: s\n",
			tool[i % NTOOLS], tool[i / 3 % NTOOLS], option[i % 10], i * 2654435761u, option[i / 7 % 10]);
	else if (i % 20 < 11)
		fprintf(f, "  s:\n    Image|endswith: /%s\n    CommandLine|re: '%s\\s+.*q%x(a|b)+'\n  condition: s\n", tool[i % NTOOLS],
			tool[i / 5 % NTOOLS], i * 2654435761u);
	else if (i % 20 < 13)
		fprintf(f, "  s:\n    CommandLine|contains: ['w%x ', ' v%x', 'u%x=']\n  f:\n    ParentImage|endswith: /%s\n"
			"  condition: s and not f\n", i * 40503u, i * 40503u, i * 40503u, tool[i % NTOOLS]);
	else if (i % 20 < 15)
		fprintf(f, "  s:\n    TargetFilename|startswith: ['/etc/app%u/', '/var/lib/app%u/']\n  condition: s\n", i, i);
	else if (i % 20 < 18)
		fprintf(f, "  s:\n    TargetFilename|endswith: ['.ext%u', '/.conf%u']\n  t:\n    TargetFilename|contains: /%s/\n"
			"  condition: s or (t and s)\n", i, i, tool[i % NTOOLS]);
	else
		fprintf(f, "  s:\n    Image|endswith: /%s\n    DestinationIp: 198.51.%u.%u\n    DestinationPort: %u\n  condition: s\n",
			tool[i % NTOOLS], i / 256 % 256, i % 256, i % 65536);
	fputs("---\n", f);
}

static struct hf_ruleset *make_rules(unsigned n)
{
	struct hf_ruleset *rs = hf_ruleset_new();
	struct hf_rule_error err;

	for (unsigned i = 0; i < n;) {
		char *text = NULL, name[32];
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);

		for (unsigned k = 0; k < 100 && i < n; k++, i++)
			write_rule(f, i);
		fclose(f);
		snprintf(name, sizeof(name), "made-up-%u", i);
		if (hf_ruleset_add(rs, (struct hf_str){ text, len }, name, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			exit(1);
		}
		free(text);
	}
	if (hf_ruleset_finish(rs, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return rs;
}

#define S(x) { x, sizeof(x) - 1 }
static const struct hf_action events[] = {
	{ .kind = HF_EXEC, .path = S("/usr/bin/git"), .argv = S("git\0-C\0/home/u/project\0diff\0--stat\0HEAD~1\0") },
	{ .kind = HF_EXEC, .path = S("/usr/bin/bash"), .argv = S("bash\0-c\0cd src && grep -rn 'parse_header' . | head -40 && make -j4 test 2>&1 | tail -5\0") },
	{ .kind = HF_EXEC, .path = S("/usr/bin/python3.11"), .argv = S("python3\0-m\0pytest\0-q\0tests/test_parse.py\0-k\0header\0") },
	{ .kind = HF_EXEC, .path = S("/usr/bin/curl"), .argv = S("curl\0-fsSL\0--output\0/tmp/a.tgz\0http://example.org/releases/v1.2/a.tgz\0") },
	{ .kind = HF_EXEC, .path = S("/usr/lib/gcc/x86_64-linux-gnu/12/cc1"),
	  .argv = S("cc1\0-quiet\0-I\0include\0-imultiarch\0x86_64-linux-gnu\0src/parse.c\0-O2\0-Wall\0-o\0/tmp/ccX.s\0") },
	{ .kind = HF_OPEN, .path = S("/home/u/project/src/parse.c") },
	{ .kind = HF_OPEN, .path = S("/etc/app14/settings.toml"), .open_flags = 1 },
	{ .kind = HF_OPEN, .path = S("/usr/lib/python3/dist-packages/requests/__init__.py") },
	{ .kind = HF_OPEN, .path = S("/home/u/project/build/CMakeFiles/parse.dir/parse.c.o.d"), .open_flags = 1 },
	{ .kind = HF_UNLINK, .path = S("/tmp/ccX.s") },
	{ .kind = HF_CONNECT, .addr = { .family = AF_INET, .port = 443, .proto = 6, .ip = { 203, 0, 113, 9 } } },
};
#define NEVENTS (sizeof(events) / sizeof(events[0]))

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* CPU time of an event in ns; the best of three, for other work on the machine only adds. */
static double measure(unsigned n, unsigned *ret_findings)
{
	struct hf_ruleset *rs = make_rules(n);
	struct hf_traj *t = hf_traj_new(1, rs, HF_STR("/home/u/project"), NULL);
	struct hf_judgement *j = malloc(sizeof(*j));
	double best = 0;

	hf_traj_recover(t, 10, 1000000007, 1, 1000, HF_STR("/usr/bin/agent"), HF_STR("agent\0"), HF_STR("/home/u/project"));
	for (unsigned try = 0; try < 3; try++) {
		uint64_t from = now_ns(), spent;
		unsigned done = 0;

		*ret_findings = 0;
		do {
			for (unsigned i = 0; i < NEVENTS; i++) {
				struct hf_action a = events[i];

				a.tgid = a.tid = 10;
				a.uid = 1000;
				a.nr = UINT32_MAX;
				a.start_ns = 1000000007;
				hf_judge(t, &a, j);
				if (done < NEVENTS)
					*ret_findings += j->nfindings;
				done++;
			}
			spent = now_ns() - from;
		} while (spent < RUN_NS);
		if (try == 0 || (double)spent / done < best)
			best = (double)spent / done;
	}
	free(j);
	hf_traj_free(&t);
	hf_ruleset_free(&rs);
	return best;
}

int main(int argc, char **argv)
{
	static const unsigned count[] = { 15, 150, 1500, 5000 };
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	double at150 = 0, ratio = 0;

	if (json)
		printf("{\"bench\":\"rules\",\"runs\":[");
	else
		printf("%8s %12s %12s %9s\n", "RULES", "NS/EVENT", "EVENTS/S", "FINDINGS");
	for (unsigned i = 0; i < 4; i++) {
		unsigned findings = 0;
		double ns = measure(count[i], &findings);

		at150 = count[i] == 150 ? ns : at150;
		ratio = at150 > 0 ? ns / at150 : 0;
		if (json)
			printf("%s{\"rules\":%u,\"ns_per_event\":%.0f,\"events_per_s\":%.0f}", i ? "," : "", count[i], ns, 1e9 / ns);
		else
			printf("%8u %12.0f %12.0f %9u\n", count[i], ns, 1e9 / ns, findings);
	}
	if (json)
		printf("],\"cost_5000_over_150\":%.2f}\n", ratio);
	else
		printf("5000 rules cost %.2f times what 150 cost (aim: at most 3)\n", ratio);
	return 0;
}
