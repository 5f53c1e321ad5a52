// SPDX-License-Identifier: GPL-2.0
/* One kernel function by fentry and fexit, which find their function by BTF when they are loaded. */
#include "functions.h"

char LICENSE[] SEC("license") = "GPL";

const volatile u32 kernel_probe_id = 0;

ALWAYS void key_of(struct call_key *key)
{
	key->tid = (u32)bpf_get_current_pid_tgid();
	key->probe = kernel_probe_id;
	key->stack = 0;
}

SEC("fentry")
int fentry_entered(void *ctx)
{
	struct call call = {.entered = bpf_ktime_get_ns()};
	struct call_key key;

	if (!current_target())
		return 0;
	key_of(&key);
	bpf_map_update_elem(&calls, &key, &call, BPF_NOEXIST); /* of a recursive function, the outermost call */
	return 0;
}

SEC("fexit")
int fexit_returned(void *ctx)
{
	struct call_key key;
	struct call *call;

	if (!current_target())
		return 0;
	key_of(&key);
	call = bpf_map_lookup_elem(&calls, &key);
	if (!call)
		return 0;
	function_event(ctx, KIND_KERNEL_FUNCTION, kernel_probe_id, call, bpf_ktime_get_ns(), 0);
	bpf_map_delete_elem(&calls, &key);
	return 0;
}
