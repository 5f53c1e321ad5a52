/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel types that the programs read, each with only the members they name. libbpf relocates every
 * member access to the running kernel's layout (CO-RE), so one object serves all kernels and the build needs
 * no vmlinux.h: the same sources give the same bytes on any machine. */
#ifndef SPANWEAVE_KERNEL_H
#define SPANWEAVE_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#define ALWAYS static inline __attribute__((always_inline))
/* Keeps the compiler from proving what the verifier must see tested. */
#define OPAQUE(variable) asm volatile("" : "+r"(variable))
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define O_NONBLOCK 04000
#define MSG_PEEK 0x2
#define MSG_DONTWAIT 0x40
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_FIN_WAIT1 4
#define TCP_CLOSE 7
#define TCP_LAST_ACK 9

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct inode {
	u16 i_mode;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct kernfs_node {
	u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct files_struct *files;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	int exit_code;
};

struct in6_addr {
	union {
		u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	int sk_err;
};

struct socket {
	struct sock *sk;
};

struct tcp_sock {
	u32 srtt_us;
	u32 total_retrans;
	u32 segs_in;
	u32 segs_out;
};

struct sk_buff {
	struct sock *sk;
	unsigned int len;
};

#pragma clang attribute pop

struct user_iovec {
	u64 base;
	u64 length;
};

struct user_msghdr_abi {
	u64 name;
	u32 name_length, pad0;
	u64 iov;
	u64 iov_count;
	u64 control, control_length;
	u32 flags, pad1;
};

#endif
