// SPDX-License-Identifier: Apache-2.0
/*
 * The doctor: is BPF LSM there? That the programs load says little (some hosts refuse, and without "bpf" in the LSM
 * list they load and are never called), so one that counts is attached to a hook that hardly anything but we call.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "doctor_int.h"

#define INSN(c, d, s, o, i) ((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

/* count[0]++; return 0; on task_getsid */
static int load_counter(int map_fd)
{
	const struct bpf_insn prog[] = {
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map_fd),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_LSM_MAC);
	int id = libbpf_find_vmlinux_btf_id("task_getsid", BPF_LSM_MAC), fd;

	if (id < 0)
		return id;
	o.attach_btf_id = (uint32_t)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_LSM, "hf_doctor", "GPL", prog, sizeof(prog) / sizeof(prog[0]), &o);
	return fd < 0 ? -errno : fd;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

void hf_doctor_lsm(struct hf_check *c)
{
	libbpf_print_fn_t old = libbpf_set_print(quiet);
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "hf_doctor", 4, 8, 1, NULL), prog, link = -1, r;
	uint64_t count = 0;
	uint32_t zero = 0;

	r = prog = map < 0 ? -errno : load_counter(map);
	if (r >= 0) {
		link = bpf_raw_tracepoint_open(NULL, prog);
		r = link < 0 ? -errno : 0;
	}
	if (r == 0) {
		(void)getsid(getppid());
		(void)getsid(0);
		r = bpf_map_lookup_elem(map, &zero, &count) < 0 ? -errno : 0;
	}
	if (r < 0)
		hf_check_set(&c[HF_CHECK_LSM], false, "not here (%s): base path", strerror(-r));
	else if (count == 0)
		hf_check_set(&c[HF_CHECK_LSM], false, "not here (programs load but are not called): base path");
	else
		hf_check_set(&c[HF_CHECK_LSM], true, "a program was called");
	if (link >= 0)
		close(link);
	if (prog >= 0)
		close(prog);
	if (map >= 0)
		close(map);
	libbpf_set_print(old);
}
