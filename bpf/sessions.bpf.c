// SPDX-License-Identifier: GPL-2.0
/* User functions on kernels with uprobe sessions (6.13): entry and return are one program, no map is needed. */
#include "functions.h"

char LICENSE[] SEC("license") = "GPL";

extern bool bpf_session_is_return(void) __ksym;
extern u64 *bpf_session_cookie(void) __ksym;

SEC("uprobe")
int function_session(void *ctx)
{
	struct call call = {};
	u64 *entered = bpf_session_cookie();

	if (!bpf_session_is_return()) {
		*entered = current_target() ? bpf_ktime_get_ns() : 0;
		return *entered == 0; /* non-zero: no return probe for this call */
	}
	call.entered = *entered;
	function_event(ctx, KIND_FUNCTION, bpf_get_attach_cookie(ctx), &call, bpf_ktime_get_ns(),
		       saved_register(ctx, returned_offset));
	return 0;
}
