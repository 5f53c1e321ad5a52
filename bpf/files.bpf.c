// SPDX-License-Identifier: GPL-2.0
/* Files: open, read, write, fsync, rename, unlink and their kin, with path, bytes and latency. A call that is
 * told here is not told again as a system call. */
#include "stages.h"
#include "histogram.h"
#include "sockets.h"

char LICENSE[] SEC("license") = "GPL";

#define PATH_NAMES 12
#define NAME_ROOM 64
#define LAST_NAME 256

const volatile bool any_file = false; /* also pipes, devices and /proc, not only regular files */

ALWAYS u64 add_name(struct message *message, u64 at, const unsigned char *name)
{
	long length;

	if (at >= LAST_NAME)
		return at;
	OPAQUE(at);
	at &= LAST_NAME - 1; /* a mask is a bound that every verifier understands */
	length = bpf_probe_read_kernel_str(message->text + at, NAME_ROOM, name);
	return length > 0 && length <= NAME_ROOM ? at + length : at;
}

/* The names from the file up to the root of the first file system, then of those it is mounted on. */
ALWAYS void walk_path(struct message *message, struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry), *parent;
	struct vfsmount *vfs = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount = (void *)vfs - bpf_core_field_offset(struct mount, mnt), *below;
	u64 at = 0;

	for (int i = 0; i < PATH_NAMES; i++) {
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry || dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			below = BPF_CORE_READ(mount, mnt_parent);
			if (below == mount)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = below;
			continue;
		}
		at = add_name(message, at, BPF_CORE_READ(dentry, d_name.name));
		dentry = parent;
	}
	message->text_length = at;
	message->event.flags |= EVENT_PATHS_REVERSED;
}

ALWAYS void read_path(struct message *message, const struct thread *thread, u8 index, bool second)
{
	u32 at = index - 1;
	u64 address = at < 6 ? thread->args[at] : 0;
	long length;

	if (!address)
		return;
	length = bpf_probe_read_user_str(message->text + (second ? TEXT_SIZE / 2 : 0), TEXT_SIZE / 2,
					 (void *)address);
	if (length <= 0 || length > TEXT_SIZE / 2)
		return;
	if (length == TEXT_SIZE / 2)
		message->event.flags |= EVENT_TEXT_TRUNCATED;
	message->text_length = second ? TEXT_SIZE / 2 + length : length;
	if (second)
		message->text_split = TEXT_SIZE / 2;
}

SEC("raw_tp/sys_exit")
int file_stage(struct bpf_raw_tracepoint_args *ctx)
{
	struct thread *thread = current_thread();
	struct probe *call, *probe = probe_of(KIND_PROBE(KIND_FILE));
	s64 result = ctx->args[1];
	struct message *message;
	struct file *file = NULL;
	u64 duration;
	u16 mode;

	if (!thread || !probe || !probe->flags)
		goto pass;
	call = probe_of(thread->number);
	if (!call)
		goto pass;
	if (call->action < ACTION_OPEN) { /* on a descriptor: is it a file's? */
		if (call->action == ACTION_CONNECT || call->action >= ACTION_ACCEPT)
			goto pass;
		file = file_of(thread->args[0]);
		if (!file)
			goto pass;
		mode = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
		if (mode == S_IFSOCK || (mode != S_IFREG && !any_file))
			goto pass;
	} else if (call->action == ACTION_FILE) {
		file = file_of(thread->args[0]);
		if (!file)
			goto pass;
	}
	if (thread->event.relation == RELATION_MUTE)
		return 0;
	duration = bpf_ktime_get_ns() - thread->entered;
	if (probe->flags & PROBE_HISTOGRAM)
		record_duration(KIND_PROBE(KIND_FILE), duration);
	if (!wanted(probe, duration, result))
		return 0;
	message = reserve_message();
	if (!message)
		return 0;
	fill(&message->event, KIND_FILE, KIND_PROBE(KIND_FILE), &thread->event);
	message->event.start = thread->entered;
	message->event.duration = duration;
	message->event.result = result;
	__builtin_memcpy(message->event.args, thread->args, sizeof(thread->args));
	message->event.args[5] = thread->number;
	if (file) {
		walk_path(message, file);
	} else {
		read_path(message, thread, call->string_a, false);
		read_path(message, thread, call->string_b, true);
	}
	add_stacks(&message->event, ctx, probe->flags);
	bpf_ringbuf_submit(message, 0);
	return 0;
pass:
	continue_after(ctx, STAGE_FILES);
	return 0;
}
