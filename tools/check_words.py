#!/usr/bin/env python3
"""The core reads no clock, opens no socket, starts no thread, takes no memory and prints nothing.

What is allowed all the same stands in tools/words_allowed.txt, with its reason.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
forbidden = {
    r"::now\s*\(": "a clock",
    r"\b(clock_gettime|gettimeofday|time)\s*\(\s*(NULL|nullptr|0|CLOCK)": "a clock",
    r"#\s*include\s*<(thread|mutex|atomic|condition_variable|future|random|iostream|fstream|sstream|"
    r"regex|string|vector|map|unordered_map|deque|list|set|functional|memory|cstdio|cstdlib|ctime)>":
        "a header of the house below",
    r"#\s*include\s*<(sys/|netinet/|arpa/|unistd|pthread|poll|netdb)": "the operating system",
    r"\b(malloc|calloc|realloc|free)\s*\(": "memory that is not lent",
    r"(?<!:)\bnew\s+[A-Za-z_]": "memory that is not lent",
    r"\bdelete\s+[A-Za-z_]": "memory that is not lent",
    r"\b(printf|fprintf|puts|std::cout|std::cerr)\b": "printing",
    r"\bthrow\b|\btry\s*\{|\bcatch\s*\(|\bdynamic_cast\b|\btypeid\b": "exceptions or RTTI",
    r"\brand\s*\(|\bsrand\s*\(": "randomness that is not lent",
}
allowed = []
for line in (root / "tools/words_allowed.txt").read_text().splitlines():
    line = line.split("#")[0].strip()
    if line:
        allowed.append(line.split(None, 2)[:2])

problems = []
for path in sorted((root / "src").rglob("*.[ch]pp")):
    if path.name.endswith("_test.cpp"):
        continue
    name = path.relative_to(root).as_posix()
    for number, text in enumerate(path.read_text().splitlines(), 1):
        code = re.sub(r'"(\\.|[^"\\])*"', '""', text.split("//")[0])
        if text.lstrip().startswith("#"):
            code = text
        for pattern, what in forbidden.items():
            if re.search(pattern, code) and not any(
                    f == name and re.search(p, code) for f, p in allowed):
                problems.append(f"{name}:{number}: {what}: {text.strip()}")
print("\n".join(problems))
sys.exit(1 if problems else 0)
