"""Explains Python tracebacks and messages of the shell from what they say and a catalogue, without running or guessing."""

import re
from dataclasses import dataclass

from council.serving.compute.code import causes, python_causes, shell_causes
from council.serving.wording import manners

_HEAD = "Traceback (most recent call last):"
_TEXT_CHARS_MAX = 60_000
_BARE_CHARS_MAX = 600
_FRAME = re.compile(r'^[ \t]*File "([^"\n]{1,300})", line (\d{1,9})(?:, in (\S.{0,200}))?[ \t]*$')
_LAST = re.compile(
    r"^([A-Za-z_][\w.]{0,120}(?:Error|Exception|Interrupt|Exit|Iteration|Warning|Group))(?::[ \t]?(.{0,2000}))?$"
)
# An error's last line alone, with no more around it than the wish to know what it means.
_BARE = re.compile(
    r"(?:(?:explain|what does|what is|what's|what causes|why do i get|"
    r"why am i getting|how (?:do|can) i (?:fix|solve)|fix|i get|i got|i'm getting|help(?: me)?(?: with)?|understand)[ ,:]+)?"
    r"(?:(?:this|the|my|a|an|following)[ :]+)*(?:python3?[ :]+)?(?:error(?: message)?[ :]+|exception[ :]+|message[ :]+)?"
    r"(?P<mark>[`'\"]?)(?P<name>[A-Za-z_]\w{0,80}(?:Error|Exception|Interrupt|Exit|Iteration)): (?P<message>.{1,400}?)(?P=mark)"
    r"(?: mean)?(?:,? in python3?)?[ ?.!]*",
    re.IGNORECASE,
)
_REPEATED = re.compile(r"^\s*\[Previous line repeated (\d+) more times?\]")
_NO_SOURCE = re.compile(rf"(?:{_FRAME.pattern})|(?:{_REPEATED.pattern})")
_CHAIN = (
    (
        "During handling of the above exception, another exception occurred:",
        "While that was handled, another error came:",
    ),
    ("The above exception was the direct cause of the following exception:", "It was turned into another error:"),
)
_CARETS = re.compile(r"^\s*[~^]+[\s~^]*$")
_SHELL = re.compile(
    r"^(?:/?[\w./-]*(?:bash|sh|zsh)(?:-[\d.]+)?|[\w./-]+\.sh): (?:line (\d+): |(\d+): )?(.{1,500})$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class _Frame:
    file: str
    line: int
    function: str
    source: str
    marked: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of a traceback: where it came from, innermost frame last, and how often frames were folded."""

    name: str
    message: str
    frames: tuple[_Frame, ...]
    repeated: int = 0


def explain(text: str) -> str | None:
    """Return what a traceback or shell error in `text` says, in words; None where there is none."""
    text = text[:_TEXT_CHARS_MAX]
    faults, links = parse(text)
    faults = faults or _bare(text)
    if faults:
        return _told(faults, links)
    for match in _SHELL.finditer(text):
        cause = shell_causes.of_shell(match.group(3))
        if cause is not None:
            line = match.group(1) or match.group(2)
            where = f" in line {line}" if line else ""
            return f"The shell reports{where}: `{match.group(3).strip()}`\n\n{_cause_lines(cause)}"
    return None


def _bare(text: str) -> list[Fault]:
    """Return the error of one line that names it, where Python has that error."""
    match = _BARE.fullmatch(manners.without(text)) if len(text) <= _BARE_CHARS_MAX else None
    if match is None or python_causes.of_python(match["name"], match["message"]) is None:
        return []
    return [Fault(match["name"], match["message"], ())]


def parse(text: str) -> tuple[list[Fault], list[str]]:
    """Return the errors in the order in which they are written, and what links each with the next."""
    faults: list[Fault] = []
    links: list[str] = []
    lines = text.splitlines()
    position = 0
    while position < len(lines):
        line = lines[position].strip()
        frame = _FRAME.match(lines[position])
        if line.endswith(_HEAD) or (frame and _is_syntax(lines, position)):
            fault, position = _fault(lines, position + (0 if frame else 1))
            if fault is not None:
                faults.append(fault)
            continue
        link = next((told for written, told in _CHAIN if line == written), "")
        if link and len(links) < len(faults):
            links.append(link)
        position += 1
    return faults, links


def _is_syntax(lines: list[str], position: int) -> bool:
    """Say whether a frame without a head stands before a SyntaxError, which has none when a file is run."""
    return any(re.match(r"\s*(?:Syntax|Indentation|Tab)Error\b", line) for line in lines[position + 1 : position + 5])


def _fault(lines: list[str], position: int) -> tuple[Fault | None, int]:
    frames: list[_Frame] = []
    repeated = 0
    while position < len(lines):
        line = lines[position]
        if found := _FRAME.match(line):
            frame, position = _frame(lines, position, found)
            frames.append(frame)
        elif again := _REPEATED.match(line):
            repeated += int(again.group(1)[:12])
            position += 1
        elif last := _LAST.match(line.strip()):
            return Fault(last.group(1), last.group(2) or "", tuple(frames), repeated), position + 1
        elif line.strip() and not line.startswith((" ", "\t")) and frames:
            name = re.fullmatch(r"([A-Za-z_][\w.]{0,120})(?:: (.{0,2000}))?", line.strip())
            return (
                (Fault(name.group(1), name.group(2) or "", tuple(frames), repeated), position + 1)
                if name
                else (None, position + 1)
            )
        elif line.strip().endswith(_HEAD):
            return None, position
        else:
            position += 1
    return None, position


def _frame(lines: list[str], position: int, found: re.Match[str]) -> tuple[_Frame, int]:
    source = marked = ""
    after = position + 1
    if after < len(lines) and lines[after].startswith((" ", "\t")) and not _NO_SOURCE.match(lines[after]):
        source = lines[after]
        after += 1
        if after < len(lines) and _CARETS.match(lines[after]):
            marked = _marked(source, lines[after])
            after += 1
    return _Frame(found.group(1), int(found.group(2)), found.group(3) or "", source.strip(), marked), after


def _marked(source: str, carets: str) -> str:
    """Return the part of the line that the marks stand under."""
    columns = [index for index, letter in enumerate(carets) if letter in "~^"]
    return source[columns[0] : columns[-1] + 1].strip()[:200] if columns else ""


def _told(faults: list[Fault], links: list[str]) -> str:
    parts = []
    for number, fault in enumerate(faults):
        if number:
            parts.append(links[number - 1] if number <= len(links) else "Then:")
        parts.append(_one(fault))
    last = faults[-1]
    cause = python_causes.of_python(last.name, last.message)
    parts.append(
        _cause_lines(cause)
        if cause
        else "This is no error of Python's own; its meaning stands in the library or program that raises it."
    )
    return "\n\n".join(parts)


def _one(fault: Fault) -> str:
    head = f"`{fault.name}`" + (f": {fault.message.strip()[:500]}" if fault.message else "")
    if not fault.frames:
        return head
    frame = _own(fault.frames)
    place = f"in `{frame.file}`, line {frame.line}"
    if frame.function and frame.function != "<module>":
        place += f", in `{frame.function}`"
    lines = [
        f"{head}\nIt was raised {place}" if frame is fault.frames[-1] else f"{head}\nIt came out of your code {place}"
    ]
    if frame.source:
        lines[0] += f":\n\n    {frame.source}\n"
        if frame.marked and frame.marked != frame.source:
            lines.append(f"The part at fault: `{frame.marked}`")
    else:
        lines[0] += "."
    if frame is not fault.frames[-1]:
        inner = fault.frames[-1]
        lines.append(f"The error itself arose deeper, in `{inner.file}`, line {inner.line}.")
    if fault.repeated:
        lines.append(f"The call was repeated {fault.repeated} more times.")
    return "\n".join(lines)


def _own(frames: tuple[_Frame, ...]) -> _Frame:
    """Return the innermost frame that is not of an installed library, else the innermost."""
    foreign = ("site-packages", "dist-packages", "/lib/python", "<frozen")
    own = [frame for frame in frames if not any(part in frame.file for part in foreign)]
    return own[-1] if own else frames[-1]


def _cause_lines(cause: causes.Cause) -> str:
    return f"What it means: {cause.means}\nUsual causes: {cause.usually}.\nNext step: {cause.do}."
