/* SPDX-License-Identifier: GPL-2.0 */
/* What a probed function tells, whatever mechanism stopped it. */
#ifndef SPANWEAVE_FUNCTIONS_H
#define SPANWEAVE_FUNCTIONS_H

#include "histogram.h"

/* Offsets into this machine's struct pt_regs, set by the loader. */
const volatile u32 parameter_offset[6] = {112, 104, 96, 88, 72, 64};
const volatile u32 returned_offset = 80;
const volatile u32 stack_pointer_offset = 152;
const volatile u32 return_pops = 8; /* bytes by which a return moves the stack pointer */

ALWAYS u64 saved_register(void *ctx, u32 offset)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (char *)ctx + offset);
	return value;
}

/* A call that is running; the stack pointer tells recursive calls apart. */
struct call_key {
	u32 tid;
	u32 probe;
	u64 stack;
};

struct call {
	u64 entered;
	u64 args[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct call_key);
	__type(value, struct call);
} calls SEC(".maps");

ALWAYS void read_parameters(void *ctx, u64 *args)
{
#pragma unroll
	for (int i = 0; i < 6; i++)
		args[i] = saved_register(ctx, parameter_offset[i]);
}

ALWAYS void function_event(void *ctx, u16 kind, u32 id, const struct call *call, u64 now, s64 result)
{
	struct thread *thread = current_thread();
	struct probe *probe = probe_of(id);
	u64 duration = now - call->entered;
	struct event *event;

	if (!probe || (thread && thread->serving.relation == RELATION_MUTE))
		return;
	if (probe->flags & PROBE_HISTOGRAM)
		record_duration(id, duration);
	if (!wanted(probe, duration, 0))
		return;
	event = reserve_event();
	if (!event)
		return;
	fill(event, kind, id, thread ? &thread->serving : NULL);
	event->start = call->entered;
	event->duration = duration;
	event->result = result;
	__builtin_memcpy(event->args, call->args, sizeof(event->args));
	add_stacks(event, ctx, probe->flags);
	bpf_ringbuf_submit(event, 0);
}

ALWAYS void function_began(void *ctx, u32 id)
{
	struct call call = {.entered = bpf_ktime_get_ns()};
	struct call_key key = {};

	if (!current_target())
		return;
	key.tid = (u32)bpf_get_current_pid_tgid();
	key.probe = id;
	key.stack = saved_register(ctx, stack_pointer_offset);
	read_parameters(ctx, call.args);
	bpf_map_update_elem(&calls, &key, &call, BPF_ANY);
}

ALWAYS void function_ended(void *ctx, u16 kind, u32 id)
{
	struct call_key key = {};
	struct call *call;

	if (!current_target())
		return;
	key.tid = (u32)bpf_get_current_pid_tgid();
	key.probe = id;
	key.stack = saved_register(ctx, stack_pointer_offset) - return_pops;
	call = bpf_map_lookup_elem(&calls, &key);
	if (!call)
		return;
	function_event(ctx, kind, id, call, bpf_ktime_get_ns(), saved_register(ctx, returned_offset));
	bpf_map_delete_elem(&calls, &key);
}

#endif
