/* SPDX-License-Identifier: GPL-2.0 */
/* From a descriptor to its socket and the addresses of its connection. */
#ifndef SPANWEAVE_SOCKETS_H
#define SPANWEAVE_SOCKETS_H

#include "connection.h"

ALWAYS struct file *file_of(u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **slots, *file = NULL;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	slots = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), slots + fd);
	return file;
}

ALWAYS struct sock *sock_of(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

ALWAYS void read_ends(struct endpoints *ends, struct sock *sk)
{
	u16 port;

	ends->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	ends->protocol = BPF_CORE_READ(sk, sk_protocol);
	ends->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	ends->remote_port = __builtin_bswap16(port);
	if (ends->family == AF_INET) {
		ipv4(ends->local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		ipv4(ends->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else if (ends->family == AF_INET6) {
		BPF_CORE_READ_INTO(ends->local, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(ends->remote, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	}
}

const struct connection new_connection = {};

ALWAYS struct connection *connection_of(struct sock *sk)
{
	u64 key = (u64)sk;
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);
	u16 family;

	if (connection)
		return connection;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
		return NULL;
	bpf_map_update_elem(&connections, &key, &new_connection, BPF_NOEXIST);
	connection = bpf_map_lookup_elem(&connections, &key);
	if (!connection)
		return NULL;
	if (family == AF_UNIX)
		connection->ends.protocol = 0;
	else
		read_ends(&connection->ends, sk);
	connection->opened = bpf_ktime_get_ns();
	connection->tgid = bpf_get_current_pid_tgid() >> 32;
	connection->tid = (u32)bpf_get_current_pid_tgid();
	connection->cgroup = bpf_get_current_cgroup_id();
	return connection;
}

#endif
