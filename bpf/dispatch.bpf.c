// SPDX-License-Identifier: GPL-2.0
/* Every system call of a target enters and leaves here: the arguments are kept at entry, the kinds that want
 * the call run at exit. A process that is no target pays for one hash look-up on each side. */
#include "stages.h"

char LICENSE[] SEC("license") = "GPL";

/* Where the six arguments stand in this machine's struct pt_regs: `first` bytes from its start, then eight
 * words in which word[i] is argument i. Set by the loader, so that one object serves all architectures. */
const volatile u32 registers_first = 56;
const volatile u32 register_word[6] = {7, 6, 5, 0, 2, 1};

const struct thread new_thread = {};

SEC("raw_tp/sys_enter")
int syscall_entered(struct bpf_raw_tracepoint_args *ctx)
{
	struct target *target = current_target();
	struct thread *thread;
	struct probe *probe;
	u64 words[8];
	u32 number = (u32)ctx->args[1], tid = (u32)bpf_get_current_pid_tgid();

	if (!target)
		return 0;
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (!thread) {
		bpf_map_update_elem(&threads, &tid, &new_thread, BPF_NOEXIST);
		thread = bpf_map_lookup_elem(&threads, &tid);
		if (!thread) {
			count(COUNTER_LOST_THREADS);
			return 0;
		}
	}
	thread->entered = 0;
	if (number >= SYSCALL_PROBES)
		return 0;
	probe = probe_of(number);
	if (!probe || (!probe->flags && !probe->action))
		return 0;
	if (bpf_probe_read_kernel(words, sizeof(words), (void *)(ctx->args[0] + registers_first)))
		return 0;
#pragma unroll
	for (int i = 0; i < 6; i++)
		thread->args[i] = words[register_word[i] & 7];
	thread->number = number;
	if (probe->action == ACTION_LOOP || probe->action == ACTION_SELECT ||
	    (probe->action == ACTION_POLL && thread->args[1] > 1))
		target->flags |= TARGET_MULTIPLEXED;
	thread->entered = bpf_ktime_get_ns();
	if (probe->action >= ACTION_READ && probe->action <= ACTION_SENDFILE)
		bpf_tail_call(ctx, &stages, STAGE_ENTER_NETWORK);
	return 0;
}

SEC("raw_tp/sys_exit")
int syscall_left(struct bpf_raw_tracepoint_args *ctx)
{
	struct thread *thread;
	struct probe *probe;

	if (!current_target())
		return 0;
	thread = current_thread();
	if (!thread || !thread->entered)
		return 0;
	probe = probe_of(thread->number);
	if (!probe)
		return 0;
	thread->event = thread->serving;
	if (probe->action >= ACTION_READ && probe->action <= ACTION_CLOSE)
		bpf_tail_call(ctx, &stages, STAGE_NETWORK);
	if (probe->action && probe->action <= ACTION_PATH)
		bpf_tail_call(ctx, &stages, STAGE_FILES);
	bpf_tail_call(ctx, &stages, STAGE_SYSCALLS);
	return 0;
}
