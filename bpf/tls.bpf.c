// SPDX-License-Identifier: GPL-2.0
/* OpenSSL: what goes into SSL_write and comes out of SSL_read is the connection's clear text. The SSL object
 * stands for the connection; its addresses are learnt from the socket calls that are made inside. */
#define SCRATCH_BY_THREAD
#include "functions.h"
#include "http.h"

char LICENSE[] SEC("license") = "GPL";

enum tls_cookie {
	TLS_READ = 1,
	TLS_WRITE = 2,
	TLS_EX = 4, /* the count comes back through the fourth parameter */
	TLS_HANDSHAKE = 8,
};

const struct connection new_connection = {};
const struct scratch new_scratch = {};

/* SSL objects of different processes may have one address. */
ALWAYS u64 tls_key(u64 ssl)
{
	return ssl ^ (bpf_get_current_pid_tgid() >> 32) << 48;
}

ALWAYS struct connection *tls_connection(u64 key)
{
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);

	if (connection)
		return connection;
	bpf_map_update_elem(&connections, &key, &new_connection, BPF_NOEXIST);
	connection = bpf_map_lookup_elem(&connections, &key);
	if (!connection)
		return NULL;
	connection->opened = bpf_ktime_get_ns();
	connection->tls = 1;
	/* Until a socket call inside says otherwise: memory buffers are how event loops do it. */
	connection->nonblocking = 1;
	return connection;
}

ALWAYS void tls_data(u64 key, struct connection *connection, struct thread *thread, struct target *target,
		     u64 base, u64 length, enum direction direction, u64 now)
{
	u32 tid = (u32)bpf_get_current_pid_tgid(), word, earlier;
	struct scratch *s = own_scratch();
	char start[8] = {};

	if (!s) {
		bpf_map_update_elem(&thread_scratch, &tid, &new_scratch, BPF_ANY);
		s = own_scratch();
	}
	if (!s || bpf_probe_read_user(start, 8, (void *)base))
		return;
	__builtin_memcpy(&word, start, 4);
	if (!expects_head(connection, direction, word))
		return;
	earlier = resume_head(s, connection, key, direction);
	add_buffer(s, base, length);
	head_arrived(connection, key, thread, target, s, earlier, direction, now);
}

SEC("uprobe")
int tls_entered(void *ctx)
{
	struct call call = {.entered = bpf_ktime_get_ns()};
	u64 cookie = bpf_get_attach_cookie(ctx), key;
	struct target *target = current_target();
	struct thread *thread = current_thread();
	struct connection *connection;
	struct call_key at = {};

	if (!target || !thread)
		return 0;
	read_parameters(ctx, call.args);
	key = tls_key(call.args[0]);
	connection = tls_connection(key);
	if (!connection)
		return 0;
	thread->tls = key;
	if (cookie & TLS_HANDSHAKE) { /* a new connection, maybe where an old one stood in memory */
		finish(connection, call.entered);
		connection->ends.family = 0;
	}
	at.tid = (u32)bpf_get_current_pid_tgid();
	at.probe = cookie;
	bpf_map_update_elem(&calls, &at, &call, BPF_ANY);
	if (cookie & TLS_WRITE) {
		thread->entered = call.entered;
		tls_data(key, connection, thread, target, call.args[1], call.args[2], OUTBOUND, call.entered);
	}
	return 0;
}

SEC("uretprobe")
int tls_returned(void *ctx)
{
	u64 cookie = bpf_get_attach_cookie(ctx), key, moved, now;
	struct target *target = current_target();
	struct thread *thread = current_thread();
	struct connection *connection;
	enum direction direction;
	struct call_key at = {};
	struct call *call;
	s32 result;

	if (!target || !thread)
		return 0;
	thread->tls = 0;
	at.tid = (u32)bpf_get_current_pid_tgid();
	at.probe = cookie;
	call = bpf_map_lookup_elem(&calls, &at);
	if (!call)
		return 0;
	key = tls_key(call->args[0]);
	connection = bpf_map_lookup_elem(&connections, &key);
	result = (s32)saved_register(ctx, returned_offset);
	if (!connection || (cookie & TLS_HANDSHAKE))
		return 0;
	now = bpf_ktime_get_ns();
	direction = cookie & TLS_WRITE ? OUTBOUND : INBOUND;
	if (result <= 0) {
		if (direction == INBOUND && !result && connection->phase == PHASE_RESPONSE)
			finish(connection, now);
		return 0;
	}
	moved = result;
	if ((cookie & TLS_EX) && bpf_probe_read_user(&moved, sizeof(moved), (void *)call->args[3]))
		return 0;
	if (direction == INBOUND)
		tls_data(key, connection, thread, target, call->args[1], moved, INBOUND, now);
	account(connection, direction, moved, last_chunk(call->args[1], moved), now);
	return 0;
}
