// SPDX-License-Identifier: GPL-2.0
/* Processes: children of targets become targets, a command or a cgroup that is watched becomes one when it
 * starts, and threads and processes that end leave the maps. */
#include "maps.h"

char LICENSE[] SEC("license") = "GPL";

struct command {
	char name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct command);
	__type(value, struct target);
} watched_commands SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u64); /* cgroup id (its directory's inode number) */
	__type(value, struct target);
} watched_cgroups SEC(".maps");

const volatile bool watching = false; /* whether anything but children is watched for */

ALWAYS void announce(u16 kind, u32 tgid, u64 argument, s64 result)
{
	struct thread *thread = current_thread();
	struct message *message;

	message = reserve_message();
	if (!message)
		return;
	/* A fork or exec by the thread that serves a request is that request's doing. */
	fill(&message->event, kind, KIND_PROBE(kind), thread ? &thread->serving : NULL);
	message->event.tgid = tgid;
	message->event.start = bpf_ktime_get_ns();
	message->event.duration = 0;
	message->event.result = result;
	message->event.args[0] = argument;
	bpf_get_current_comm(message->text, 16);
	message->text_length = 16;
	bpf_ringbuf_submit(message, 0);
}

SEC("raw_tp/sched_process_fork")
int process_forked(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (void *)ctx->args[1];
	u32 tgid = bpf_get_current_pid_tgid() >> 32, new_tgid = BPF_CORE_READ(child, tgid);
	struct target *target = bpf_map_lookup_elem(&targets, &tgid), copy;

	if (!target || new_tgid == tgid || !(target->flags & TARGET_FOLLOW))
		return 0;
	copy = *target;
	bpf_map_update_elem(&targets, &new_tgid, &copy, BPF_ANY);
	announce(KIND_FORK, new_tgid, tgid, 0);
	return 0;
}

/* By the cgroup of the process or any above it. */
ALWAYS struct target *watched_cgroup(void)
{
	u64 id = bpf_get_current_cgroup_id();
	struct target *found = bpf_map_lookup_elem(&watched_cgroups, &id);

	for (int level = 1; !found && level < 8; level++) {
		id = bpf_get_current_ancestor_cgroup_id(level);
		if (!id)
			break;
		found = bpf_map_lookup_elem(&watched_cgroups, &id);
	}
	return found;
}

SEC("raw_tp/sched_process_exec")
int process_executed(struct bpf_raw_tracepoint_args *ctx)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct target *target = bpf_map_lookup_elem(&targets, &tgid), copy, *found;
	struct command command = {};

	if (target) {
		target->flags &= ~(TARGET_MULTIPLEXED | TARGET_INSTRUMENTED);
	} else {
		if (!watching)
			return 0;
		bpf_get_current_comm(command.name, sizeof(command.name));
		found = bpf_map_lookup_elem(&watched_commands, &command);
		if (!found)
			found = watched_cgroup();
		if (!found)
			return 0;
		copy = *found;
		copy.root = tgid;
		bpf_map_update_elem(&targets, &tgid, &copy, BPF_ANY);
	}
	announce(KIND_EXEC, tgid, 0, 0);
	return 0;
}

SEC("raw_tp/cgroup_attach_task")
int process_moved(struct bpf_raw_tracepoint_args *ctx)
{
	struct cgroup *cgroup = (void *)ctx->args[0];
	struct task_struct *task = (void *)ctx->args[2];
	u64 id = BPF_CORE_READ(cgroup, kn, id);
	struct target *found, copy;
	u32 tgid;

	if (!watching)
		return 0;
	found = bpf_map_lookup_elem(&watched_cgroups, &id);
	if (!found)
		return 0;
	tgid = BPF_CORE_READ(task, tgid);
	copy = *found;
	copy.root = tgid;
	bpf_map_update_elem(&targets, &tgid, &copy, BPF_NOEXIST);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int process_left(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 tgid = id >> 32, tid = (u32)id;
	struct task_struct *task = (void *)ctx->args[0];

	if (!bpf_map_lookup_elem(&targets, &tgid))
		return 0;
	if (tid == tgid) {
		announce(KIND_EXIT, tgid, 0, BPF_CORE_READ(task, exit_code));
		bpf_map_delete_elem(&targets, &tgid);
	}
	bpf_map_delete_elem(&threads, &tid);
	return 0;
}
