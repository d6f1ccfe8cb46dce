#!/bin/sh
# An interpreter for aarch64 under QEMU's user emulation; made and replaced by make_interpreter.sh.
# QEMU_CPU names the processor to imitate.
here=$(dirname "$(realpath -- "$0")")
root=$here/root

die() {
    echo "$0: $1" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || die "needs root, to enter its root file system"
command -v qemu-aarch64-static > /dev/null || die "the emulator qemu-aarch64-static is missing; install qemu-user-static"
QEMU_CPU=${QEMU_CPU:-$(cat "$here/cpu")}
cpuinfo=$here/cpuinfo/${QEMU_CPU%%,*}
[ -f "$cpuinfo" ] || die "QEMU_CPU=$QEMU_CPU: QEMU knows no such processor; it knows $(cd "$here/cpuinfo" && echo *)"
[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || die "the kernel does not know the emulator (any more); run make_interpreter.sh again"
export QEMU_CPU
# Of x86 processors, or of this machine's own libraries.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE LD_LIBRARY_PATH LD_PRELOAD VIRTUAL_ENV PYTHONPATH PYTHONHOME
# The mounts are this process's own, and end with it.
exec unshare --mount --propagation private /bin/sh -c '
    root=$1 here=$2 cpuinfo=$3
    shift 3
    printf "%s\n" /proc /dev /tmp | cat - "$here/binds" | while read -r each; do
        mkdir -p "$root$each" && mount --rbind "$each" "$root$each" || exit 1
    done || exit 1
    # QEMU before 8.2 shows the file of this machine.
    mount --bind "$cpuinfo" "$root/proc/cpuinfo" || exit 1
    [ -d "$root$PWD" ] || cd /tmp
    exec chroot "$root" /usr/bin/env -C "$PWD" PATH=/opt/venv/bin:/usr/bin:/bin:/usr/sbin:/sbin \
        /opt/venv/bin/python "$@"
' sh "$root" "$here" "$cpuinfo" "$@"
