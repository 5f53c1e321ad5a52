/* SPDX-License-Identifier: GPL-2.0 */
/* The head of an HTTP/1.1 message: gathered from user memory (also from several buffers and over several
 * reads), scanned once, eight bytes a step. */
#ifndef SPANWEAVE_HEAD_H
#define SPANWEAVE_HEAD_H

#include "connection.h"

#define HEAD_SIZE 2048
#define HEAD_BUFFERS 8
#define HEAD_LINES 128

struct head {
	u32 length;
	u32 pad;
	char data[HEAD_SIZE];
};

struct scratch {
	struct head head;
	char slack[HEAD_SIZE + 64]; /* gathering may run over by one buffer */
	/* What scan_head found: positions in data, 0: absent. */
	u32 end;
	u32 traceparent;
	u32 content_length;
	u32 chunked;
	u32 line_length;
	u32 pad;
	char value[64];
	u8 bytes[32];
	u32 lines[HEAD_LINES];
	u32 count;
	u32 pad1;
	/* What parse_traceparent made of it. */
	u64 trace[2];
	u64 parent;
	u32 sampled;
	u32 valid;
	u64 number;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, u64);
	__type(value, struct head);
} heads SEC(".maps");

#ifdef SCRATCH_BY_THREAD /* uprobes can be preempted by each other */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__type(key, u32);
	__type(value, struct scratch);
} thread_scratch SEC(".maps");

ALWAYS struct scratch *own_scratch(void)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&thread_scratch, &tid);
}
#else
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

ALWAYS struct scratch *own_scratch(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}
#endif

#define WORD(a, b, c, d, e, f, g, h)                                                              \
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 |            \
	 (u64)(f) << 40 | (u64)(g) << 48 | (u64)(h) << 56)
#define TEXT4(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)
#define LOWER 0x2020202020202020ULL

/* One load: both architectures read unaligned words. */
ALWAYS u64 word_at(const char *data)
{
	return *(const u64 *)data;
}

/* What stands on the line at data[at]. Returns true when it is the empty one that ends the head. */
ALWAYS bool read_line(struct scratch *s, u32 at)
{
	const char *line = s->head.data + at;
	u64 first = word_at(line);

	if ((u16)first == ('\r' | '\n' << 8)) {
		s->end = at + 2;
		return at + 2 <= s->head.length;
	}
	first |= LOWER;
	if (first == WORD('t', 'r', 'a', 'c', 'e', 'p', 'a', 'r')) {
		if ((*(const u32 *)(line + 8) | (u32)LOWER) == TEXT4('e', 'n', 't', ':'))
			s->traceparent = at + 12;
	} else if (first == WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-')) {
		if ((word_at(line + 7) | LOWER) == WORD('-', 'l', 'e', 'n', 'g', 't', 'h', ':'))
			s->content_length = at + 15;
	} else if (first == WORD('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')) {
		if ((word_at(line + 8) | LOWER) == WORD('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n'))
			s->chunked = 1;
	}
	return false;
}

/* Global functions are verified once, on their own. Lines are found first and read afterwards: in one loop
 * the verifier would have more branches open than it follows. */
__attribute__((noinline)) int scan_head(void)
{
	struct scratch *s = own_scratch();

	if (!s)
		return 0;
	s->count = 0; /* in memory: a register's value would keep the verifier's states apart */
	s->end = s->traceparent = s->content_length = s->chunked = 0;
	for (u32 at = 0; at < HEAD_SIZE; at += 8) {
		u64 word;

		if (at >= s->head.length)
			break;
		word = word_at(s->head.data + at) ^ 0x0a0a0a0a0a0a0a0aULL;
		if (!((word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL))
			continue;
		for (u32 byte = at; byte < at + 8; byte++) {
			s->lines[s->count & (HEAD_LINES - 1)] = byte + 1;
			/* one for a newline, else none, without a branch */
			s->count += ((u32)(u8)(s->head.data[byte] ^ '\n') - 1) >> 31;
		}
	}
	for (u32 i = 0; i < HEAD_LINES; i++) {
		u32 at;

		if (i >= s->count)
			return 0;
		at = s->lines[i];
		if (at + 2 > s->head.length || at >= HEAD_SIZE)
			return 0;
		at &= HEAD_SIZE - 1;
		if (read_line(s, at))
			return 0;
	}
	s->end = s->head.length; /* more lines than are read: take the head as it is */
	return 0;
}

/* The request line up to the query: method, space, path. */
__attribute__((noinline)) int scan_line(void)
{
	struct scratch *s = own_scratch();
	u32 spaces = 0, at;

	if (!s)
		return 0;
	s->line_length = 0;
	for (at = 0; at < LINE_SIZE; at++) {
		char c = s->head.data[at];

		if (at >= s->head.length || c == '?' || c == '#' || c == '\r' || c == '\n')
			break;
		if (c == ' ') {
			spaces++;
			if (spaces > 1)
				break;
		}
	}
	s->line_length = at;
	return 0;
}

const char hexadecimal[16] = "0123456789abcdef";

/* https://www.w3.org/TR/trace-context/#traceparent-header: lower-case hexadecimal, no zero ids, not version ff. */
__attribute__((noinline)) int parse_traceparent(void)
{
	struct scratch *s = own_scratch();
	u8 wrong = 0;
	u32 at;

	if (!s)
		return 0;
	s->valid = 0;
	at = s->traceparent;
	if (!at || at >= HEAD_SIZE)
		return 0;
	at &= HEAD_SIZE - 1;
	if (s->head.data[at] == ' ' || s->head.data[at] == '\t')
		at++;
	if (at + 55 > s->head.length)
		return 0;
	bpf_probe_read_kernel(s->value, 56, (char *)s->head.data + at);
	if (s->value[2] != '-' || s->value[35] != '-' || s->value[52] != '-')
		return 0;
	for (u32 i = 0; i < 26; i++) {
		/* version 0, trace 1 to 16, parent 17 to 24, flags 25; a dash before each of the last three */
		u32 text = i * 2 + (i > 0) + (i > 16) + (i > 24);
		u8 high = s->value[text & 63], low = s->value[(text + 1) & 63];
		u8 h = (high & 15) + 9 * (high >> 6 & 1), l = (low & 15) + 9 * (low >> 6 & 1);

		wrong |= hexadecimal[h & 15] ^ high;
		wrong |= hexadecimal[l & 15] ^ low;
		s->bytes[i & 31] = (h & 15) << 4 | (l & 15);
	}
	if (wrong || s->bytes[0] == 0xff)
		return 0;
	__builtin_memcpy(s->trace, s->bytes + 1, 16);
	__builtin_memcpy(&s->parent, s->bytes + 17, 8);
	s->sampled = s->bytes[25] & 1;
	s->valid = (s->trace[0] | s->trace[1]) && s->parent;
	return 0;
}

/* The value of Content-Length into `number`. */
__attribute__((noinline)) int parse_length(void)
{
	struct scratch *s = own_scratch();
	u32 at;
	u64 number = 0;

	if (!s)
		return 0;
	at = s->content_length;
	if (at >= HEAD_SIZE)
		return 0;
	at &= HEAD_SIZE - 1;
	bpf_probe_read_kernel(s->value, 24, (char *)s->head.data + at);
	for (int i = 0; i < 24; i++) {
		u8 c = s->value[i];

		if (c == ' ' || c == '\t')
			continue;
		if (c < '0' || c > '9')
			break;
		number = number * 10 + (c - '0');
	}
	s->number = number;
	return 0;
}

/* Adds one user buffer; false when no more is wanted. */
ALWAYS bool add_buffer(struct scratch *s, u64 base, u64 length)
{
	u32 at = s->head.length, some;

	if (at >= HEAD_SIZE)
		return false;
	some = length > HEAD_SIZE - at ? HEAD_SIZE - at : (u32)length;
	OPAQUE(some);
	if (some > HEAD_SIZE)
		return false;
	if (some && bpf_probe_read_user((char *)s->head.data + at, some, (void *)base))
		return false;
	s->head.length = at + some;
	return true;
}

#endif
