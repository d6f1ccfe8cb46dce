"""Prints what the kernel of an aarch64 machine has in /proc/cpuinfo; it runs under the emulator.

QEMU shows an aarch64 program that file only since 8.2; before, the program sees that of the machine below.
"""

import ctypes
import mmap
import struct

# The bits of AT_HWCAP, from the lowest, by the names that Linux gives them.
_NAMES = [
    *(
        "fp",
        "asimd",
        "evtstrm",
        "aes",
        "pmull",
        "sha1",
        "sha2",
        "crc32",
        "atomics",
        "fphp",
        "asimdhp",
        "cpuid",
    ),
    *("asimdrdm", "jscvt", "fcma", "lrcpc", "dcpop", "sha3", "sm3", "sm4", "asimddp", "sha512", "sve"),
    *("asimdfhm", "dit", "uscat", "ilrcpc", "flagm", "ssbs", "sb", "paca", "pacg"),
]

_libc = ctypes.CDLL(None)
_libc.getauxval.restype = ctypes.c_ulong
_libc.getauxval.argtypes = [ctypes.c_ulong]
_hwcap = _libc.getauxval(16)
# `mrs x0, midr_el1; ret`: user programs may read the register if AT_HWCAP says `cpuid`.
_code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
_code.write(struct.pack("<II", 0xD5380000, 0xD65F03C0))
_midr = ctypes.CFUNCTYPE(ctypes.c_ulong)(ctypes.addressof(ctypes.c_char.from_buffer(_code)))()

print("processor\t: 0")
print("BogoMIPS\t: 100.00")
print("Features\t:", " ".join(name for bit, name in enumerate(_NAMES) if _hwcap >> bit & 1))
print(f"CPU implementer\t: {_midr >> 24:#04x}")
print("CPU architecture: 8")
print(f"CPU variant\t: {_midr >> 20 & 0xF:#x}")
print(f"CPU part\t: {_midr >> 4 & 0xFFF:#05x}")
print(f"CPU revision\t: {_midr & 0xF}")
print()
