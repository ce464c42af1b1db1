#!/usr/bin/env python3
"""What a document shows is what the code has: check.py DOCUMENT STATE_DIAGRAM_PROGRAM SOURCE...

A block "```c NAME" stands word for word between "/* [NAME] */" and "/* [end] */" in one of the
sources, where it is compiled and run, and each such piece is shown. The one "```mermaid" block is
what the program draws. With --write the document is made so.
"""
import re
import subprocess
import sys
import textwrap

write = "--write" in sys.argv
document, program, *sources = [a for a in sys.argv[1:] if a != "--write"]
pieces = {}
for source in sources:
    text = open(source).read()
    for name, body in re.findall(r"^ */\* \[(?!end\])(.+?)\] \*/\n(.*?)^ */\* \[end\] \*/$", text,
                                 re.M | re.S):
        assert name not in pieces, f"{name} twice"
        pieces[name] = textwrap.dedent(body)
diagram = subprocess.run([program], check=True, capture_output=True, text=True).stdout

text = open(document).read()
problems, shown = [], set()


def right(match):
    language, name, body = match.groups()
    if language == "mermaid":
        name, wanted = "mermaid", diagram
    elif language == "c":
        if name not in pieces:
            problems.append(f'no piece of code is called "{name}"')
            return match.group(0)
        wanted = pieces[name]
    else:
        return match.group(0)
    shown.add(name)
    if body != wanted and not write:
        problems.append(f'"{name}" is not what the code has')
    return f"```{language}{'' if language == 'mermaid' else ' ' + name}\n{wanted}```"


text = re.sub(r"^```(\w+)(?: (.+?))?\n(.*?)^```$", right, text, flags=re.M | re.S)
problems += [f'"{name}" is not shown' for name in [*pieces, "mermaid"] if name not in shown]
if write:
    open(document, "w").write(text)
print("\n".join(problems) or f"{len(shown)} blocks are as in the code")
sys.exit(1 if problems else 0)
