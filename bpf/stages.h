/* SPDX-License-Identifier: GPL-2.0 */
/* A system call that ends passes through the kinds that are loaded, each an object of its own, by tail calls:
 * a kind that is absent, or that this kernel refused, is an empty slot and costs nothing. */
#ifndef SPANWEAVE_STAGES_H
#define SPANWEAVE_STAGES_H

#include "maps.h"

enum stage {
	STAGE_NETWORK,
	STAGE_FILES,
	STAGE_SYSCALLS,
	STAGE_ENTER_NETWORK,
	STAGES,
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, STAGES);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} stages SEC(".maps");

/* Goes on with the exit stages after `stage`; returns when none of them is loaded. */
ALWAYS void continue_after(void *ctx, enum stage stage)
{
	if (stage < STAGE_FILES)
		bpf_tail_call(ctx, &stages, STAGE_FILES);
	if (stage < STAGE_SYSCALLS)
		bpf_tail_call(ctx, &stages, STAGE_SYSCALLS);
}

#endif
