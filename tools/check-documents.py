#!/usr/bin/env python3
"""Looks whether what the documents say is there: links, programs and their options, pages of the index, paths, types and tests.

    tools/check-documents.py [--programs DIR]…

With a folder of programs (such as target/release) commands are compared with what `--help` says; without one, only with the names
of the programs in examples/src/bin. Ends with 0, or with 1 when something is not there.
"""

import argparse
import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^( *)(```+)(\w*)\s*$")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+(?:\([^()\s]*\))?)\)")
PROGRAM = re.compile(r"^sr-[a-z][a-z-]*$")
SEPARATORS = set("();<>|&")


class Page:
    """A document, taken apart."""

    def __init__(self, path):
        self.path = path
        self.text = []  # (number, line) outside of code
        self.code = []  # (number, language, lines)
        fence = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = FENCE.match(line)
            if fence is None and match:
                fence = match.group(2)
                self.code.append((number + 1, match.group(3), []))
            elif fence is not None and match and match.group(2) == fence and not match.group(3):
                fence = None
            elif fence is not None:
                self.code[-1][2].append(line)
            else:
                self.text.append((number, line))

    @property
    def name(self):
        return self.path.relative_to(ROOT)

    @functools.cached_property
    def anchors(self):
        found = {}
        for _, line in self.text:
            if re.match(r"^#{1,6} ", line):
                words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip()).lower()
                slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
                count = found.get(slug, 0)
                found[slug] = count + 1
                if count:
                    found[f"{slug}-{count}"] = 1
        return set(found)

    def spans(self):
        """Inline code: (number, text)."""
        for number, line in self.text:
            for match in re.finditer(r"(`+)(.+?)\1(?!`)", line):
                yield number, match.group(2).strip()


class Help:
    """What `--help` says of a program or a subcommand."""

    def __init__(self, text):
        self.options = {}  # name: takes "nothing", "value" or "rest"
        for line in text.splitlines():
            match = re.match(r"^ {1,8}(?:(-\w)(?:, )?)?(--[a-z][a-z0-9-]*)?((?:\[?=?<[^>]+>\]?|\s<[^>]+>)(\.\.\.)?)?(?:\s|$)", line)
            if not match or not (match.group(1) or match.group(2)):
                continue
            value = match.group(3) or ""
            takes = "rest" if match.group(4) else "value" if value and not value.startswith("[") else "nothing"
            for name in filter(None, match.groups()[:2]):
                self.options[name] = takes
        usage = re.search(r"^Usage: (.*)$", text, re.MULTILINE)
        words = usage.group(1).split("[OPTIONS]") if usage else [""]
        rest = re.sub(r"--[a-z-]+ <[^>]+>", "", " ".join(words))
        self.takes_words = bool(re.search(r"[<\[][A-Z]", rest))
        self.commands = set()
        part = re.search(r"^Commands:\n((?:  .*\n)+)", text + "\n", re.MULTILINE)
        if part:
            self.commands = set(re.findall(r"^  ([a-z][a-z-]*)\b", part.group(1), re.MULTILINE)) - {"help"}


class Programs:
    """The programs there are."""

    def __init__(self, folders):
        self.folders = [Path(one) for one in folders]
        self.named = {one.stem for one in (ROOT / "examples/src/bin").glob("sr-*.rs")}
        self.named |= {one.name for one in (ROOT / "examples/src/bin").glob("sr-*") if one.is_dir()}

    def exists(self, name):
        return name in self.named or self.path(name) is not None

    def path(self, name):
        return next((one / name for one in self.folders if (one / name).is_file()), None)

    @functools.lru_cache(maxsize=None)
    def help(self, *words):
        path = self.path(words[0])
        if path is None:
            return None
        done = subprocess.run([path, *words[1:], "--help"], capture_output=True, text=True, timeout=30, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)} --help ends with {done.returncode}")
        return Help(done.stdout)


def check_links(page, say):
    for number, line in page.text:
        for match in LINK.finditer(re.sub(r"`[^`]*`", "``", line)):
            target, _, anchor = match.group(1).partition("#")
            if re.match(r"^[a-z][a-z0-9+.-]*:", target):
                continue
            path = (page.path.parent / target).resolve() if target else page.path
            if not path.exists():
                say(page, number, f"leads nowhere: {match.group(1)}")
            elif anchor and path.suffix == ".md" and anchor not in pages(path).anchors:
                say(page, number, f"there is no such heading: {match.group(1)}")


@functools.lru_cache(maxsize=None)
def pages(path):
    return Page(path)


def commands(page):
    """The commands of fenced blocks: (number, words)."""
    for first, language, lines in page.code:
        if language not in ("sh", "console", "bash"):
            continue
        whole, begin = "", first
        for number, line in enumerate(lines, first):
            if language == "console":
                line = line.strip()
                if not whole and not line.startswith("$ "):
                    continue
                line = line.removeprefix("$ ")
            begin = begin if whole else number
            if line.endswith("\\"):
                whole += line[:-1] + " "
                continue
            yield from split(begin, whole + line)
            whole = ""


def split(number, line):
    lexer = shlex.shlex(line.replace("$(", "( "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError:
        tokens = line.split()
    current = None
    for token in tokens + [";"]:
        if set(token) <= SEPARATORS:
            if current:
                yield number, current
            current = None
        elif current is not None:
            current.append(token)
        elif PROGRAM.match(token):
            current = [token]


def check_command(page, number, words, programs, say):
    name = words[0]
    if not programs.exists(name):
        say(page, number, f"there is no program {name}")
        return
    known = programs.help(name)
    if known is None:
        return
    path, rest = [name], iter(words[1:])
    for word in rest:
        option = word.split("=", 1)[0]
        if word == "--":
            return
        if re.match(r"^--?[a-zA-Z]", word):
            takes = known.options.get(option)
            if takes is None:
                say(page, number, f"{' '.join(path)} has no option {option}")
                return
            if takes == "rest":
                return
            if takes == "value" and "=" not in word:
                next(rest, None)
        elif known.commands:
            if word not in known.commands:
                say(page, number, f"{' '.join(path)} has no command {word}")
                return
            path.append(word)
            known = programs.help(*path)
        elif not known.takes_words:
            say(page, number, f"{' '.join(path)} takes no {word}")
            return


def check_span(page, number, span, programs, say):
    """A mention within a sentence: with what may be left out, and ways to choose from."""
    words = re.sub(r"\\?\||[\[\]()…]", " ", span.split(" -- ", 1)[0]).split()
    if not words or not PROGRAM.match(words[0]):
        return
    name = words[0]
    if not programs.exists(name):
        say(page, number, f"there is no program {name}")
        return
    known = programs.help(name)
    if known is None:
        return
    options = set(known.options)
    for one in known.commands:
        options |= set(programs.help(name, one).options)
    for word in words[1:]:
        option = re.match(r"^--?[a-zA-Z][a-z-]*", word)
        if option and option.group() not in options:
            say(page, number, f"{name} has no option {option.group()}")
    if len(words) > 1 and re.match(r"^[a-z][a-z-]*$", words[1]):
        if known.commands and words[1] not in known.commands:
            say(page, number, f"{name} has no command {words[1]}")
        elif not known.commands and not known.takes_words:
            say(page, number, f"{name} takes no {words[1]}")


def check_index(say):
    folder = ROOT / "docs/process"
    index = pages(folder / "README.md")
    linked = set()
    for _, line in index.text:
        linked |= {(folder / match.group(1).partition("#")[0]).resolve() for match in LINK.finditer(line)}
    for path in sorted(folder.rglob("*.md")):
        if path != index.path and path not in linked:
            say(index, 1, f"the index does not name {path.relative_to(folder)}")
    for path in sorted((folder / "policies").glob("*.toml")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = re.match(r'^template = "(.+)"', line)
            if match and not (folder / match.group(1)).is_file():
                print(f"{path.relative_to(ROOT)}:{number}: there is no document {match.group(1)}")
                say.count += 1


class Sources:
    """Where names are defined: `crate::module::name`, with `strongroom-` or without."""

    def __init__(self):
        self.folders = {}
        for manifest in [*ROOT.glob("crates/*/Cargo.toml"), *ROOT.glob("benches/*/Cargo.toml"), ROOT / "examples/Cargo.toml"]:
            name = manifest.parent.name.replace("-", "_")
            self.folders[name] = self.folders[name.removeprefix("strongroom_")] = manifest.parent

    @functools.lru_cache(maxsize=None)
    def files(self, crate):
        folder = self.folders[crate]
        return {one.relative_to(folder): one.read_text(encoding="utf-8") for one in folder.rglob("*.rs") if "target" not in one.parts}

    def missing(self, name):
        """Says what of `crate::a::b` is not there; None if nothing."""
        crate, *path = name.split("::")
        if crate not in self.folders:
            return f"there is no crate {crate}"
        files = self.files(crate)
        last = path[-1]
        define = re.compile(rf"\b(?:fn|struct|enum|trait|type|const|static|mod|macro_rules!)\s+{last}\b|^\s*{last}(?:\s*[({{,=]|$)", re.MULTILINE)
        modules = [one for one in path[:-1] if one[0].islower()]
        owners = [one for one in path[:-1] if one[0].isupper()]
        for place, text in files.items():
            inside = all(one in place.with_suffix("").parts or re.search(rf"\bmod {one}\b", text) for one in modules)
            if inside and define.search(text):
                break
        else:
            return f"{crate} defines no {'::'.join(path)}"
        for owner in owners:
            if not any(re.search(rf"\b(?:struct|enum|trait|type)\s+{owner}\b", text) for text in files.values()):
                return f"{crate} defines no {owner}"
        return None


def check_requirements(say):
    path = ROOT / "docs/requirements.md"
    if not path.exists():
        return
    page, sources = pages(path), Sources()
    for number, span in page.spans():
        if re.match(r"^[a-z][a-z0-9_]*(::\w+)+$", span):
            missing = sources.missing(span)
            if missing:
                say(page, number, missing)
        elif re.match(r"^[\w.*-]+(/[\w.*-]+)+/?$", span) and not any(ROOT.glob(span.rstrip("/"))):
            say(page, number, f"there is no {span}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--programs", metavar="DIR", action="append", default=[], help="folder with built programs; can be given several times")
    programs = Programs(parser.parse_args().programs)

    def say(page, number, text):
        print(f"{page.name}:{number}: {text}")
        say.count += 1

    say.count = 0
    looked = 0
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        page = pages(path)
        check_links(page, say)
        for number, words in commands(page):
            looked += 1
            check_command(page, number, words, programs, say)
        for number, span in page.spans():
            check_span(page, number, span, programs, say)
    check_index(say)
    check_requirements(say)
    print(f"{say.count} mistakes; {looked} commands" + ("" if programs.folders else ", only their names: no --programs"))
    return 1 if say.count else 0


if __name__ == "__main__":
    sys.exit(main())
