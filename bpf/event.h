/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs write and host_agent/ebpf/layout.py reads: change both together (a test compares them). */
#ifndef SPANWEAVE_EVENT_H
#define SPANWEAVE_EVENT_H

#include "kernel.h"

enum kind {
	KIND_SYSCALL = 1,
	KIND_FILE,
	KIND_CONNECT,
	KIND_ACCEPT,
	KIND_SEND,
	KIND_RECEIVE,
	KIND_CONNECTION,
	KIND_HTTP_SERVER,
	KIND_HTTP_CLIENT,
	KIND_SQL,
	KIND_REDIS,
	KIND_DNS,
	KIND_PAGE_FAULT,
	KIND_ALLOCATION,
	KIND_OUT_OF_MEMORY,
	KIND_FUNCTION,
	KIND_KERNEL_FUNCTION,
	KIND_USDT,
	KIND_FORK,
	KIND_EXEC,
	KIND_EXIT,
	KIND_PACKET_DROP,
};

/* How an event stands to the trace in its header. */
enum relation {
	RELATION_NONE = 0,   /* no request is known: the reader files it under its process */
	RELATION_PARENT = 1, /* proven: the trace and the parent are the event's own */
	RELATION_LINK = 2,   /* ambiguous: a candidate, never a parent */
	RELATION_MUTE = 3,   /* the request is not sampled: nothing is emitted */
};

struct event {
	u64 start;    /* ns, CLOCK_MONOTONIC */
	u64 duration; /* ns */
	u64 trace[2]; /* the 16 bytes of the trace id, in their order on the wire */
	u64 parent;   /* the 8 bytes of the parent (or linked) span id */
	u64 span;     /* this event's own span id; 0: the reader chooses one */
	u32 tgid;
	u32 tid;
	u64 cgroup;
	u16 kind;
	u8 relation;
	u8 flags;
	u32 probe;  /* index into `probes`: the system call's number, KIND_PROBE(kind), or a function's */
	s64 result; /* return value; -errno on failure */
	s32 user_stack;   /* id in `stacks`, negative: none */
	s32 kernel_stack;
	u64 args[6];
};

enum event_flags {
	EVENT_TEXT_TRUNCATED = 1,
	EVENT_TLS = 2,
	EVENT_PATHS_REVERSED = 4, /* text: names from the leaf to the root, NUL-separated */
	EVENT_SOCKADDR = 8,       /* text: the bytes of a struct sockaddr */
	EVENT_LINKED = 16,        /* args 3 to 5: the trace and span of a candidate */
};

struct endpoints {
	u8 local[16]; /* IPv4 as ::ffff:a.b.c.d */
	u8 remote[16];
	u16 local_port; /* host order */
	u16 remote_port;
	u8 family;
	u8 protocol;
	u8 role; /* of the process: 1 client, 2 server, 0 not known */
	u8 pad;
};

#define TEXT_SIZE 320

struct message {
	struct event event;
	struct endpoints ends;
	u32 text_length;
	u32 text_split; /* where a second string begins, 0: there is one */
	char text[TEXT_SIZE];
};

enum role {
	ROLE_UNKNOWN = 0,
	ROLE_CLIENT = 1,
	ROLE_SERVER = 2,
};

/* What sys_enter and sys_exit do with a call, chosen by the loader from the machine's system call table. */
enum action {
	ACTION_NONE = 0,
	ACTION_READ,      /* (fd, buffer, length): read, recv, recvfrom, pread64 */
	ACTION_READV,     /* (fd, iovec, count) */
	ACTION_RECVMSG,   /* (fd, msghdr, flags) */
	ACTION_WRITE,
	ACTION_WRITEV,
	ACTION_SENDMSG,
	ACTION_SENDMMSG,
	ACTION_SENDFILE,  /* (out fd, in fd, offset, count) */
	ACTION_CONNECT,   /* (fd, sockaddr, length) */
	ACTION_ACCEPT,
	ACTION_CLOSE,
	ACTION_OPEN,      /* a path argument */
	ACTION_FILE,      /* fd in argument 0: fsync, fdatasync, ftruncate */
	ACTION_PATH,      /* rename, unlink and other calls that name one or two paths */
	ACTION_LOOP,      /* epoll_wait, io_uring_enter: the thread runs an event loop */
	ACTION_POLL,      /* (fds, count): a loop when count is above one */
	ACTION_SELECT,    /* (highest fd, sets) */
};

enum probe_flags {
	PROBE_EMIT = 1,
	PROBE_HISTOGRAM = 2,
	PROBE_USER_STACK = 4,
	PROBE_KERNEL_STACK = 8,
	PROBE_SOCKADDR = 16, /* string_a is a struct sockaddr */
	PROBE_FAILED_ONLY = 32,
};

struct probe {
	u32 flags;
	u8 action;
	u8 string_a; /* 1 + index of the argument that is a path, 0: none */
	u8 string_b;
	u8 flags_argument; /* 1 + index of the argument with MSG_ flags, 0: none */
	u64 min_duration; /* ns: shorter calls emit nothing */
};

#define SYSCALL_PROBES 512
#define KIND_PROBE(kind) (SYSCALL_PROBES + (kind))
#define FUNCTION_PROBES 1024
#define PROBES 8192

/* Base-2 exponential histogram at scale 2: bucket i holds (2^(i/4), 2^((i+1)/4)] ns. */
#define HISTOGRAM_BUCKETS 160
struct histogram {
	u64 count;
	u64 sum;
	u64 zero;
	u64 max;
	u32 buckets[HISTOGRAM_BUCKETS];
};

enum target_flags {
	TARGET_FOLLOW = 1,       /* children become targets */
	TARGET_MULTIPLEXED = 2,  /* an event loop or a scheduler of its own: a thread proves nothing */
	TARGET_INSTRUMENTED = 4, /* makes its own request spans: none of ours beside them */
};

struct target {
	u32 flags;
	u32 root; /* tgid of the target that it descends from */
};

enum counter {
	COUNTER_DROPPED_EVENTS = 0,
	COUNTER_DROPPED_MESSAGES,
	COUNTER_LOST_THREADS,
	COUNTERS,
};

#endif
