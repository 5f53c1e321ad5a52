/* SPDX-License-Identifier: GPL-2.0 */
/* Requests of clients that are one message each: PostgreSQL (simple and extended query), Redis, DNS.
 * They are recognised by their shape, and end when the answer begins. */
#ifndef SPANWEAVE_REQUESTS_H
#define SPANWEAVE_REQUESTS_H

#include "http.h"

#define DNS_PORT 53

struct sockaddr_start {
	u16 family;
	u16 port;
	u32 address;
};

/* sendto(2) on a socket that is not connected names its peer. */
ALWAYS void datagram_address(struct connection *connection, u64 address)
{
	struct sockaddr_start to = {};

	if (connection->ends.protocol != IPPROTO_UDP || !address ||
	    bpf_probe_read_user(&to, sizeof(to), (void *)address))
		return;
	if (to.port == __builtin_bswap16(DNS_PORT)) {
		connection->ends.remote_port = DNS_PORT;
		if (to.family == AF_INET)
			ipv4(connection->ends.remote, to.address);
	}
}

/* 'Q' (query) or 'P' (parse) with a length that fits the data: PostgreSQL's frontend messages. */
ALWAYS bool is_postgres(u64 base, u64 length, u32 word)
{
	u32 announced = 0;
	u8 type = word;

	if ((type != 'Q' && type != 'P') || length < 6)
		return false;
	bpf_probe_read_user(&announced, 4, (void *)(base + 1));
	announced = __builtin_bswap32(announced);
	return type == 'Q' ? announced + 1 == length : announced > 6 && announced + 1 <= length;
}

/* An array of bulk strings: "*2\r\n$3\r\nGET...". */
ALWAYS bool is_redis(u64 base, u64 length)
{
	char start[8] = {};

	if (length < 8 || bpf_probe_read_user(start, 8, (void *)base))
		return false;
	if (start[0] != '*' || start[1] < '1' || start[1] > '9')
		return false;
	return (start[2] == '\r' && start[4] == '$') || (start[3] == '\r' && start[5] == '$');
}

/* Redis: only the command, never its arguments. */
ALWAYS u16 redis_command(char *line)
{
	u32 breaks = 0, at;

	for (at = 0; at < 64; at++) {
		if (line[at] == '\n' && ++breaks == 3)
			break;
	}
	return at;
}

static __attribute__((noinline)) void request_sent(struct connection *connection, struct thread *thread, u64 base,
						   u64 length, u32 word)
{
	struct context *serving = &thread->serving;
	u64 id = bpf_get_current_pid_tgid();
	u32 size = length < LINE_SIZE ? (u32)length : LINE_SIZE;
	u16 kind;

	if (connection->phase != PHASE_IDLE || connection->ends.role == ROLE_SERVER)
		return;
	if (connection->ends.protocol == IPPROTO_UDP) {
		if (connection->ends.remote_port != DNS_PORT || length < 17)
			return;
		kind = KIND_DNS;
	} else if (is_postgres(base, length, word)) {
		kind = KIND_SQL;
	} else if (is_redis(base, length)) {
		kind = KIND_REDIS;
	} else {
		return;
	}
	__builtin_memset(connection->line, 0, LINE_SIZE);
	OPAQUE(size);
	if (size > LINE_SIZE || bpf_probe_read_user(connection->line, size, (void *)base))
		return;
	connection->line_length = kind == KIND_REDIS ? redis_command(connection->line) : size;
	connection->kind = kind;
	connection->phase = PHASE_REQUEST;
	connection->silent = 0;
	connection->status = 0;
	connection->started = thread->entered;
	connection->tgid = id >> 32;
	connection->tid = (u32)id;
	connection->cgroup = bpf_get_current_cgroup_id();
	connection->span = random_id();
	connection->request_bytes = length;
	connection->response_bytes = 0;
	connection->link.relation = RELATION_NONE;
	if (serving->relation == RELATION_PARENT || serving->relation == RELATION_MUTE) {
		connection->trace[0] = serving->trace[0];
		connection->trace[1] = serving->trace[1];
		connection->parent = serving->span;
		connection->sampled = serving->relation == RELATION_PARENT;
	} else {
		start_trace(connection);
		if (serving->relation == RELATION_LINK)
			connection->link = *serving;
	}
}

static __attribute__((noinline)) void answer_received(struct connection *connection, u64 base, u64 length, u64 now)
{
	u8 start[8] = {};

	if (connection->phase != PHASE_REQUEST || connection->kind < KIND_SQL || connection->kind > KIND_DNS)
		return;
	bpf_probe_read_user(start, 8, (void *)base);
	connection->response_bytes = length;
	if (connection->kind == KIND_DNS)
		connection->status = start[3] & 15;
	else if (connection->kind == KIND_SQL)
		connection->status = start[0] == 'E';
	else
		connection->status = start[0] == '-';
	finish(connection, now);
}

#endif
