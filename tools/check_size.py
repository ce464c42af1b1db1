#!/usr/bin/env python3
"""Code per folder and sizeof per machine on a Cortex-M4, against tools/size_budget.txt.

Reads the objects of tools/core_objects. With --update the budgets are written anew, a tenth above.
"""
import collections
import pathlib
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
objects = root / "build/cortex-m4"
budget_file = root / "tools/size_budget.txt"


def linked_size(files, name):
    """What a linker keeps of them: inline functions stand in many objects, and once in a program."""
    joined = objects / f"{name}.o"
    subprocess.check_call(["arm-none-eabi-ld", "-r", "-o", str(joined), *files])
    row = subprocess.check_output(["arm-none-eabi-size", str(joined)], text=True).splitlines()[1]
    return int(row.split()[0])


def measure():
    sizes = collections.OrderedDict()
    everything = []
    for folder in sorted((objects / "src").iterdir()):
        files = [str(p) for p in sorted(folder.rglob("*.o"))]
        if not files:
            continue
        sizes[folder.name] = linked_size(files, folder.name)
        everything += files
    sizes["total"] = linked_size(everything, "total")
    probe = objects / "sizes.o"
    subprocess.check_call(
        ["arm-none-eabi-g++", "-mcpu=cortex-m4", "-mthumb", "--specs=nano.specs", "-std=c++20", "-Os",
         "-fno-exceptions", "-fno-rtti", "-Isrc", "-I.", "-c", "tools/sizes.cpp", "-o", str(probe)],
        cwd=root)
    for row in subprocess.check_output(["arm-none-eabi-nm", "-SC", str(probe)], text=True).splitlines():
        words = row.split()
        if len(words) == 4 and "sizeof_" in words[3]:
            sizes[words[3].split("::")[-1]] = int(words[1], 16)
    return sizes


def main():
    budgets = {}
    lines = budget_file.read_text().splitlines()
    for line in lines:
        words = line.split("#")[0].split()
        if len(words) == 2:
            budgets[words[0]] = int(words[1])
    sizes = measure()
    if "--update" in sys.argv:
        head = [line for line in lines if line.startswith("#")]
        rows = [f"{name:<26} {(size * 11 // 10 + 7) // 8 * 8}" for name, size in sizes.items()]
        budget_file.write_text("\n".join(head + rows) + "\n")
        return 0
    status = 0
    print(f"{'what':<26} {'bytes':>8} {'at most':>8}")
    for name, size in sizes.items():
        limit = budgets.get(name)
        over = limit is None or size > limit
        status |= over
        print(f"{name:<26} {size:>8} {limit if limit is not None else 'none':>8}{'  TOO LARGE' if over else ''}")
    return status


sys.exit(main())
