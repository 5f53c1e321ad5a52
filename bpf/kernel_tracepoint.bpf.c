// SPDX-License-Identifier: GPL-2.0
/* A typed tracepoint: an instant, where the kernel offers no probe of its functions. */
#include "functions.h"

char LICENSE[] SEC("license") = "GPL";

const volatile u32 kernel_probe_id = 0;

SEC("tp_btf")
int tracepoint_fired(u64 *ctx)
{
	struct call call = {.entered = bpf_ktime_get_ns()};

	if (!current_target())
		return 0;
	function_event(ctx, KIND_KERNEL_FUNCTION, kernel_probe_id, &call, call.entered, 0);
	return 0;
}
