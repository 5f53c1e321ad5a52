// SPDX-License-Identifier: GPL-2.0
/* Packets of targets' connections that the kernel threw away, counted by the kernel's reason. */
#include "connection.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, u32); /* enum skb_drop_reason */
	__type(value, u64);
} drops SEC(".maps");

SEC("raw_tp/kfree_skb")
int packet_dropped(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *buffer = (void *)ctx->args[0];
	u64 key = (u64)BPF_CORE_READ(buffer, sk), one = 1, *counted;
	u32 reason = (u32)ctx->args[2];

	if (!key || !bpf_map_lookup_elem(&connections, &key))
		return 0;
	counted = bpf_map_lookup_elem(&drops, &reason);
	if (counted)
		__sync_fetch_and_add(counted, 1);
	else
		bpf_map_update_elem(&drops, &reason, &one, BPF_NOEXIST);
	return 0;
}
