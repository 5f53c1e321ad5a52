#!/usr/bin/env bash
# What kernel tracing needs on this machine: libbpf to load programs; with "build", also the compiler;
# with "kernels", an emulator; with "test", all that the tests use. Installs Debian's packages as root, else says what is missing.
set -u
need=()
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
ldconfig -p 2>/dev/null | grep -q 'libbpf\.so\.1' || need+=(libbpf1)
emulator() {
  have qemu-system-x86_64 || need+=(qemu-system-x86)
  have cpio || need+=(cpio)
  have busybox || need+=(busybox-static)
}
case "${1:-}" in
build)
  have clang || need+=(clang)
  have llvm-strip || need+=(llvm)
  [ -e /usr/include/bpf/bpf_helpers.h ] || need+=(libbpf-dev)
  [ -e /usr/include/linux/bpf.h ] || need+=(linux-libc-dev)
  ;;
kernels)
  emulator
  ;;
test)
  [ "$(uname -m)" = x86_64 ] && emulator
  have nginx || need+=(nginx-light)
  have wrk || need+=(wrk)
  [ -e "/usr/include/$(uname -m)-linux-gnu/sys/sdt.h" ] || need+=(systemtap-sdt-dev)
  have clang || need+=(clang)
  have llvm-strip || need+=(llvm)
  [ -e /usr/include/bpf/bpf_helpers.h ] || need+=(libbpf-dev)
  ;;
esac
[ ${#need[@]} -eq 0 ] && exit 0
if [ "$(uname -s)" != Linux ]; then
  echo "kernel tracing needs Linux: its tests are skipped here"
elif [ "$(id -u)" = 0 ] && have apt-get; then
  echo "setup: ${need[*]} (Debian packages, for kernel tracing)"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null 2>&1
  apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null 2>&1 && exit 0
  echo "kernel tracing: could not install ${need[*]}"
else
  echo "kernel tracing needs: ${need[*]} (apt-get install ${need[*]})"
fi
[ "${1:-}" = test ] # tests skip with the reason; a build cannot go on
