/* SPDX-License-Identifier: GPL-2.0 */
/* The maps that all objects share: the loader makes each once and gives the same one to every object. */
#ifndef SPANWEAVE_MAPS_H
#define SPANWEAVE_MAPS_H

#include "event.h"

/* Whose request a thread is serving. */
struct context {
	u64 trace[2];
	u64 span;
	u64 connection; /* key in `connections` */
	u32 relation;
	u32 pad;
};

struct thread {
	u64 entered; /* ns, 0: not inside a system call that we saw begin */
	u64 args[6];
	u32 number;
	u32 pad;
	u64 tls; /* the SSL object of the OpenSSL call that the thread is in */
	struct context serving; /* what the thread serves now */
	struct context event;   /* what the call that is ending belongs to */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32); /* tgid */
	__type(value, struct target);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32); /* tid */
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROBES);
	__type(key, u32);
	__type(value, struct probe);
} probes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} messages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32); /* probe */
	__type(value, struct histogram);
} histograms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 2048);
	__uint(key_size, sizeof(u32));
	__uint(value_size, 64 * sizeof(u64));
} stacks SEC(".maps");

ALWAYS void count(u32 which)
{
	u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		*value += 1;
}

ALWAYS struct target *current_target(void)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;

	return bpf_map_lookup_elem(&targets, &tgid);
}

ALWAYS struct thread *current_thread(void)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&threads, &tid);
}

ALWAYS struct probe *probe_of(u32 id)
{
	return bpf_map_lookup_elem(&probes, &id);
}

ALWAYS u64 random_id(void)
{
	u64 id = (u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();

	return id ? id : 1;
}

/* Whether a probe's event is wanted at all; the caller has checked the thread's relation. */
ALWAYS bool wanted(const struct probe *probe, u64 duration, s64 result)
{
	if (!(probe->flags & PROBE_EMIT) || duration < probe->min_duration)
		return false;
	return !(probe->flags & PROBE_FAILED_ONLY) || (result < 0 && result >= -4095);
}

ALWAYS void fill(struct event *event, u16 kind, u32 probe, const struct context *context)
{
	u64 id = bpf_get_current_pid_tgid();

	event->tgid = id >> 32;
	event->tid = (u32)id;
	event->cgroup = bpf_get_current_cgroup_id();
	event->kind = kind;
	event->probe = probe;
	event->flags = 0;
	event->span = 0;
	event->user_stack = -1;
	event->kernel_stack = -1;
	if (context) {
		event->trace[0] = context->trace[0];
		event->trace[1] = context->trace[1];
		event->parent = context->span;
		event->relation = context->relation;
	} else {
		event->trace[0] = event->trace[1] = event->parent = 0;
		event->relation = RELATION_NONE;
	}
}

ALWAYS void add_stacks(struct event *event, void *ctx, u32 flags)
{
	if (flags & PROBE_USER_STACK)
		event->user_stack = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	if (flags & PROBE_KERNEL_STACK)
		event->kernel_stack = bpf_get_stackid(ctx, &stacks, 0);
}

ALWAYS struct event *reserve_event(void)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		count(COUNTER_DROPPED_EVENTS);
	return event;
}

ALWAYS struct message *reserve_message(void)
{
	struct message *message = bpf_ringbuf_reserve(&messages, sizeof(*message), 0);

	if (!message) {
		count(COUNTER_DROPPED_MESSAGES);
		return NULL;
	}
	__builtin_memset(&message->ends, 0, sizeof(message->ends));
	message->text_length = message->text_split = 0;
	message->text[0] = 0;
	return message;
}

#endif
