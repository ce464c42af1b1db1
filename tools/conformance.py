#!/usr/bin/env python3
"""Which test shows which requirement: joins docs/requirements.txt, the tags of the tests, and results.

  conformance.py [--results DIR]  writes docs/conformance.md; DIR has the XML of GoogleTest and ctest
  conformance.py --check          every tag names a row; the document is true but for its results

A tag is a comment directly above a test: // covers: bug 72, must rfc9260#6.8, fault 3
Above a fuzz target it is about its corpus. In a file without tests it names a ctest itself:
// covers: changelog 42 (ctest layout_c_32_bits)
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "docs/requirements.txt"
DOCUMENT = ROOT / "docs/conformance.md"
LATER = {
    "network": "with TURN, TCP, TLS, mDNS, lite, trickle (issue 5)",
    "chip": "with the microcontrollers",
    "never": "not ours",
}

Row = collections.namedtuple("Row", "id when what refs")
Tag = collections.namedtuple("Tag", "ref test where")  # test: "Suite.name" or "ctest name"


# ---------------------------------------------------------------- requirements

def section(text):
    """"7.2.5.1" or "A.1" as something that compares."""
    return tuple((0, int(p)) if p.isdigit() else (1, p) for p in text.split("."))


def references(text):
    """"rfc9260#8.1-8.3, 3.3.5" -> [(rfc, from, to)]; a row without a section is itself alone."""
    refs, rfc = [], None
    for part in text.split(","):
        part = part.strip()
        if "#" in part:
            rfc, part = part.split("#")
        first, _, last = part.partition("-")
        refs.append((rfc, first, last or first))
    return refs


def requirements():
    groups, rows = [], []
    for number, line in enumerate(REQUIREMENTS.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"== (\w+): (.*) ==", line):
            rows = []
            groups.append((heading[2], rows))
            continue
        name, when, what = (part.strip() for part in line.split("|"))
        kind, _, rest = name.partition(" ")
        refs = references(rest) if kind == "must" else []
        row_id = name.split(",")[0].split("-")[0]
        if when not in ("now", *LATER):
            sys.exit(f"{REQUIREMENTS}:{number}: unknown time {when}")
        if any(row_id == r.id for _, group in groups for r in group):
            sys.exit(f"{REQUIREMENTS}:{number}: {row_id} is there already")
        rows.append(Row(row_id, when, what, refs))
    return groups


def resolve(tag, rows):
    """The rows that a tag may mean: one, if it is a good one."""
    by_id = {row.id: row for row in rows}
    if tag in by_id:
        return [by_id[tag]]
    tag = re.sub(r"(#[\w.]+)-[\w.]+$", r"\1", tag)  # of a range its begin
    if tag in by_id:
        return [by_id[tag]]
    named = re.fullmatch(r"must (rfc\d+)#([\w.]+)", tag)
    if not named:
        return []
    lettered = [row for row in rows if re.fullmatch(re.escape(tag) + "[a-z]", row.id)]
    if lettered:
        return lettered
    rfc, wanted = named[1], section(named[2])
    within, parents = [], []
    for row in rows:
        for of, first, last in row.refs:
            first, last = section(first.rstrip("abcd")), section(last.rstrip("abcd"))
            if of != rfc:
                continue
            if first <= wanted and wanted[: len(last)] <= last:
                within.append((len(first), row))
            elif first[: len(wanted)] == wanted:
                parents.append(row)
    if within:  # the closest one
        closest = max(depth for depth, _ in within)
        return list({row.id: row for depth, row in within if depth == closest}.values())
    return list({row.id: row for row in parents}.values())


# ---------------------------------------------------------------- tags

def sources():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split()
    for name in listed:
        # What a browser or a script shows is no row of a table of ctest, but for its own name there.
        if name.endswith((".cpp", ".hpp", ".c", ".txt", ".mjs")) and not name.startswith("docs/"):
            yield ROOT / name


TEST = re.compile(r"\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\(\s*(\w+)\s*,\s*(\w+)\s*\)")


def tags_of(path):
    """The tags of a file, and what is wrong with them."""
    lines = path.read_text(errors="replace").splitlines()
    tags, wrong = [], []
    for number, line in enumerate(lines):
        if not (begin := re.match(r"\s*(?://|#) covers: (.*)", line)):
            continue
        text, at = begin[1], number + 1
        while text.rstrip().endswith(",") and (more := re.match(r"\s*(?://|#) (.*)", lines[at])):
            text, at = text + " " + more[1], at + 1
        where = f"{path.relative_to(ROOT)}:{number + 1}"
        test = None
        if named := re.search(r"\(ctest ([\w.]+)\)", text):
            test, text = "ctest " + named[1], text.replace(named[0], "")
        else:
            while at < len(lines) and re.match(r"\s*//", lines[at]):
                at += 1
            rest = " ".join(lines[at : at + 3])
            if found := TEST.match(rest):
                test = f"{found[1]}.{found[2]}"
            elif "LLVMFuzzerTestOneInput" in rest:
                test = "ctest replay_" + path.stem.removesuffix("_fuzz")
        if not test:
            wrong.append(f"{where}: a tag above no test")
            continue
        for ref in text.split(","):
            if ref.strip():
                tags.append(Tag(re.sub(r"\s+", " ", ref.strip()), test, where))
    return tags, wrong


# ---------------------------------------------------------------- results

def results(directory):
    """Test -> "passed", "failed" or "skipped", the worst of its instances."""
    found = {}

    def note(test, result):
        order = ("passed", "skipped", "failed")
        found[test] = max(found.get(test, result), result, key=order.index)

    for path in sorted(pathlib.Path(directory).glob("*.xml")):
        try:
            root = ET.parse(path).getroot()
        except ET.ParseError:
            continue  # of a program that ended in the middle: its ctest says that it failed
        of_ctest = root.tag == "testsuite"
        for case in root.iter("testcase"):
            failed = case.find("failure") is not None or case.get("status") in ("fail", "failed")
            skipped = case.find("skipped") is not None
            result = "failed" if failed else "skipped" if skipped else "passed"
            if of_ctest:
                note("ctest " + case.get("name"), result)
            elif case.get("status") == "run":  # of several shards one runs it
                suite = next(p for p in reversed(case.get("classname").split("/"))
                             if not p.isdigit())
                note(f"{suite}.{case.get('name').split('/')[0]}", result)
    return found


# ---------------------------------------------------------------- the document

def document(groups, tests_of, unclear, outcome):
    rows = [row for _, group in groups for row in group]
    due = [row for row in rows if row.when == "now"]
    shown = [row for row in due if tests_of[row.id]]
    open_rows = [row for row in due if not tests_of[row.id]]
    out = ["# Conformance", "",
           "Made by `./dev conformance` of `docs/requirements.txt`, the `// covers:` tags of the"
           " tests, and their last results. Do not edit.", "",
           f"**{len(shown)} of {len(due)} rows that are due have a test; {len(open_rows)} are OPEN;"
           f" {len(rows) - len(due)} of {len(rows)} come later or never.**", ""]
    if open_rows:
        out += ["OPEN, without any test: " + ", ".join(row.id for row in open_rows) + ".", ""]
    if unclear:
        out += ["## Tags that name more than one row, and count for none", ""]
        out += [f"- `{ref}` ({test}): one of {', '.join(ids)}" for ref, test, ids in unclear] + [""]
    for title, group in groups:
        out += [f"## {title}", "", "| row | what has to be so | tests | result |", "|---|---|---|---|"]
        for row in group:
            files = tests_of[row.id]
            tests = sorted(files)
            if tests:
                said = collections.Counter(outcome.get(test, "not run") for test in tests)
                result = ", ".join(
                    word if len(said) == 1 else f"{said[word]} {word}"
                    for word in ("passed", "failed", "skipped", "not run") if said[word])
                result = result.replace("failed", "**FAILED**")
            elif row.when == "now":
                result = "**OPEN**"
            else:
                result = "later: " + LATER[row.when] if row.when != "never" else LATER[row.when]
            names = "<br>".join(f"[`{test}`](../{files[test]})" for test in tests)
            out.append(f"| {row.id} | {row.what.replace('|', '/')} | {names} | {result} |")
        out.append("")
    return "\n".join(out)


def without_results(text):
    # Only of rows with tests: that a row is open is no result.
    return re.sub(r"(`\]\([^)|]*\) )\| [^|]* \|$", r"\1|", text, flags=re.M)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--results", default=ROOT / "build/asan/results")
    arguments.add_argument("--check", action="store_true")
    arguments = arguments.parse_args()

    groups = requirements()
    rows = [row for _, group in groups for row in group]
    tests_of = collections.defaultdict(dict)  # of a row: each test, and the file it stands in
    unclear, wrong = [], []
    stands_in = {}
    for path in sources():
        tags, faults = tags_of(path)
        wrong += faults
        for tag in tags:
            meant = resolve(tag.ref, rows)
            if not meant:
                wrong.append(f"{tag.where}: no row is called \"{tag.ref}\"")
            elif len(meant) > 1:
                unclear.append((tag.ref, tag.test, [row.id for row in meant]))
            else:
                file = tag.where.rsplit(":", 1)[0]
                tests_of[meant[0].id][tag.test] = file
                if stands_in.setdefault(tag.test, file) != file and not tag.test.startswith("ctest "):
                    wrong.append(f"{tag.where}: a test of {stands_in[tag.test]} has that name too")
    unclear.sort()
    outcome = results(arguments.results) if not arguments.check else {}
    text = document(groups, tests_of, unclear, outcome)
    if arguments.check:
        for ref, test, ids in unclear:
            print(f"unclear: {ref} of {test} may be {', '.join(ids)}")
        written = DOCUMENT.read_text() if DOCUMENT.exists() else ""
        if not wrong and without_results(written) != without_results(text):
            wrong.append("docs/conformance.md is not what the tests say: ./dev conformance")
    else:
        DOCUMENT.write_text(text)
        print(text.split("\n")[4].strip("*"))
        failed = [test for tests in tests_of.values() for test in tests
                  if outcome.get(test) == "failed"]
        if failed:
            wrong.append("failed: " + ", ".join(sorted(set(failed))))
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


main()
