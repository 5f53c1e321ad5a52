/* SPDX-License-Identifier: GPL-2.0 */
/* Connections, and the exchange (request and response) that each of them carries. */
#ifndef SPANWEAVE_CONNECTION_H
#define SPANWEAVE_CONNECTION_H

#include "maps.h"

#define LINE_SIZE 256

enum phase {
	PHASE_IDLE = 0,
	PHASE_REQUEST,  /* the request's head is known, the response has not begun */
	PHASE_RESPONSE, /* the response's head is known */
	PHASE_OPAQUE,   /* an upgraded connection: no more heads */
};

enum direction {
	INBOUND = 1,
	OUTBOUND = 2,
};

enum body {
	BODY_UNTIL_CLOSE = 0,
	BODY_LENGTH,
	BODY_CHUNKED,
};

struct connection {
	struct endpoints ends;
	u64 opened;
	u64 sent;
	u64 received;
	u64 cgroup;
	struct context opener;
	/* The exchange. */
	u64 started;
	u64 trace[2];
	u64 parent;
	u64 span;
	u64 carried_parent; /* the span id in the request's traceparent, 0: none came */
	struct context link; /* an ambiguous candidate */
	u64 request_bytes;
	u64 response_bytes;
	u64 response_total;
	u32 tgid;
	u32 tid;
	u16 status;
	u16 line_length;
	u16 kind;    /* KIND_HTTP_SERVER, KIND_HTTP_CLIENT, KIND_SQL, KIND_REDIS, KIND_DNS */
	u8 phase;
	u8 partial;  /* the direction whose head has only begun to arrive */
	u8 body;
	u8 sampled;
	u8 silent;   /* instrumented process: no span of our own */
	u8 nonblocking;
	u8 tls;
	u8 pad[3];
	char line[LINE_SIZE] __attribute__((aligned(8)));
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); /* struct sock *, or the SSL object of OpenSSL */
	__type(value, struct connection);
} connections SEC(".maps");

/* Requests in flight between two traced processes of this host, by the connection as its server sees it. */
struct wire_key {
	u8 local[16];
	u8 remote[16];
	u16 local_port;
	u16 remote_port;
	u32 pad;
};

struct wire {
	u64 trace[2];
	u64 span;
	u32 sampled;
	u32 requests; /* above one they were pipelined: the connection proves nothing */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct wire_key);
	__type(value, struct wire);
} wire SEC(".maps");

/* Open server requests by the traceparent that they carried: what a proxy passes on proves its parent. */
struct carried_key {
	u64 trace[2];
	u64 parent;
	u64 tgid;
};

struct carried {
	u64 span;
	u64 requests;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct carried_key);
	__type(value, struct carried);
} carried SEC(".maps");

const volatile u64 sample_threshold = 0; /* of 2^56: traces that begin here with a smaller random part are not sampled */

ALWAYS void ipv4(u8 *address, u32 value)
{
	__builtin_memset(address, 0, 16);
	address[10] = address[11] = 0xff;
	__builtin_memcpy(address + 12, &value, 4);
}

ALWAYS void clear_serving(u32 tid, u64 span)
{
	struct thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (thread && thread->serving.span == span) {
		thread->serving.relation = RELATION_NONE;
		thread->serving.span = 0;
	}
}

ALWAYS void exchange_message(struct connection *connection, u64 now)
{
	struct message *message;
	struct probe *probe = probe_of(KIND_PROBE(connection->kind));

	if (!connection->sampled || connection->silent || !probe ||
	    !wanted(probe, now - connection->started, connection->status >= 500 ? -connection->status : 0))
		return;
	message = reserve_message();
	if (!message)
		return;
	fill(&message->event, connection->kind, KIND_PROBE(connection->kind), NULL);
	message->event.tgid = connection->tgid;
	message->event.tid = connection->tid;
	message->event.cgroup = connection->cgroup;
	message->event.start = connection->started;
	message->event.duration = now - connection->started;
	message->event.trace[0] = connection->trace[0];
	message->event.trace[1] = connection->trace[1];
	message->event.parent = connection->parent;
	message->event.span = connection->span;
	message->event.relation = RELATION_PARENT;
	message->event.result = connection->status;
	message->event.args[0] = connection->request_bytes;
	message->event.args[1] = connection->response_bytes;
	message->event.args[2] = connection->phase;
	message->event.flags = connection->tls ? EVENT_TLS : 0;
	if (connection->link.relation == RELATION_LINK) {
		message->event.flags |= EVENT_LINKED;
		message->event.args[3] = connection->link.trace[0];
		message->event.args[4] = connection->link.trace[1];
		message->event.args[5] = connection->link.span;
	}
	message->ends = connection->ends;
	message->text_length = connection->line_length;
	__builtin_memcpy(message->text, connection->line, LINE_SIZE);
	bpf_ringbuf_submit(message, 0);
}

/* Ends the exchange and the service of the thread that read it. */
static __attribute__((noinline, unused)) void finish(struct connection *connection, u64 now)
{
	struct carried_key key = {};

	if (connection->phase != PHASE_REQUEST && connection->phase != PHASE_RESPONSE)
		return;
	exchange_message(connection, now);
	if (connection->kind == KIND_HTTP_SERVER) {
		clear_serving(connection->tid, connection->silent ? connection->carried_parent : connection->span);
		if (connection->carried_parent) {
			key.trace[0] = connection->trace[0];
			key.trace[1] = connection->trace[1];
			key.parent = connection->carried_parent;
			key.tgid = connection->tgid;
			bpf_map_delete_elem(&carried, &key);
		}
	}
	connection->phase = PHASE_IDLE;
	connection->partial = 0;
}

/* What the connection itself proves: its own traffic belongs to the exchange that it carries. */
ALWAYS void prove_event(struct thread *thread, const struct connection *connection)
{
	if (connection->phase != PHASE_REQUEST && connection->phase != PHASE_RESPONSE)
		return;
	thread->event.trace[0] = connection->trace[0];
	thread->event.trace[1] = connection->trace[1];
	thread->event.span = connection->silent ? connection->carried_parent : connection->span;
	thread->event.relation = connection->sampled ? RELATION_PARENT : RELATION_MUTE;
}

#endif
