/* SPDX-License-Identifier: GPL-2.0 */
/* HTTP/1.1 exchanges on a connection, from either end, and the trace that each belongs to. */
#ifndef SPANWEAVE_HTTP_H
#define SPANWEAVE_HTTP_H

#include "head.h"

#define HTTP_VERSION TEXT4('H', 'T', 'T', 'P')

ALWAYS bool is_method(u32 word)
{
	return word == TEXT4('G', 'E', 'T', ' ') || word == TEXT4('P', 'O', 'S', 'T') ||
	       word == TEXT4('P', 'U', 'T', ' ') || word == TEXT4('H', 'E', 'A', 'D') ||
	       word == TEXT4('D', 'E', 'L', 'E') || word == TEXT4('P', 'A', 'T', 'C') ||
	       word == TEXT4('O', 'P', 'T', 'I');
}

/* Whether data that begins with `word` and goes in this direction is (the rest of) a head. */
ALWAYS bool expects_head(const struct connection *connection, enum direction direction, u32 word)
{
	bool requests = connection->kind == KIND_HTTP_SERVER ? direction == INBOUND : direction == OUTBOUND;

	if (connection->phase == PHASE_OPAQUE)
		return false;
	if (connection->partial == direction)
		return true;
	if (connection->phase == PHASE_REQUEST)
		return !requests && word == HTTP_VERSION &&
		       (connection->kind == KIND_HTTP_SERVER || connection->kind == KIND_HTTP_CLIENT);
	if (connection->phase == PHASE_RESPONSE)
		return requests && is_method(word);
	return is_method(word);
}

/* Goes on where the head's earlier part ended; returns how long that part was. */
ALWAYS u32 resume_head(struct scratch *s, const struct connection *connection, u64 key, enum direction direction)
{
	struct head *earlier;

	s->head.length = 0;
	if (connection->partial != direction)
		return 0;
	earlier = bpf_map_lookup_elem(&heads, &key);
	if (!earlier)
		return 0;
	bpf_probe_read_kernel(s->head.data, HEAD_SIZE, earlier->data);
	s->head.length = earlier->length <= HEAD_SIZE ? earlier->length : HEAD_SIZE;
	return s->head.length;
}

ALWAYS void wire_key_of(struct wire_key *key, const struct endpoints *ends, bool as_server)
{
	__builtin_memset(key, 0, sizeof(*key));
	if (as_server) {
		__builtin_memcpy(key->local, ends->local, 16);
		__builtin_memcpy(key->remote, ends->remote, 16);
		key->local_port = ends->local_port;
		key->remote_port = ends->remote_port;
	} else {
		__builtin_memcpy(key->local, ends->remote, 16);
		__builtin_memcpy(key->remote, ends->local, 16);
		key->local_port = ends->remote_port;
		key->remote_port = ends->local_port;
	}
}

ALWAYS void start_trace(struct connection *connection)
{
	connection->trace[0] = random_id();
	connection->trace[1] = random_id();
	connection->parent = 0;
	/* The consistent-probability threshold looks at the last 7 bytes of the id. */
	connection->sampled = (__builtin_bswap64(connection->trace[1]) & 0xffffffffffffffULL) >= sample_threshold;
}

static __attribute__((noinline)) void server_trace(struct connection *connection, struct scratch *s, struct target *target)
{
	struct carried_key key = {};
	struct carried new = {}, *same;
	struct wire_key on_wire;
	struct wire *sent = NULL;

	connection->carried_parent = 0;
	parse_traceparent();
	if (connection->ends.family) {
		wire_key_of(&on_wire, &connection->ends, true);
		sent = bpf_map_lookup_elem(&wire, &on_wire);
	}
	if (sent && sent->requests == 1) {
		connection->trace[0] = sent->trace[0];
		connection->trace[1] = sent->trace[1];
		connection->parent = sent->span;
		connection->sampled = sent->sampled;
	} else if (s->valid) {
		connection->trace[0] = s->trace[0];
		connection->trace[1] = s->trace[1];
		connection->parent = s->parent;
		connection->sampled = s->sampled;
	} else {
		start_trace(connection);
	}
	if (sent)
		bpf_map_delete_elem(&wire, &on_wire);
	connection->silent = (target->flags & TARGET_INSTRUMENTED) && s->valid;
	if (!s->valid)
		return;
	connection->carried_parent = s->parent;
	key.trace[0] = s->trace[0];
	key.trace[1] = s->trace[1];
	key.parent = s->parent;
	key.tgid = connection->tgid;
	same = bpf_map_lookup_elem(&carried, &key);
	if (same) {
		same->requests++;
	} else {
		new.span = connection->silent ? s->parent : connection->span;
		new.requests = 1;
		bpf_map_update_elem(&carried, &key, &new, BPF_ANY);
	}
}

/* A thread serves what it read; when that proves nothing the request stays a candidate, for a link. */
ALWAYS void serve(struct connection *connection, u64 key, struct thread *thread, const struct target *target)
{
	u64 span = connection->silent ? connection->carried_parent : connection->span;
	bool multiplexed = connection->nonblocking && (target->flags & TARGET_MULTIPLEXED);
	struct connection *other = NULL;

	if (thread->serving.relation != RELATION_NONE && thread->serving.connection != key)
		other = bpf_map_lookup_elem(&connections, &thread->serving.connection);
	if (other && other->tid == connection->tid && other->phase != PHASE_IDLE && other->phase != PHASE_OPAQUE)
		multiplexed = true; /* two requests are open on this thread */
	thread->serving.trace[0] = connection->trace[0];
	thread->serving.trace[1] = connection->trace[1];
	thread->serving.span = span;
	thread->serving.connection = key;
	thread->serving.relation = !connection->sampled ? RELATION_MUTE :
				   multiplexed ? RELATION_LINK : RELATION_PARENT;
}

ALWAYS bool exports_spans(const struct scratch *s)
{
	return word_at(s->head.data) == WORD('P', 'O', 'S', 'T', ' ', '/', 'v', '1') &&
	       word_at(s->head.data + 8) == WORD('/', 't', 'r', 'a', 'c', 'e', 's', ' ');
}

static __attribute__((noinline)) void client_trace(struct connection *connection, struct scratch *s, struct thread *thread,
			 struct target *target)
{
	struct context *serving = &thread->serving;
	struct carried_key key = {};
	struct carried *same;
	struct wire_key on_wire;
	struct wire new = {}, *earlier;

	connection->silent = (target->flags & TARGET_INSTRUMENTED) != 0;
	parse_traceparent();
	if (s->valid) {
		connection->trace[0] = s->trace[0];
		connection->trace[1] = s->trace[1];
		connection->parent = s->parent;
		connection->sampled = s->sampled;
		key.trace[0] = s->trace[0];
		key.trace[1] = s->trace[1];
		key.parent = s->parent;
		key.tgid = connection->tgid;
		same = bpf_map_lookup_elem(&carried, &key);
		if (same && same->requests == 1)
			connection->parent = same->span; /* passed on: a proxy */
	} else if (serving->relation == RELATION_PARENT || serving->relation == RELATION_MUTE) {
		connection->trace[0] = serving->trace[0];
		connection->trace[1] = serving->trace[1];
		connection->parent = serving->span;
		connection->sampled = serving->relation == RELATION_PARENT;
	} else {
		start_trace(connection);
		if (serving->relation == RELATION_LINK)
			connection->link = *serving;
	}
	if (connection->silent || !connection->ends.family)
		return;
	wire_key_of(&on_wire, &connection->ends, false);
	new.trace[0] = connection->trace[0];
	new.trace[1] = connection->trace[1];
	new.span = connection->span;
	new.sampled = connection->sampled;
	new.requests = 1;
	earlier = bpf_map_lookup_elem(&wire, &on_wire);
	if (earlier)
		new.requests += earlier->requests;
	bpf_map_update_elem(&wire, &on_wire, &new, BPF_ANY);
}

ALWAYS void request_arrived(struct connection *connection, u64 key, struct thread *thread, struct target *target,
			    struct scratch *s, enum direction direction, u64 now)
{
	u64 id = bpf_get_current_pid_tgid();

	finish(connection, now); /* the one before, when nothing marked its end */
	if (!connection->partial)
		connection->started = direction == OUTBOUND ? thread->entered : now;
	connection->partial = 0;
	connection->tgid = id >> 32;
	connection->tid = (u32)id;
	connection->cgroup = bpf_get_current_cgroup_id();
	connection->span = random_id();
	connection->link.relation = RELATION_NONE;
	connection->kind = direction == INBOUND ? KIND_HTTP_SERVER : KIND_HTTP_CLIENT;
	connection->phase = PHASE_REQUEST;
	connection->status = 0;
	connection->request_bytes = s->head.length;
	connection->response_bytes = 0;
	scan_line();
	connection->line_length = s->line_length;
	bpf_probe_read_kernel(connection->line, LINE_SIZE, s->head.data);
	if (direction == INBOUND) {
		server_trace(connection, s, target);
		serve(connection, key, thread, target);
		thread->event = thread->serving;
	} else {
		if (exports_spans(s))
			target->flags |= TARGET_INSTRUMENTED;
		client_trace(connection, s, thread, target);
	}
}

static __attribute__((noinline)) void response_arrived(struct connection *connection, struct scratch *s, u32 earlier, u64 now)
{
	const char *digits = s->head.data + 9;
	u16 status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
	u32 method;

	connection->partial = 0;
	if (status < 100 || status > 999 || (status < 200 && status != 101))
		return;
	connection->status = status;
	connection->response_bytes = 0;
	connection->phase = PHASE_RESPONSE;
	__builtin_memcpy(&method, connection->line, 4);
	connection->body = BODY_UNTIL_CLOSE;
	if (status == 101) {
		finish(connection, now);
		connection->phase = PHASE_OPAQUE;
		return;
	}
	if (!s->end)
		return;
	if (method == TEXT4('H', 'E', 'A', 'D') || status == 204 || status == 304) {
		connection->body = BODY_LENGTH;
		connection->response_total = s->end - earlier;
	} else if (s->chunked) {
		connection->body = BODY_CHUNKED;
	} else if (s->content_length) {
		parse_length();
		connection->body = BODY_LENGTH;
		connection->response_total = s->end - earlier + s->number;
	}
}

/* `s` holds what came of a head, `earlier` bytes of it with previous calls. */
ALWAYS void head_arrived(struct connection *connection, u64 key, struct thread *thread, struct target *target,
			 struct scratch *s, u32 earlier, enum direction direction, u64 now)
{
	u32 word;

	scan_head();
	__builtin_memcpy(&word, s->head.data, 4);
	if (!s->end && s->head.length < HEAD_SIZE) {
		if (!connection->partial && word != HTTP_VERSION)
			connection->started = direction == OUTBOUND ? thread->entered : now;
		bpf_map_update_elem(&heads, &key, &s->head, BPF_ANY);
		connection->partial = direction;
		return;
	}
	if (connection->partial)
		bpf_map_delete_elem(&heads, &key);
	if (word == HTTP_VERSION)
		response_arrived(connection, s, earlier, now);
	else if (is_method(word))
		request_arrived(connection, key, thread, target, s, direction, now);
	else
		connection->partial = 0;
}

/* Whether a chunked body ends with these bytes. */
ALWAYS bool last_chunk(u64 base, u64 length)
{
	char tail[8] = {};

	if (length < 5 || bpf_probe_read_user(tail, 5, (void *)(base + length - 5)))
		return false;
	return tail[0] == '0' && tail[1] == '\r' && tail[2] == '\n' && tail[3] == '\r' && tail[4] == '\n';
}

/* Counts bytes that went through, and ends the exchange when its response is whole. */
ALWAYS void account(struct connection *connection, enum direction direction, u64 bytes, bool chunks_end, u64 now)
{
	bool responds = connection->kind == KIND_HTTP_SERVER ? direction == OUTBOUND : direction == INBOUND;

	if (direction == OUTBOUND)
		connection->sent += bytes;
	else
		connection->received += bytes;
	if (connection->phase != PHASE_RESPONSE || !responds)
		return;
	connection->response_bytes += bytes;
	if ((connection->body == BODY_LENGTH && connection->response_bytes >= connection->response_total) ||
	    (connection->body == BODY_CHUNKED && chunks_end))
		finish(connection, now);
}

#endif
