#!/usr/bin/env bash
# Makes an interpreter for aarch64 with MindSpore on an x86-64 machine with Debian or Ubuntu: DIR/python runs a small
# Debian for arm64 under QEMU's user emulation. docs/aarch64.md says what it is for and what its results are worth.
#
# Mounts are made by DIR/python for its own process, in a mount namespace that ends with it. So none is left behind
# after a crash or a restart, and --remove cannot delete anything through one.
set -euo pipefail

usage="usage: make_interpreter.sh DIR [--mindspore RELEASE|WHEEL] [--cpu MODEL] [--bind FOLDER]...
       make_interpreter.sh --remove DIR

  --mindspore   the release to install, or a wheel for aarch64 (2.10.0)
  --cpu         the processor that QEMU imitates unless QEMU_CPU names another (neoverse-n1)
  --bind        another folder that programs see under its own path; they see /tmp, /proc, /dev and this checkout
  --remove      delete what this script made in DIR

Needs root. Run it again to change --cpu and --bind; nothing is made anew then."

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
host=${PYTHON:-python3}
# What the folder takes, with the wheels while they are unpacked, in MiB.
room=4000

die() {
    echo "make_interpreter.sh: $1" >&2
    exit 1
}

dir="" mindspore=2.10.0 cpu=neoverse-n1 remove="" binds=("$checkout") asked=""
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) echo "$usage"; exit 0 ;;
        --remove) remove=1; shift ;;
        --mindspore | --cpu | --bind)
            [ $# -gt 1 ] || die "$1 needs a value; see --help"
            case $1 in
                --mindspore) mindspore=$2 asked=1 ;;
                --cpu) cpu=$2 ;;
                --bind) [ -d "$2" ] || die "--bind $2: no such folder"; binds+=("$(cd "$2" && pwd)") ;;
            esac
            shift 2 ;;
        -*) die "unknown option $1; see --help" ;;
        *) [ -z "$dir" ] || die "one folder is enough; see --help"; dir=$1; shift ;;
    esac
done
[ -n "$dir" ] || die "which folder? see --help"
dir=$(realpath -m -- "$dir")
stamp=$dir/made-by-harness

mine() { [ -f "$stamp" ] && [ -d "$dir/root" ]; }

# Deleting goes through no mount: refused if there is one, and each file system is left at its border anyway.
delete() {
    local mounted
    mounted=$(awk -v at="$1/" 'index($5 "/", at) == 1 { print $5; exit }' /proc/self/mountinfo)
    [ -z "$mounted" ] || die "$mounted is a mount below $dir; nothing was deleted; umount it first"
    rm -rf --one-file-system -- "$1"
}

[ "$(id -u)" = 0 ] || die "needs root, for its own root file system; run it with sudo"

if [ -n "$remove" ]; then
    [ -e "$dir" ] || { echo "$dir: nothing is there"; exit 0; }
    mine || die "$dir was not made by this script; nothing was deleted"
    for each in /proc/[0-9]*; do
        if [ "$(readlink "$each/root" || true)" = "$dir/root" ]; then
            die "process ${each#/proc/} still runs in $dir; nothing was deleted"
        fi
    done
    delete "$dir"
    echo "$dir: removed"
    exit 0
fi

if [ -e "$dir" ] && ! mine && [ -n "$(ls -A "$dir" 2> /dev/null || echo file)" ]; then
    die "$dir exists and was not made by this script; choose another folder"
fi

# What has to be on this machine.
missing=()
command -v qemu-aarch64-static > /dev/null || missing+=(qemu-user-static)
command -v update-binfmts > /dev/null || missing+=(binfmt-support)
command -v debootstrap > /dev/null || missing+=(debootstrap)
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get > /dev/null || die "${missing[*]}: missing, and there is no apt-get to install it; use Debian or Ubuntu"
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } > /dev/null \
        || die "${missing[*]}: missing, and apt-get cannot install it"
fi
command -v qemu-aarch64-static > /dev/null || die "the emulator qemu-aarch64-static is missing; install qemu-user-static"
# It lists its models and ends with 1.
known=$({ qemu-aarch64-static -cpu help || true; } | sed -n 's/^ \+//p' | tr '\n' ' ')
case " $known " in
    *" ${cpu%%,*} "*) ;;
    *) die "QEMU knows no processor ${cpu%%,*}; it knows ${known% }" ;;
esac
unshare --mount true 2> /dev/null || die "cannot make a mount namespace here; in a container, start it with --privileged"

# Says which compiled file of a wheel, or of a folder of packages, is not for aarch64 (machine 183 of ELF).
foreign() {
    "$host" - "$1" << 'PY'
import pathlib, struct, sys, zipfile
place = pathlib.Path(sys.argv[1])
if place.is_dir():
    found = ((str(each.relative_to(place)), each.open("rb")) for each in place.rglob("*.so*") if each.is_file())
else:
    wheel = zipfile.ZipFile(place)
    found = ((name, wheel.open(name)) for name in wheel.namelist() if ".so" in name)
compiled = 0
for name, file in found:
    with file:
        head = file.read(20)
    if head[:4] == b"\x7fELF":
        compiled += 1
        if struct.unpack_from("<H", head, 18)[0] != 183:
            sys.exit(print(name))
if not compiled:
    print("nothing in it is compiled")
PY
}

if [ "${mindspore%.whl}" != "$mindspore" ]; then
    [ -f "$mindspore" ] || die "$mindspore: no such wheel"
    wrong=$(foreign "$mindspore" 2> /dev/null) || die "$mindspore: not a wheel"
    [ -z "$wrong" ] || die "$mindspore is not a wheel for aarch64: $wrong"
    wanted=$(realpath -- "$mindspore")
else
    wanted=mindspore==$mindspore
fi

enable_binfmt() {
    [ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc \
        || die "the kernel has no binfmt_misc, which starts the emulator"
    [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || update-binfmts --enable qemu-aarch64 \
        || die "QEMU cannot be registered with the kernel (update-binfmts --enable qemu-aarch64)"
}

make_root() {
    echo "making a root file system of Debian for arm64"
    local log=$work.log
    {
        debootstrap --arch=arm64 --foreign --variant=minbase --include=python3,python3-venv,libgomp1,ca-certificates,git \
            bookworm "$work/root" \
            && unshare --mount --propagation private chroot "$work/root" /debootstrap/debootstrap --second-stage
    } > "$log" 2>&1 || die "debootstrap failed: $(tail -n 1 "$log")"
    rm -rf -- "$work/root/var/cache/apt/archives"/*.deb
    chroot "$work/root" /usr/bin/python3 -m venv --without-pip /opt/venv || die "no virtual environment could be made"
}

# The wheels come by the pip of this machine, which is told what it installs for. What mindone needs is there, too, and
# what this project and its tests need.
fetch_wheels() {
    echo "fetching the wheels"
    local site=$work/root/opt/venv/lib/python3.11/site-packages
    local platforms=() each wrong requirements
    for each in manylinux_2_36 manylinux_2_35 manylinux_2_34 manylinux_2_31 manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014 linux; do
        platforms+=(--platform "${each}_aarch64")
    done
    requirements=$("$host" "$here/requirements.py" "$checkout/pyproject.toml") || die "needs Python 3.11 or newer as python3, or as PYTHON"
    mkdir -p "$work/tmp"
    # shellcheck disable=SC2086  # one requirement each
    TMPDIR=$work/tmp "$host" -m pip install -q --no-cache-dir --target "$site" --only-binary=:all: --python-version 3.11 \
        --implementation cp --abi cp311 --abi abi3 --abi none "${platforms[@]}" --no-compile "$wanted" $requirements 2> "$work.log" \
        || die "pip cannot fetch the wheels: $(grep -m 1 ERROR "$work.log" || tail -n 1 "$work.log")"
    rm -rf -- "$work/tmp"
    wrong=$(foreign "$site")
    [ -z "$wrong" ] || die "pip brought a wheel that is not for aarch64: $wrong"
    # Otherwise each start compiles thousands of modules, emulated. Byte code is the same on every architecture.
    if "$host" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
        "$host" -W ignore -m compileall -q -s "$work/root" "$site" > /dev/null || true
    else
        chroot "$work/root" /usr/bin/python3 -W ignore -m compileall -q "${site#"$work/root"}" > /dev/null || true
    fi
}

write_interpreter() {
    local to=$1
    printf '%s\n' "${binds[@]}" | sort -u > "$to/binds"
    echo "$cpu" > "$to/cpu"
    cp "$here/python.sh" "$to/python"
    chmod +x "$to/python"
}

if mine; then
    [ -z "$asked" ] || [ "$wanted" = "$(cat "$stamp")" ] \
        || die "$dir has $(cat "$stamp"); choose another folder for $wanted, or --remove this one"
    enable_binfmt
    while read -r each; do [ ! -d "$each" ] || binds+=("$each"); done < "$dir/binds"
    write_interpreter "$dir"
    echo "$dir/python: was there already ($(cat "$stamp"))"
    exit 0
fi

parent=$(dirname "$dir")
[ -d "$parent" ] || die "$parent: no such folder"
free=$(df -Pm "$parent" | awk 'NR == 2 { print $4 }')
[ "$free" -ge "$room" ] || die "too little room: $parent has $free MiB left, and it takes $room"

# Made under another name and renamed at the end: DIR is whole, or not there.
work=$(mktemp -d "$dir.making.XXXXXX")
trap 'delete "$work"; rm -f -- "$work.log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$work"
enable_binfmt
make_root
fetch_wheels
write_interpreter "$work"
echo "asking the processors that QEMU imitates who they are"
mkdir "$work/cpuinfo"
for each in $known; do
    # A model that does not run is left out, and then cannot be chosen.
    QEMU_CPU=$each chroot "$work/root" /usr/bin/python3 - < "$here/cpuinfo.py" > "$work/cpuinfo/$each" 2> /dev/null \
        || rm -f -- "$work/cpuinfo/$each"
done
"$work/python" -m pip install -q --no-deps --no-build-isolation --root-user-action ignore -e "$checkout" 2> "$work.log" \
    || die "$checkout cannot be installed in it: $(tail -n 1 "$work.log")"
echo "$wanted" > "$work/made-by-harness"
[ ! -d "$dir" ] || rmdir -- "$dir"
mv -T -- "$work" "$dir"
echo "$dir/python: $("$dir/python" -c 'import platform, sys; print("Python", sys.version.split()[0], "on", platform.machine())'), $wanted"
