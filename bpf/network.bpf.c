// SPDX-License-Identifier: GPL-2.0
/* Connections of targets and what goes over them: HTTP/1.1 on both sides, PostgreSQL, Redis and DNS requests. */
#include "stages.h"
#include "http.h"
#include "requests.h"
#include "sockets.h"

char LICENSE[] SEC("license") = "GPL";

/* The first bytes that a call moves, and where its last buffer ends. */
struct payload {
	u64 base;
	u64 length;
	u64 iov;
	u64 buffers;
};

ALWAYS bool find_payload(struct payload *payload, const struct thread *thread, u8 action)
{
	struct user_msghdr_abi header;
	struct user_iovec first;

	payload->iov = payload->buffers = 0;
	switch (action) {
	case ACTION_READ:
	case ACTION_WRITE:
		payload->base = thread->args[1];
		payload->length = thread->args[2];
		return true;
	case ACTION_READV:
	case ACTION_WRITEV:
		payload->iov = thread->args[1];
		payload->buffers = thread->args[2];
		break;
	case ACTION_RECVMSG:
	case ACTION_SENDMSG:
	case ACTION_SENDMMSG: /* the first of its messages */
		if (bpf_probe_read_user(&header, sizeof(header), (void *)thread->args[1]))
			return false;
		payload->iov = header.iov;
		payload->buffers = header.iov_count;
		break;
	default:
		return false;
	}
	if (!payload->buffers || bpf_probe_read_user(&first, sizeof(first), (void *)payload->iov))
		return false;
	payload->base = first.base;
	payload->length = first.length;
	return true;
}

/* Adds up to `moved` bytes of the call's buffers to the head. */
ALWAYS void gather(struct scratch *s, const struct payload *payload, u64 moved)
{
	struct user_iovec buffer;

	if (!payload->iov) {
		add_buffer(s, payload->base, moved < payload->length ? moved : payload->length);
		return;
	}
	for (u32 i = 0; i < HEAD_BUFFERS; i++) {
		if (i >= payload->buffers || !moved)
			return;
		if (bpf_probe_read_user(&buffer, sizeof(buffer), (void *)(payload->iov + i * sizeof(buffer))))
			return;
		if (buffer.length > moved)
			buffer.length = moved;
		if (!add_buffer(s, buffer.base, buffer.length))
			return;
		moved -= buffer.length;
	}
}

ALWAYS bool chunks_end(const struct payload *payload, u64 moved)
{
	struct user_iovec last;

	if (!payload->iov)
		return last_chunk(payload->base, moved);
	if (bpf_probe_read_user(&last, sizeof(last),
				(void *)(payload->iov + (payload->buffers - 1) * sizeof(last))))
		return false;
	return last_chunk(last.base, last.length);
}

ALWAYS void adopt_tls(struct thread *thread, const struct connection *connection)
{
	struct connection *secured;

	secured = bpf_map_lookup_elem(&connections, &thread->tls);
	if (!secured || secured->ends.family)
		return;
	secured->ends = connection->ends;
	secured->nonblocking = connection->nonblocking;
}

ALWAYS void moved_data(struct connection *connection, u64 key, struct thread *thread, struct target *target,
		       const struct payload *payload, u64 bytes, enum direction direction, u64 now)
{
	struct scratch *s = own_scratch();
	char start[8] = {};
	u32 word, earlier;

	if (!s || bpf_probe_read_user(start, 8, (void *)payload->base))
		return;
	__builtin_memcpy(&word, start, 4);
	if (bytes >= 4 || connection->partial == direction) {
		if (expects_head(connection, direction, word)) {
			earlier = resume_head(s, connection, key, direction);
			gather(s, payload, bytes);
			head_arrived(connection, key, thread, target, s, earlier, direction, now);
			return;
		}
	}
	if (direction == OUTBOUND)
		request_sent(connection, thread, payload->base, payload->length, word);
	else
		answer_received(connection, payload->base, bytes, now);
}

ALWAYS bool flagged(const struct probe *probe, const struct thread *thread, u32 flag)
{
	u32 at = probe->flags_argument - 1;

	return at < 6 && (thread->args[at] & flag);
}

ALWAYS void traffic(struct connection *connection, struct thread *thread, u16 kind, s64 bytes, u64 now)
{
	struct probe *probe = probe_of(KIND_PROBE(kind));
	struct message *message;

	if (!probe || thread->event.relation == RELATION_MUTE || !wanted(probe, now - thread->entered, bytes))
		return;
	message = reserve_message();
	if (!message)
		return;
	fill(&message->event, kind, KIND_PROBE(kind), &thread->event);
	message->event.start = thread->entered;
	message->event.duration = now - thread->entered;
	message->event.result = bytes;
	message->event.args[0] = thread->args[0];
	message->ends = connection->ends;
	bpf_ringbuf_submit(message, 0);
}

/* Heads that leave are read before the call: the other side may answer before it returns. */
SEC("raw_tp/sys_enter")
int network_entered(struct bpf_raw_tracepoint_args *ctx)
{
	struct target *target = current_target();
	struct thread *thread = current_thread();
	struct connection *connection;
	struct payload payload;
	struct probe *probe;
	struct sock *sk;
	struct file *file;

	if (!target || !thread)
		return 0;
	probe = probe_of(thread->number);
	if (!probe || probe->action < ACTION_WRITE || probe->action > ACTION_SENDMMSG)
		return 0;
	file = file_of(thread->args[0]);
	sk = sock_of(file);
	if (!sk || !find_payload(&payload, thread, probe->action))
		return 0;
	connection = connection_of(sk);
	if (!connection)
		return 0;
	if (connection->ends.remote_port == 0 && probe->action == ACTION_WRITE)
		datagram_address(connection, thread->args[4]);
	moved_data(connection, (u64)sk, thread, target, &payload, payload.iov ? HEAD_SIZE : payload.length, OUTBOUND,
		   thread->entered);
	return 0;
}

SEC("raw_tp/sys_exit")
int network_stage(struct bpf_raw_tracepoint_args *ctx)
{
	struct target *target = current_target();
	struct thread *thread = current_thread();
	struct connection *connection;
	struct payload payload;
	struct probe *probe;
	struct file *file;
	struct sock *sk;
	s64 result = ctx->args[1];
	u64 now;
	u32 fd;
	bool inbound, end = false;

	if (!target || !thread)
		return 0;
	probe = probe_of(thread->number);
	if (!probe)
		return 0;
	now = bpf_ktime_get_ns();
	if (probe->action == ACTION_ACCEPT) {
		if (result < 0)
			goto done;
		sk = sock_of(file_of(result));
		if (!sk)
			goto done;
		connection = connection_of(sk);
		if (connection) {
			connection->ends.role = ROLE_SERVER;
			traffic(connection, thread, KIND_ACCEPT, result, now);
		}
		/* A thread that takes a new connection does not only serve the request that it read. */
		if (thread->serving.relation == RELATION_PARENT)
			thread->serving.relation = RELATION_LINK;
		goto done;
	}
	if (probe->action == ACTION_NONE || probe->action > ACTION_SENDFILE || result < 0)
		goto done;
	fd = thread->args[0];
	file = file_of(fd);
	sk = sock_of(file);
	if (!sk || flagged(probe, thread, MSG_PEEK))
		goto done;
	connection = connection_of(sk);
	if (!connection)
		goto done;
	inbound = probe->action <= ACTION_RECVMSG;
	if (inbound) {
		connection->nonblocking = (BPF_CORE_READ(file, f_flags) & O_NONBLOCK) ||
					  flagged(probe, thread, MSG_DONTWAIT);
		if (thread->tls)
			adopt_tls(thread, connection);
		if (!result) { /* the other side is done */
			if (connection->phase == PHASE_RESPONSE || connection->kind != KIND_HTTP_SERVER)
				finish(connection, now);
			goto done;
		}
		if (!find_payload(&payload, thread, probe->action))
			goto done;
		moved_data(connection, (u64)sk, thread, target, &payload, result, INBOUND, now);
	}
	prove_event(thread, connection);
	if (connection->phase == PHASE_RESPONSE && connection->body == BODY_CHUNKED &&
	    (inbound || find_payload(&payload, thread, probe->action)))
		end = chunks_end(&payload, result);
	account(connection, inbound ? INBOUND : OUTBOUND, result, end, now);
	traffic(connection, thread, inbound ? KIND_RECEIVE : KIND_SEND, result, now);
done:
	continue_after(ctx, STAGE_NETWORK);
	return 0;
}

ALWAYS void connection_message(struct connection *connection, struct sock *sk, u16 kind, s64 result, u64 now)
{
	struct probe *probe = probe_of(KIND_PROBE(kind));
	struct tcp_sock *tcp = (void *)sk;
	struct message *message;

	if (!probe || connection->opener.relation == RELATION_MUTE ||
	    !wanted(probe, now - connection->opened, result))
		return;
	message = reserve_message();
	if (!message)
		return;
	fill(&message->event, kind, KIND_PROBE(kind), &connection->opener);
	message->event.tgid = connection->tgid;
	message->event.tid = connection->tid;
	message->event.cgroup = connection->cgroup;
	message->event.start = connection->opened;
	message->event.duration = now - connection->opened;
	message->event.result = result;
	message->event.args[0] = connection->sent;
	message->event.args[1] = connection->received;
	message->event.args[2] = BPF_CORE_READ(tcp, segs_out);
	message->event.args[3] = BPF_CORE_READ(tcp, segs_in);
	message->event.args[4] = BPF_CORE_READ(tcp, total_retrans);
	message->event.args[5] = BPF_CORE_READ(tcp, srtt_us) >> 3;
	message->ends = connection->ends;
	bpf_ringbuf_submit(message, 0);
}

/* States change in softirq too: whose connection it is was kept when the process itself was there. */
SEC("raw_tp/inet_sock_set_state")
int connection_changed(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	int before = (int)ctx->args[1], after = (int)ctx->args[2];
	u64 key = (u64)sk, now;
	struct connection *connection;
	struct thread *thread;

	if (after == TCP_SYN_SENT) { /* in connect(2), in the process */
		if (!current_target())
			return 0;
		bpf_map_delete_elem(&connections, &key);
		connection = connection_of(sk);
		if (!connection)
			return 0;
		connection->ends.role = ROLE_CLIENT;
		thread = current_thread();
		if (thread)
			connection->opener = thread->serving;
		return 0;
	}
	connection = bpf_map_lookup_elem(&connections, &key);
	if (!connection)
		return 0;
	now = bpf_ktime_get_ns();
	if (before == TCP_SYN_SENT) {
		read_ends(&connection->ends, sk);
		connection_message(connection, sk, KIND_CONNECT,
				   after == TCP_ESTABLISHED ? 0 : -BPF_CORE_READ(sk, sk_err), now);
	}
	if (after == TCP_FIN_WAIT1 || after == TCP_LAST_ACK || after == TCP_CLOSE)
		finish(connection, now);
	if (after == TCP_CLOSE) {
		if (before != TCP_SYN_SENT)
			connection_message(connection, sk, KIND_CONNECTION, 0, now);
		bpf_map_delete_elem(&connections, &key);
	}
	return 0;
}
