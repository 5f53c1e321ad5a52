// SPDX-License-Identifier: GPL-2.0
/* Memory: page faults of targets, counted; out-of-memory kills, told. */
#include "maps.h"

char LICENSE[] SEC("license") = "GPL";

struct memory {
	u64 faults;
	u64 write_faults;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32); /* tgid */
	__type(value, struct memory);
} memory SEC(".maps");

const struct memory no_memory = {};

ALWAYS struct memory *memory_of(u32 tgid)
{
	struct memory *found = bpf_map_lookup_elem(&memory, &tgid);

	if (found)
		return found;
	bpf_map_update_elem(&memory, &tgid, &no_memory, BPF_NOEXIST);
	return bpf_map_lookup_elem(&memory, &tgid);
}

SEC("raw_tp/page_fault_user")
int page_faulted(struct bpf_raw_tracepoint_args *ctx)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct memory *counted;
	struct thread *thread;
	struct probe *probe;
	struct event *event;

	if (!bpf_map_lookup_elem(&targets, &tgid))
		return 0;
	counted = memory_of(tgid);
	if (counted) {
		__sync_fetch_and_add(&counted->faults, 1);
		if (ctx->args[2] & 2)
			__sync_fetch_and_add(&counted->write_faults, 1);
	}
	probe = probe_of(KIND_PROBE(KIND_PAGE_FAULT));
	thread = current_thread();
	if (!probe || !wanted(probe, 0, 0) || (thread && thread->serving.relation == RELATION_MUTE))
		return 0;
	event = reserve_event();
	if (!event)
		return 0;
	fill(event, KIND_PAGE_FAULT, KIND_PROBE(KIND_PAGE_FAULT), thread ? &thread->serving : NULL);
	event->start = bpf_ktime_get_ns();
	event->duration = 0;
	event->result = 0;
	__builtin_memset(event->args, 0, sizeof(event->args));
	event->args[0] = ctx->args[0];
	event->args[1] = ctx->args[2];
	add_stacks(event, ctx, probe->flags);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* The argument is the victim since 6.8, before that its pid: reading through a pid fails, and leaves no name. */
SEC("raw_tp/mark_victim")
int victim_marked(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct probe *probe = probe_of(KIND_PROBE(KIND_OUT_OF_MEMORY));
	struct thread *thread = current_thread();
	struct message *message;
	u32 victim = 0;

	if (bpf_core_read(&victim, sizeof(victim), &task->tgid))
		victim = ctx->args[0];
	if (!probe || !probe->flags || (!current_target() && !bpf_map_lookup_elem(&targets, &victim)))
		return 0;
	message = reserve_message();
	if (!message)
		return 0;
	fill(&message->event, KIND_OUT_OF_MEMORY, KIND_PROBE(KIND_OUT_OF_MEMORY), thread ? &thread->serving : NULL);
	message->event.start = bpf_ktime_get_ns();
	message->event.duration = 0;
	message->event.result = 0;
	__builtin_memset(message->event.args, 0, sizeof(message->event.args));
	message->event.args[0] = victim;
	bpf_core_read(message->text, 16, &task->comm);
	message->text_length = 16;
	bpf_ringbuf_submit(message, 0);
	return 0;
}
