// SPDX-License-Identifier: GPL-2.0
/* One kernel function by kprobe and kretprobe. */
#include "functions.h"

char LICENSE[] SEC("license") = "GPL";

const volatile u32 kernel_probe_id = 0;

SEC("kprobe")
int kernel_entered(void *ctx)
{
	function_began(ctx, kernel_probe_id);
	return 0;
}

SEC("kretprobe")
int kernel_returned(void *ctx)
{
	function_ended(ctx, KIND_KERNEL_FUNCTION, kernel_probe_id);
	return 0;
}
