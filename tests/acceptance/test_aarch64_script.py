"""The script that makes an interpreter for aarch64: each bad input is one error, and leaves nothing behind.

Stand-ins are all that it finds in PATH, so nothing is installed, emulated or downloaded.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools" / "aarch64"
COMMON = (
    *(
        "awk",
        "bash",
        "basename",
        "cat",
        "chmod",
        "cp",
        "dirname",
        "env",
        "grep",
        "ls",
        "mkdir",
        "mktemp",
        "mv",
    ),
    *("readlink", "realpath", "rm", "rmdir", "sed", "sh", "sort", "tail", "tr", "true"),
)
QEMU = 'printf "Available CPUs:\\n  a64fx\\n  max\\n  neoverse-n1\\n"; exit 1'
# Makes what debootstrap would, as far as the script looks at it.
DEBOOTSTRAP = 'for last; do :; done; mkdir -p "$last/usr" "$last/var/cache/apt/archives" "$last/opt/venv/lib"'
# The pip of this machine, which puts one compiled file where it is told.
PIP = """
if [ "$2" != pip ]; then exec {python} "$@"; fi
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/mindspore" && cp {compiled} "$2/mindspore/_c_expression.so"
"""


def elf(machine):
    """The head of a compiled file: 62 is x86-64, 183 aarch64."""
    return b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little") + bytes(44)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


class Machine:
    """A machine on which all is as it should be, until a test says otherwise."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        for name in COMMON:
            (folder / name).symlink_to(shutil.which(name))
        self.has("id", "echo 0")
        self.has("df", 'echo "a b c d"; echo "/dev/x 9 9 99999"')
        self.has("qemu-aarch64-static", QEMU)
        self.has("debootstrap", DEBOOTSTRAP)
        self.has("apt-get", "exit 0")
        for name in ("update-binfmts", "unshare", "mount", "chroot"):
            self.has(name, "exit 0")
        self.has("host-python", f'exec {sys.executable} "$@"')

    def has(self, name, script):
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def lacks(self, *names):
        for name in names:
            (self.folder / name).unlink()

    def run(self, *arguments, script="make_interpreter.sh", **variables):
        environment = {"PATH": str(self.folder), "PYTHON": "host-python", **variables}
        command = [shutil.which("bash"), TOOLS / script, *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def refuses(self, *arguments, **variables):
        """Run the script, which must fail with one line on stderr; return that line."""
        done = self.run(*arguments, **variables)
        assert done.returncode == 1, done.stdout + done.stderr
        (line,) = done.stderr.splitlines()
        return line.removeprefix("make_interpreter.sh: ")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "bin")


@pytest.fixture
def made(place):
    """A folder as the script leaves it."""
    folder = place / "arm"
    (folder / "root" / "etc").mkdir(parents=True)
    (folder / "made-by-harness").write_text("mindspore==2.10.0\n")
    (folder / "binds").write_text("/srv\n")
    (folder / "cpu").write_text("neoverse-n1\n")
    (folder / "cpuinfo").mkdir()
    for name in ("a64fx", "max", "neoverse-n1"):
        (folder / "cpuinfo" / name).write_text("processor\t: 0\n")
    shutil.copy(TOOLS / "python.sh", folder / "python")
    return folder


def test_wrong_usage_is_named(machine, place):
    assert machine.refuses() == "which folder? see --help"
    assert machine.refuses(place / "a", place / "b") == "one folder is enough; see --help"
    assert machine.refuses(place / "a", "--fast") == "unknown option --fast; see --help"
    assert machine.refuses(place / "a", "--cpu") == "--cpu needs a value; see --help"
    assert machine.refuses(place / "a", "--bind", place / "none") == f"--bind {place}/none: no such folder"
    assert machine.run("--help").stdout.startswith("usage: make_interpreter.sh DIR ")


@pytest.mark.parametrize(
    ("change", "arguments", "told"),
    [
        (
            lambda m: m.has("id", "echo 1000"),
            [],
            "needs root, for its own root file system; run it with sudo",
        ),
        (
            lambda m: m.lacks("qemu-aarch64-static", "apt-get"),
            [],
            "qemu-user-static: missing, and there is no apt-get to install it; use Debian or Ubuntu",
        ),
        (
            lambda m: (m.lacks("qemu-aarch64-static"), m.has("apt-get", "exit 100")),
            [],
            "qemu-user-static: missing, and apt-get cannot install it",
        ),
        (
            lambda m: m.lacks("qemu-aarch64-static"),
            [],
            "the emulator qemu-aarch64-static is missing; install qemu-user-static",
        ),
        (
            lambda m: None,
            ["--cpu", "kunpeng-920"],
            "QEMU knows no processor kunpeng-920; it knows a64fx max neoverse-n1",
        ),
        (
            lambda m: m.has("unshare", "exit 1"),
            [],
            "cannot make a mount namespace here; in a container, start it with --privileged",
        ),
        (
            lambda m: m.has("df", 'echo "a b c d"; echo "/dev/x 9 9 3999"'),
            [],
            "too little room: {place} has 3999 MiB left, and it takes 4000",
        ),
        (
            lambda m: m.has("debootstrap", "echo 'E: no such mirror'; exit 1"),
            [],
            "debootstrap failed: E: no such mirror",
        ),
    ],
    ids=[
        "no root",
        "no apt-get",
        "no package",
        "no emulator",
        "processor",
        "namespace",
        "room",
        "debootstrap",
    ],
)
def test_a_machine_that_will_not_do_is_refused_before_anything_is_made(
    machine, place, change, arguments, told
):
    # Whether this machine has it is no matter.
    machine.has("apt-get", "exit 0")
    change(machine)
    assert machine.refuses(place / "arm", *arguments) == told.format(place=place)
    assert list(place.iterdir()) == []


def test_a_processor_with_its_features_is_known(machine, place):
    machine.has("debootstrap", "echo stopped; exit 1")
    assert machine.refuses(place / "arm", "--cpu", "max,sve=off") == "debootstrap failed: stopped"


def test_a_folder_that_is_something_else_stays_as_it_is(machine, place):
    (place / "photos").mkdir()
    (place / "photos" / "one.png").write_text("one")
    (place / "file").write_text("")
    for name in ("photos", "file"):
        assert machine.refuses(place / name) == (
            f"{place / name} exists and was not made by this script; choose another folder"
        )
        assert machine.refuses("--remove", place / name) == (
            f"{place / name} was not made by this script; nothing was deleted"
        )
    assert (place / "photos" / "one.png").read_text() == "one"


def test_a_wheel_for_another_architecture_is_named_before_anything_is_made(machine, tmp_path, place):
    wheel = tmp_path / "mindspore-2.10.0-cp311-none-any.whl"
    assert machine.refuses(place / "arm", "--mindspore", wheel) == f"{wheel}: no such wheel"
    wheel.write_text("no wheel")
    assert machine.refuses(place / "arm", "--mindspore", wheel) == f"{wheel}: not a wheel"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mindspore/__init__.py", "")
    told = machine.refuses(place / "arm", "--mindspore", wheel)
    assert told == f"{wheel} is not a wheel for aarch64: nothing in it is compiled"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mindspore/lib/libfirst.so.1", elf(183))
        archive.writestr("mindspore/_c_expression.so", elf(62))
    told = machine.refuses(place / "arm", "--mindspore", wheel)
    assert told == f"{wheel} is not a wheel for aarch64: mindspore/_c_expression.so"
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("machine_number", [62, 183])
def test_what_pip_brings_is_looked_at_and_nothing_is_left_half_made(machine, tmp_path, place, machine_number):
    compiled = tmp_path / "compiled"
    compiled.write_bytes(elf(machine_number))
    machine.has("host-python", PIP.format(python=sys.executable, compiled=compiled))
    # It ends where the project is installed: nothing is emulated here.
    machine.has(
        "unshare", '[ "$2" = true ] || [ "$4" = chroot ] || { echo "no emulation here" >&2; exit 1; }'
    )
    told = machine.refuses(place / "arm")
    if machine_number == 62:
        assert told == "pip brought a wheel that is not for aarch64: mindspore/_c_expression.so"
    else:
        # As far as it gets without an emulator.
        assert re.search(r"cannot be installed in it: ", told), told
    assert list(place.iterdir()) == []


def test_pips_own_words_are_told(machine, place):
    script = f'[ "$2" != pip ] && exec {sys.executable} "$@"; echo "ERROR: no such release" >&2; exit 1'
    machine.has("host-python", script)
    assert machine.refuses(place / "arm", "--mindspore", "9.9") == (
        "pip cannot fetch the wheels: ERROR: no such release"
    )
    assert list(place.iterdir()) == []


def test_a_second_run_makes_nothing_anew_and_keeps_what_is_bound(machine, tmp_path, made):
    machine.has("debootstrap", "echo made anew; exit 1")
    done = machine.run(made, "--bind", tmp_path, "--cpu", "a64fx")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{made}/python: was there already (mindspore==2.10.0)\n"
    checkout = str(TOOLS.parents[1])
    # A folder that is gone since is bound no more.
    expected = {checkout, str(tmp_path), *(["/srv"] if Path("/srv").is_dir() else [])}
    assert set((made / "binds").read_text().split()) == expected
    assert (made / "cpu").read_text() == "a64fx\n"
    assert machine.refuses(made, "--mindspore", "2.9.0") == (
        f"{made} has mindspore==2.10.0; choose another folder for mindspore==2.9.0, or --remove this one"
    )


def test_removing_it_leaves_nothing_and_may_be_repeated(machine, made):
    for told in ("removed", "nothing is there"):
        done = machine.run("--remove", made)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{made}: {told}\n", "")
        assert not made.exists()


def _may_mount():
    return (
        os.geteuid() == 0 and shutil.which("unshare") and not subprocess.call(["unshare", "--mount", "true"])
    )


@pytest.mark.skipif(not _may_mount(), reason="needs root, and mount namespaces")
def test_nothing_is_deleted_through_a_mount(machine, tmp_path, made):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    inside = made / "root" / "etc"
    script = 'mount --bind "$1" "$2" && PATH=$3 exec bash "$4" --remove "$5"'
    arguments = [precious, inside, machine.folder, TOOLS / "make_interpreter.sh", made]
    apart = ["unshare", "--mount", "--propagation", "private"]
    command = [*apart, "bash", "-c", script, "bash", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"make_interpreter.sh: {inside} is a mount below {made}; nothing was deleted; umount it first\n"
    )
    assert (precious / "file").read_text() == "kept"
    assert (made / "made-by-harness").exists()


@pytest.mark.parametrize(
    ("change", "variables", "told"),
    [
        (lambda m: m.has("id", "echo 1000"), {}, "needs root, to enter its root file system"),
        (
            lambda m: m.lacks("qemu-aarch64-static"),
            {},
            "the emulator qemu-aarch64-static is missing; install qemu-user-static",
        ),
        (
            lambda m: None,
            {"QEMU_CPU": "kunpeng-920"},
            "QEMU_CPU=kunpeng-920: QEMU knows no such processor; it knows a64fx max neoverse-n1",
        ),
    ],
    ids=["no root", "no emulator", "processor"],
)
def test_the_interpreter_says_why_it_does_not_start(machine, made, change, variables, told):
    change(machine)
    done = machine.run("-c", "pass", script=str(made / "python"), **variables)
    assert (done.returncode, done.stderr) == (1, f"{made}/python: {told}\n")
