// SPDX-License-Identifier: GPL-2.0
/* System calls: the last stage of a call that ends. */
#include "stages.h"
#include "histogram.h"

char LICENSE[] SEC("license") = "GPL";

ALWAYS void fill_call(struct event *event, const struct thread *thread, u64 duration, s64 result)
{
	fill(event, KIND_SYSCALL, thread->number, &thread->event);
	event->start = thread->entered;
	event->duration = duration;
	event->result = result;
	__builtin_memcpy(event->args, thread->args, sizeof(event->args));
}

/* The argument with this 1-based index; 0 when there is none. */
ALWAYS u64 argument(const struct thread *thread, u8 index)
{
	u32 at = index - 1;

	return at < 6 ? thread->args[at] : 0;
}

ALWAYS void read_strings(struct message *message, const struct thread *thread, const struct probe *probe)
{
	u64 first = argument(thread, probe->string_a), second = argument(thread, probe->string_b);
	long length;

	if (probe->flags & PROBE_SOCKADDR) {
		if (!bpf_probe_read_user(message->text, 28, (void *)first)) {
			message->text_length = 28;
			message->event.flags |= EVENT_SOCKADDR;
		}
		return;
	}
	length = bpf_probe_read_user_str(message->text, TEXT_SIZE / 2, (void *)first);
	if (length > 0 && length <= TEXT_SIZE / 2)
		message->text_length = length;
	if (length == TEXT_SIZE / 2)
		message->event.flags |= EVENT_TEXT_TRUNCATED;
	if (!second)
		return;
	message->text_split = TEXT_SIZE / 2;
	length = bpf_probe_read_user_str(message->text + TEXT_SIZE / 2, TEXT_SIZE / 2, (void *)second);
	if (length > 0 && length <= TEXT_SIZE / 2)
		message->text_length = TEXT_SIZE / 2 + length;
}

SEC("raw_tp/sys_exit")
int syscall_stage(struct bpf_raw_tracepoint_args *ctx)
{
	struct thread *thread = current_thread();
	s64 result = ctx->args[1];
	struct message *message;
	struct probe *probe;
	struct event *event;
	u64 duration;

	if (!thread || thread->event.relation == RELATION_MUTE)
		return 0;
	probe = probe_of(thread->number);
	if (!probe || !probe->flags)
		return 0;
	duration = bpf_ktime_get_ns() - thread->entered;
	if (probe->flags & PROBE_HISTOGRAM)
		record_duration(thread->number, duration);
	if (!wanted(probe, duration, result))
		return 0;
	if (probe->string_a) {
		message = reserve_message();
		if (!message)
			return 0;
		fill_call(&message->event, thread, duration, result);
		read_strings(message, thread, probe);
		add_stacks(&message->event, ctx, probe->flags);
		bpf_ringbuf_submit(message, 0);
	} else {
		event = reserve_event();
		if (!event)
			return 0;
		fill_call(event, thread, duration, result);
		add_stacks(event, ctx, probe->flags);
		bpf_ringbuf_submit(event, 0);
	}
	return 0;
}
