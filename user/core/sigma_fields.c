/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: categories, fields, levels, modifiers. Character arrays, not pointers: those would need relocation and so
 * count as writable data. */
#include <errno.h>
#include <stdio.h>
#include "sigma_int.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const char categories[HF_CATEGORIES][24] = {
	[HF_CAT_PROCESS_CREATION] = "process_creation",
	[HF_CAT_FILE_ACCESS] = "file_access",
	[HF_CAT_FILE_EVENT] = "file_event",
	[HF_CAT_FILE_DELETE] = "file_delete",
	[HF_CAT_FILE_RENAME] = "file_rename",
	[HF_CAT_FILE_CHANGE] = "file_change",
	[HF_CAT_NETWORK_CONNECTION] = "network_connection",
	[HF_CAT_SYSCALL] = "syscall",
};

static const char fields[HF_FIELDS][24] = {
	[HF_F_IMAGE] = "Image",
	[HF_F_COMMAND_LINE] = "CommandLine",
	[HF_F_CURRENT_DIRECTORY] = "CurrentDirectory",
	[HF_F_USER] = "User",
	[HF_F_USER_ID] = "UserId",
	[HF_F_LOGON_ID] = "LogonId",
	[HF_F_PROCESS_ID] = "ProcessId",
	[HF_F_PARENT_PROCESS_ID] = "ParentProcessId",
	[HF_F_PARENT_IMAGE] = "ParentImage",
	[HF_F_PARENT_COMMAND_LINE] = "ParentCommandLine",
	[HF_F_INTERPRETER] = "Interpreter",
	[HF_F_TARGET_FILENAME] = "TargetFilename",
	[HF_F_SOURCE_FILENAME] = "SourceFilename",
	[HF_F_DESTINATION_IP] = "DestinationIp",
	[HF_F_DESTINATION_PORT] = "DestinationPort",
	[HF_F_DESTINATION_HOSTNAME] = "DestinationHostname",
	[HF_F_PROTOCOL] = "Protocol",
	[HF_F_INITIATED] = "Initiated",
	[HF_F_DESTINATION_PATH] = "DestinationPath",
	[HF_F_SOURCE_IP] = "SourceIp",
	[HF_F_SOURCE_PORT] = "SourcePort",
	[HF_F_SYSCALL] = "Syscall",
	[HF_F_TARGET_IMAGE] = "TargetImage",
	[HF_F_TARGET_PROCESS_ID] = "TargetProcessId",
	[HF_F_SIGNAL] = "Signal",
	[HF_F_FILE_MODE] = "FileMode",
	[HF_F_OPEN_FLAGS] = "OpenFlags",
	[HF_F_ACTION] = "Action",
	[HF_F_IN_WORKSPACE] = "InWorkspace",
	[HF_F_LABELS] = "Labels",
	[HF_F_FILE_LABELS] = "FileLabels",
	[HF_F_PARENT_LABELS] = "ParentLabels",
	[HF_F_ANCESTORS] = "Ancestors",
	[HF_F_SESSION] = "Session",
	[HF_F_TRUNCATED] = "Truncated",
	[HF_F_EFFECTIVE_IMAGE] = "EffectiveImage",
	[HF_F_EFFECTIVE_COMMAND_LINE] = "EffectiveCommandLine",
	[HF_F_SESSION_AGE] = "SessionAge",
	[HF_F_ACTION_COUNT] = "ActionCount",
	[HF_F_FIRST_SEEN_DESTINATION] = "FirstSeenDestination",
	[HF_F_IS_TTY] = "IsTty",
	[HF_F_OWNER_ID] = "OwnerId",
};

/* Other names of the same. */
static const struct {
	char name[24];
	enum hf_field field;
} also[] = {
	{ "ScriptInterpreter", HF_F_INTERPRETER }, { "File", HF_F_TARGET_FILENAME },
};

static const char levels[HF_LEVELS][16] = { "informational", "low", "medium", "high", "critical" };

static const struct {
	char name[16];
	enum hf_mod mod;
} mods[] = {
	{ "contains", HF_M_CONTAINS }, { "startswith", HF_M_STARTSWITH }, { "endswith", HF_M_ENDSWITH },
	{ "all", HF_M_ALL }, { "cased", HF_M_CASED }, { "re", HF_M_RE }, { "i", HF_M_I }, { "m", HF_M_M },
	{ "s", HF_M_S }, { "cidr", HF_M_CIDR }, { "exists", HF_M_EXISTS }, { "windash", HF_M_WINDASH },
	{ "base64", HF_M_BASE64 }, { "base64offset", HF_M_BASE64OFFSET }, { "wide", HF_M_UTF16LE },
	{ "utf16le", HF_M_UTF16LE }, { "utf16be", HF_M_UTF16BE }, { "utf16", HF_M_UTF16 },
	{ "fieldref", HF_M_FIELDREF }, { "expand", HF_M_EXPAND }, { "lt", HF_M_LT }, { "lte", HF_M_LTE },
	{ "gt", HF_M_GT }, { "gte", HF_M_GTE }, { "neq", HF_M_NEQ },
	/* Sigma's for dates, which no Linux event here has; not shown among the known ones */
	{ "minute", HF_M_TIME }, { "hour", HF_M_TIME }, { "day", HF_M_TIME }, { "week", HF_M_TIME },
	{ "month", HF_M_TIME }, { "year", HF_M_TIME },
};

static size_t add(char *out, size_t cap, size_t n, const char *name)
{
	int w = snprintf(out + n, cap - n, "%s%s", n ? ", " : "", name);

	return w < 0 || (size_t)w >= cap - n ? n : n + (size_t)w;
}

const char *hf_category_name(enum hf_category c)
{
	return (unsigned)c < HF_CATEGORIES ? categories[c] : "?";
}

int hf_category_parse(const char *name, enum hf_category *ret)
{
	for (unsigned i = 0; i < HF_CATEGORIES; i++) {
		if (strcmp(categories[i], name) == 0) {
			*ret = (enum hf_category)i;
			return 0;
		}
	}
	return -EINVAL;
}

size_t hf_categories_known(char *out, size_t cap)
{
	size_t n = 0;

	for (unsigned i = 0; i < HF_CATEGORIES; i++)
		n = add(out, cap, n, categories[i]);
	return n;
}

const char *hf_field_name(enum hf_field f)
{
	return (unsigned)f < HF_FIELDS ? fields[f] : "?";
}

int hf_field_parse(const char *name, enum hf_field *ret)
{
	for (unsigned i = 0; i < HF_FIELDS; i++) {
		if (strcmp(fields[i], name) == 0) {
			*ret = (enum hf_field)i;
			return 0;
		}
	}
	for (unsigned i = 0; i < N(also); i++) {
		if (strcmp(also[i].name, name) == 0) {
			*ret = also[i].field;
			return 0;
		}
	}
	return -EINVAL;
}

const char *hf_level_name(unsigned level)
{
	return level < HF_LEVELS ? levels[level] : "?";
}

int hf_level_parse(const char *name, unsigned *ret)
{
	for (unsigned i = 0; i < HF_LEVELS; i++) {
		if (strcmp(levels[i], name) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

int hf_mod_parse(const char *name, size_t n, enum hf_mod *ret)
{
	for (unsigned i = 0; i < N(mods); i++) {
		if (strlen(mods[i].name) == n && memcmp(mods[i].name, name, n) == 0) {
			*ret = mods[i].mod;
			return 0;
		}
	}
	return -EINVAL;
}

size_t hf_mods_known(char *out, size_t cap)
{
	size_t n = 0;

	for (unsigned i = 0; i < N(mods); i++)
		if (mods[i].mod != HF_M_TIME)
			n = add(out, cap, n, mods[i].name);
	return n;
}
