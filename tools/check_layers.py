#!/usr/bin/env python3
"""Reads every #include of the library and says which one looks up instead of down."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
allowed = {}
for line in (root / "tools/layers.txt").read_text().splitlines():
    words = line.split("#")[0].split()
    if words:
        allowed[words[0]] = set(words)

problems = []
for folder, may in allowed.items():
    for path in sorted((root / folder).rglob("*")):
        if path.suffix not in (".cpp", ".hpp", ".c", ".h") or path.name.endswith("_test.cpp"):
            continue
        for number, text in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', text)
            if not match:
                continue
            name = match.group(1)
            candidates = [root / "src" / name, root / name, root / "include" / name, path.parent / name]
            found = next((c for c in candidates if c.exists()), None)
            where = f"{path.relative_to(root)}:{number}"
            if found is None:
                # Made by CMake; what a build can do is asked in one place.
                if name != "esp_peer/features.hpp" or folder != "src/peer":
                    problems.append(f"{where}: {folder} may not use {name}, or it is nowhere")
                continue
            relative = found.resolve().relative_to(root).as_posix()
            if not any(relative.startswith(f + "/") for f in may):
                problems.append(f"{where}: {folder} may not use {relative}")
print("\n".join(problems))
sys.exit(1 if problems else 0)
