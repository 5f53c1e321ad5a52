// SPDX-License-Identifier: GPL-2.0
/* User functions: a probe at the entry and one at the return; and static probes (USDT), which have no return. */
#include "functions.h"

char LICENSE[] SEC("license") = "GPL";

/* Where an argument of a static probe is: a constant, a register, or memory that a register points to. */
struct place {
	s64 offset;   /* the constant, or what is added to the register */
	u32 register_offset; /* into pt_regs */
	u8 how;       /* 0 none, 1 constant, 2 register, 3 memory */
	u8 size;
	u8 is_signed;
	u8 is_string;
};

struct places {
	struct place args[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); /* probe */
	__type(value, struct places);
} static_probes SEC(".maps");

SEC("uprobe")
int function_entered(void *ctx)
{
	function_began(ctx, bpf_get_attach_cookie(ctx));
	return 0;
}

SEC("uretprobe")
int function_returned(void *ctx)
{
	function_ended(ctx, KIND_FUNCTION, bpf_get_attach_cookie(ctx));
	return 0;
}

ALWAYS u64 value_at(void *ctx, const struct place *place)
{
	u64 value = place->offset;
	u32 drop;

	if (place->how >= 2)
		value = saved_register(ctx, place->register_offset & 0x1ff) + (place->how == 3 ? place->offset : 0);
	if (place->how == 3 && bpf_probe_read_user(&value, sizeof(value), (void *)value))
		return 0;
	drop = (8 - place->size) * 8 & 63;
	value <<= drop;
	return place->is_signed ? (u64)((s64)value >> drop) : value >> drop;
}

SEC("uprobe")
int static_probe(void *ctx)
{
	u32 id = bpf_get_attach_cookie(ctx);
	struct places *places = bpf_map_lookup_elem(&static_probes, &id);
	struct thread *thread = current_thread();
	struct probe *probe = probe_of(id);
	struct message *message;
	u32 strings = 0;

	if (!current_target() || !places || !probe || (thread && thread->serving.relation == RELATION_MUTE) ||
	    !wanted(probe, 0, 0))
		return 0;
	message = reserve_message();
	if (!message)
		return 0;
	fill(&message->event, KIND_USDT, id, thread ? &thread->serving : NULL);
	message->event.start = bpf_ktime_get_ns();
	message->event.duration = 0;
	message->event.result = 0;
	for (u32 i = 0; i < 6; i++) {
		u64 value = places->args[i].how ? value_at(ctx, &places->args[i]) : 0;

		message->event.args[i] = value;
		if (!places->args[i].is_string || strings >= 2)
			continue;
		bpf_probe_read_user_str(message->text + (strings ? TEXT_SIZE / 2 : 0), TEXT_SIZE / 2, (void *)value);
		strings++;
	}
	message->text_length = strings > 1 ? TEXT_SIZE : strings ? TEXT_SIZE / 2 : 0;
	message->text_split = strings > 1 ? TEXT_SIZE / 2 : 0;
	add_stacks(&message->event, ctx, probe->flags);
	bpf_ringbuf_submit(message, 0);
	return 0;
}
