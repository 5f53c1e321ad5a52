// SPDX-License-Identifier: GPL-2.0
/* malloc and free of the C library, one call in so many: what was released is told with its size, its life and
 * where it was allocated; what is still held stands in the map. */
#include "functions.h"

char LICENSE[] SEC("license") = "GPL";

const volatile u32 allocation_sampling = 100; /* one call in this many, by chance */

struct allocation_key {
	u64 address;
	u64 tgid;
};

struct allocation {
	u64 at;
	u64 size;
	s32 stack;
	u32 tid;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct allocation_key);
	__type(value, struct allocation);
} allocations SEC(".maps");

ALWAYS void call_of(struct call_key *key)
{
	key->tid = (u32)bpf_get_current_pid_tgid();
	key->probe = KIND_PROBE(KIND_ALLOCATION);
	key->stack = 0;
}

SEC("uprobe")
int allocation_entered(void *ctx)
{
	struct call call = {};
	struct call_key key;

	if (!current_target() || bpf_get_prandom_u32() % allocation_sampling)
		return 0;
	call_of(&key);
	call.entered = bpf_ktime_get_ns();
	call.args[0] = saved_register(ctx, parameter_offset[0]);
	bpf_map_update_elem(&calls, &key, &call, BPF_ANY);
	return 0;
}

SEC("uretprobe")
int allocation_returned(void *ctx)
{
	struct allocation made = {};
	struct allocation_key where = {};
	struct call_key key;
	struct call *call;

	if (!current_target())
		return 0;
	call_of(&key);
	call = bpf_map_lookup_elem(&calls, &key);
	if (!call)
		return 0;
	made.at = call->entered;
	made.size = call->args[0];
	made.tid = key.tid;
	made.stack = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	where.address = saved_register(ctx, returned_offset);
	where.tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_map_delete_elem(&calls, &key);
	if (where.address)
		bpf_map_update_elem(&allocations, &where, &made, BPF_ANY);
	return 0;
}

SEC("uprobe")
int release_entered(void *ctx)
{
	struct probe *probe = probe_of(KIND_PROBE(KIND_ALLOCATION));
	struct thread *thread = current_thread();
	struct allocation_key where = {};
	struct allocation *made;
	struct event *event;

	if (!current_target())
		return 0;
	where.address = saved_register(ctx, parameter_offset[0]);
	where.tgid = bpf_get_current_pid_tgid() >> 32;
	made = bpf_map_lookup_elem(&allocations, &where);
	if (!made)
		return 0;
	if (!probe || !wanted(probe, bpf_ktime_get_ns() - made->at, 0) ||
	    (thread && thread->serving.relation == RELATION_MUTE))
		goto forget;
	event = reserve_event();
	if (!event)
		goto forget;
	fill(event, KIND_ALLOCATION, KIND_PROBE(KIND_ALLOCATION), thread ? &thread->serving : NULL);
	event->start = made->at;
	event->duration = bpf_ktime_get_ns() - made->at;
	event->result = where.address;
	__builtin_memset(event->args, 0, sizeof(event->args));
	event->args[0] = made->size;
	event->user_stack = made->stack;
	bpf_ringbuf_submit(event, 0);
forget:
	bpf_map_delete_elem(&allocations, &where);
	return 0;
}
