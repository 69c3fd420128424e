"""LaTeX and Unicode mathematics as the plain text of the grammar: another face of the same tree.

A whitelist: a command that is not listed makes the whole text unreadable. What LaTeX groups is put into parentheses here, so
that nothing is left to precedence; what would be read in two ways even in print (2\\frac{1}{2}, \\sin 2x) stays unreadable.
Operators of calculus come out as ∫_(a)^(b), ∑_(k = 1)^(n) and lim_(x -> a), matrices as [[1, 2], [3, 4]].
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from council.serving.compute.math import limits

TIMES = "\N{INVISIBLE TIMES}"
_DEPTH_MAX = 30
_NEEDS_WORK = re.compile(r"[\\$]|[\^_]\{|[½⅓⅔¼¾⅕⅛∫∑∞→|⌊⌋∂]")


def plain(text: str) -> str:
    """Return `text` in the grammar's plain form. Raises UnreadableError, TooLargeError. Text without such notation is kept."""
    text = _dashes(text)
    if len(text) > limits.TEXT_CHARS_MAX or not _NEEDS_WORK.search(text):
        return text
    found = _fractions(text)
    if "$" in found or re.search(r"\\[(\[]", found):
        found = _with_segments(found)
    elif "\\" in found or "^{" in found or "_{" in found:
        found = _Translator(found, words=True).whole()
    return _bars(_calculus_signs(found))


_DASH_BETWEEN = re.compile(r"(?<![A-Za-z]{2})(?<=[\dA-Za-z)!%°²³]) [\u2013\u2014] (?=[\dA-Za-z(√])(?![A-Za-z]{2})")
_DASH_BEFORE = re.compile(r"(?:(?<=^)|(?<=[(=]))\u2013(?=[\dA-Za-z(])")
_SPAN = re.compile(r"\s*(\d{1,9}) ?[\u2013\u2014] ?(\d{1,9})\s*", re.ASCII)


def _dashes(text: str) -> str:
    """A dash between spaces is a minus, as word processors write it. 1990 to 2000 is so written, too."""
    span = _SPAN.fullmatch(text)
    if span and int(span[1]) < int(span[2]):
        return text
    return _DASH_BEFORE.sub("-", _DASH_BETWEEN.sub(" - ", text))


_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_FRACTION = re.compile(f"[{''.join(_FRACTIONS)}]")


def _fractions(text: str) -> str:
    """½ is (1/2) where it stands alone or before a letter; 2½ and ½3 are left to be refused."""

    def replaced(match: re.Match[str]) -> str:
        before, after = text[: match.start()].rstrip()[-1:], text[match.end() : match.end() + 1]
        if (before.isalnum() and text[match.start() - 1] != " ") or before in (")", ".") or after.isdigit():
            return match.group()
        if before.isdigit() or after == "(":
            return match.group()
        return f"({_FRACTIONS[match.group()]})"

    return _FRACTION.sub(replaced, text)


# A dollar sign opens mathematics only where money cannot be meant: nothing but a formula up to a closing one that touches it.
_SEGMENT = re.compile(
    r"\$\$(?P<a>[^$]+)\$\$|\$(?![\s$])(?P<b>[^$]*[^\s$\\])\$(?!\d)|\\\((?P<c>.+?)\\\)|\\\[(?P<d>.+?)\\\]", re.DOTALL
)


_CALCULUS = re.compile(r"\b(?:derivative|integral|limit) of\s*$", re.IGNORECASE)


def _with_segments(text: str) -> str:
    pieces, position = [], 0
    for match in _SEGMENT.finditer(text):
        before = text[position : match.start()]
        inner = next(group for group in match.groups() if group is not None)
        display = match["a"] or match["d"]
        formula, ending = _without_stop(inner)
        pieces += [before.rstrip("\n") + " " if display else before]
        shown = _Translator(formula, words=False).whole()
        if (
            re.search(r"\bof\s*$", before, re.IGNORECASE)
            and (re.search(r" [-+] ", shown) or _CALCULUS.search(before))
            and not re.search(r"[,=<>≡∫∑|]|->|\b(?:d[xyzt]|and)\b", shown)
        ):
            shown = f"({shown})"  # the words reach as far as the formula
        pieces.append(f" {shown}{ending} " if display else shown + ending)
        position = match.end()
        if display:
            position += len(text[position:]) - len(text[position:].lstrip("\n"))
    pieces.append(text[position:])
    rest = "".join(pieces)
    if "$" in rest:
        raise limits.UnreadableError("A dollar sign may mean money or mathematics.")
    if "\\" in rest:
        raise limits.UnreadableError("There is LaTeX outside of the formulas.")
    return rest.strip()


def _without_stop(formula: str) -> tuple[str, str]:
    """Return a formula without the punctuation of its sentence, and that punctuation."""
    bare = formula.strip()
    if bare[-1:] in (".", ",", "?", ";") and not bare.endswith("\\,") and not bare.endswith("\\;"):
        return bare[:-1], bare[-1]
    return bare, ""


_TOKEN = re.compile(
    r"(?P<command>\\[A-Za-z]+\*?|\\.)|(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<letters>[A-Za-z]+)|(?P<space>\s+|~)|(?P<sign>.)",
    re.DOTALL,
)
_SPACES = frozenset(
    {r"\,", r"\;", r"\:", r"\!", r"\ ", r"\quad", r"\qquad", r"\displaystyle", r"\limits", r"\left", r"\right"}
    | {r"\big", r"\Big", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr"}
)
_SIGNS = {
    r"\times": "*", r"\cdot": "*", r"\ast": "*", r"\div": "÷", r"\le": "<=", r"\leq": "<=", r"\leqslant": "<=",
    r"\ge": ">=", r"\geq": ">=", r"\geqslant": ">=", r"\lt": "<", r"\gt": ">", r"\to": "->", r"\rightarrow": "->",
    r"\%": "%", r"\equiv": "≡", r"\lvert": "|", r"\rvert": "|", r"\vert": "|", r"\lbrack": "[", r"\rbrack": "]",
    "−": "-", "×": "*", "·": "*", "⋅": "*", "→": "->", "≤": "<=", "≥": ">=",
}  # fmt: skip
_FUNCTIONS = frozenset("arcsin arccos arctan sin cos tan sec csc cot ln exp gcd lcm det log sqrt abs max min".split())
_BIG = {r"\int": "∫", r"\sum": "∑", r"\lim": "lim", "∫": "∫", "∑": "∑"}
_TEXTS = frozenset({r"\text", r"\mbox", r"\textrm", r"\mathrm", r"\operatorname", r"\mathbf", r"\textbf"})
_RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "->", "≡"})
_MATRICES = frozenset({"pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix"})
_SYSTEMS = frozenset({"cases", "align", "align*", "aligned", "gather", "gather*", "array"})


@dataclass(frozen=True, slots=True)
class _Piece:
    """`kind` is number, letter, sign, name (of a function), group (in parentheses), fraction, ratio, space or raw."""

    kind: str
    text: str


_PLAIN = {
    r"\pi": _Piece("name", "pi"), r"\infty": _Piece("raw", "infinity"), r"\circ": _Piece("sign", "°"),
    r"\lfloor": _Piece("sign", "⌊"), r"\rfloor": _Piece("sign", "⌋"), r"\bmod": _Piece("raw", " mod "),
    r"\mod": _Piece("raw", " mod "), r"\partial": _Piece("raw", "∂"),
    r"\dots": _Piece("raw", "..."), r"\cdots": _Piece("raw", "..."), r"\ldots": _Piece("raw", "..."),
}  # fmt: skip


class _Translator:
    """One pass over the tokens of a formula; each method takes its own tokens and returns pieces or text."""

    def __init__(self, source: str, words: bool):
        self._tokens = [(str(match.lastgroup), match.group()) for match in _TOKEN.finditer(source)]
        self._index = 0
        self._depth = 0
        self._words = words

    def whole(self) -> str:
        pieces = self._pieces(lambda mark: False)
        if self._index < len(self._tokens):
            raise limits.UnreadableError("A brace or an environment of LaTeX is not opened.")
        return _joined(pieces)

    @property
    def _next(self) -> tuple[str, str]:
        return self._tokens[self._index] if self._index < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        mark = self._next
        self._index += 1
        return mark

    def _skip_spaces(self) -> None:
        while self._next[0] == "space" or self._next[1] in _SPACES:
            self._index += 1

    def _pieces(self, stops: Callable[[str], bool]) -> list[_Piece]:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise limits.TooLargeError(f"The LaTeX is nested more than {_DEPTH_MAX} levels deep. Ask for it in pieces.")
        pieces: list[_Piece] = []
        while self._next[0] != "end" and not stops(self._next[1]) and self._next[1] != "}":
            pieces += self._piece(pieces)
        self._depth -= 1
        return pieces

    def _piece(self, before: list[_Piece]) -> list[_Piece]:
        kind, mark = self._take()
        if kind == "space" or mark in _SPACES:
            return [_Piece("space", " ")] if self._words or "/" in (piece.text for piece in before[-1:]) else []
        if kind == "number":
            return [_Piece("number", mark)]
        if kind == "letters":
            return self._letters(mark)
        if mark in _BIG:
            return self._big(_BIG[mark])
        if mark in ("^", "_"):
            return self._script(mark, before)
        if mark == "{":
            return self._invisible_group()
        if kind == "command":
            return self._command(mark)
        return [_Piece("sign", _SIGNS.get(mark, mark))]

    def _letters(self, mark: str) -> list[_Piece]:
        if mark in _FUNCTIONS and mark not in ("max", "min"):
            return [_Piece("name", mark)]
        if self._words and len(mark) > 1:
            return [_Piece("raw", mark)]
        if len(mark) == 2 and mark[0] == "d" and self._next[0] in ("end", "space", "sign"):
            return [_Piece("raw", f" {mark}")]
        if len(mark) > 3:
            if mark[-2] == "d" and mark[-1] in "xyztu" and len(mark) <= 5:
                return [*[_Piece("letter", letter) for letter in mark[:-2]], _Piece("raw", f" {mark[-2:]}")]
            raise limits.UnreadableError(f"The letters {mark[:30]!r} may be a word or a product.")
        return [_Piece("letter", letter) for letter in mark]

    def _group(self) -> str:
        """Return what a command applies to: a group, or one mark as in TeX."""
        self._skip_spaces()
        kind, mark = self._take()
        if mark == "{":
            return self._rest_of_group()
        if kind == "number" and len(mark) > 1:
            if not mark.isdigit():
                raise limits.UnreadableError("It is not clear how far a command of LaTeX reaches; use braces.")
            self._tokens[self._index - 1] = ("number", mark[1:])
            self._index -= 1
            return mark[0]
        if kind == "letters" and len(mark) > 1:
            raise limits.UnreadableError("It is not clear how far a command of LaTeX reaches; use braces.")
        if kind in ("number", "letters"):
            return mark
        if kind == "command":
            return _joined(self._command(mark))
        raise limits.UnreadableError("A command of LaTeX has nothing to apply to.")

    def _rest_of_group(self) -> str:
        inner = _joined(self._pieces(lambda mark: False))
        if self._take()[1] != "}":
            raise limits.UnreadableError("A brace of LaTeX is not closed.")
        return inner

    def _invisible_group(self) -> list[_Piece]:
        """Braces alone group nothing that a reader of the printed formula could see: {x + 1}^2 is printed as x + 1^2."""
        pieces = self._pieces(lambda mark: False)
        if self._take()[1] != "}":
            raise limits.UnreadableError("A brace of LaTeX is not closed.")
        if len(pieces) > 1:
            raise limits.UnreadableError("Braces around a formula are not printed; use parentheses.")
        return pieces

    def _raw_group(self) -> str:
        """Return the text between braces, letters and spaces alone."""
        self._skip_spaces()
        if self._take()[1] != "{":
            raise limits.UnreadableError("A command of LaTeX has nothing to apply to.")
        found = ""
        while self._next[1] != "}":
            kind, mark = self._take()
            if kind not in ("letters", "space") and mark not in ("*", ",", "-"):
                raise limits.UnreadableError("Text inside a formula is read of letters only.")
            found += mark
        self._take()
        return found

    def _command(self, mark: str) -> list[_Piece]:
        if mark in _SIGNS:
            return [_Piece("sign", _SIGNS[mark])]
        if mark[1:] in _FUNCTIONS - {"log", "sqrt"}:
            return [_Piece("name", mark[1:])]
        if mark in _PLAIN:
            return [_PLAIN[mark]]
        if mark in _TEXTS:
            return [_Piece("name" if mark == r"\operatorname" else "raw", f" {self._raw_group().strip()} ")]
        match mark:
            case r"\frac" | r"\dfrac" | r"\tfrac" | r"\cfrac":
                return [self._fraction()]
            case r"\sqrt":
                return [self._root()]
            case r"\binom" | r"\dbinom":
                return [_Piece("group", f"binom({self._group()}, {self._group()})")]
            case r"\log":
                return [self._logarithm()]
            case r"\pmod":
                return [_Piece("raw", f" (mod {self._group()})")]
            case r"\begin":
                return [_Piece("group", self._environment())]
        raise limits.UnreadableError(f"The command {mark[:30]} of LaTeX is not in the grammar.")

    def _fraction(self) -> _Piece:
        top, bottom = self._group(), self._group()
        slope = re.fullmatch(r"(d|∂)(?:\^\(?(\d)\)?)?", top)
        place = re.fullmatch(r" ?(d|∂) ?\N{INVISIBLE TIMES}?([a-z])(?:\^\(?(\d)\)?)?", bottom)
        if slope and place and slope[1] == place[1] and slope[2] == place[3]:
            order = f"^{slope[2]}" if slope[2] else ""
            return _Piece("raw", f"{slope[1]}{order}/{slope[1]}{place[2]}{order} ")
        literal = top.strip("-").replace(".", "").isdigit() and bottom.replace(".", "").isdigit()
        return _Piece("fraction" if literal else "ratio", f"(({top})/({bottom}))")

    def _root(self) -> _Piece:
        self._skip_spaces()
        if self._next[1] != "[":
            return _Piece("group", f"sqrt({self._group()})")
        self._take()
        index = _joined(self._pieces(lambda mark: mark == "]"))
        self._take()
        inner = self._group()
        if index in ("2", "3"):
            return _Piece("group", f"{'sqrt' if index == '2' else 'cbrt'}({inner})")
        if not index.isdigit() or len(index) > 2 or int(index) < 2:
            raise limits.UnreadableError("A root needs a small whole number as its index.")
        return _Piece("group", f"(({inner})^(1/{index}))")

    def _logarithm(self) -> _Piece:
        self._skip_spaces()
        if self._next[1] != "_":
            raise limits.UnreadableError("A logarithm without a base means different things to different people.")
        self._take()
        base = self._group()
        self._skip_spaces()
        if not base.replace(".", "").isdigit():
            raise limits.UnreadableError("A logarithm is read with a number as its base.")
        if self._next[1] in ("(", r"\left"):
            return _Piece("raw", f" log_{base}")
        kind = self._next[0]
        inner = self._argument() if kind in ("number", "letters") else self._group()
        self._skip_spaces()
        if self._next[0] in ("number", "letters") or self._next[1] in ("^", "(", "!", "%", r"\frac", r"\left", "/"):
            raise limits.UnreadableError("It is not clear how far the logarithm reaches; use parentheses.")
        return _Piece("group", f"log_{base}({inner})")

    def _argument(self) -> str:
        kind, mark = self._take()
        if kind == "letters" and len(mark) > 1:
            raise limits.UnreadableError("It is not clear how far the logarithm reaches; use parentheses.")
        return mark

    def _script(self, sign: str, before: list[_Piece]) -> list[_Piece]:
        self._skip_spaces()
        if sign == "_":
            inner = self._group()
            return [_Piece("raw", f"_{inner}")]
        if before and before[-1].kind in ("fraction", "ratio"):
            raise limits.UnreadableError(
                "A power behind a fraction may belong to its top or to all of it; use parentheses."
            )
        if before[-2:-1] and before[-2].text == "^":
            raise limits.UnreadableError("A power of a power needs braces or parentheses.")
        kind, mark = self._next
        if kind == "number" and not (before and before[-1].kind == "name"):
            self._take()
            return [_Piece("sign", "^"), _Piece("number", mark)]
        if mark in ("+", "-") and self._tokens[self._index + 1 : self._index + 2] in ([], [("sign", "}")]):
            self._take()
            return [_Piece("raw", f"^{mark}")]
        if mark in (r"\circ", "-", "'"):
            if mark == r"\circ":
                self._take()
                return [_Piece("sign", "°")]
            raise limits.UnreadableError("It is not clear how far the exponent reaches; use braces.")
        inner = self._group()
        if inner in ("°", "\\prime"):
            return [_Piece("sign", inner)]
        if before and before[-1].kind == "name" and inner.isdigit() and before[-1].text != "pi":
            return [_Piece("raw", f"^{inner} ")]
        return [_Piece("sign", "^"), _Piece("group", f"({inner})")]

    def _big(self, name: str) -> list[_Piece]:
        """An integral, a sum or a limit with what stands below and above it."""
        found = {"_": "", "^": ""}
        for _ in range(2):
            self._skip_spaces()
            if self._next[1] in found and not found[self._next[1]]:
                sign = self._take()[1]
                found[sign] = self._bound()
        shown = "".join(f"{sign}({inner.strip()})" for sign, inner in found.items() if inner)
        return [_Piece("raw", f" {name}{shown} ")]

    def _bound(self) -> str:
        kind, mark = self._next
        if self._words and mark != "{":
            if kind == "number":
                return self._take()[1]
            if kind == "sign" and mark in ("-", "(", "∞"):
                raise limits.UnreadableError("It is not clear how far a bound reaches; use braces.")
        return self._group()

    def _environment(self) -> str:
        name = self._raw_group()
        rows: list[list[str]] = [[]]
        if name not in _MATRICES | _SYSTEMS | {"vmatrix"}:
            raise limits.UnreadableError(f"The environment {name[:30]} of LaTeX is not in the grammar.")
        while True:
            cell = _joined(self._pieces(lambda mark: mark in ("&", r"\\", r"\end")))
            rows[-1].append(cell.strip())
            mark = self._take()[1]
            if mark == r"\end":
                break
            if mark == r"\\":
                rows.append([])
            elif mark != "&":
                raise limits.UnreadableError("An environment of LaTeX is not closed.")
        if self._raw_group() != name:
            raise limits.UnreadableError("An environment of LaTeX is closed by another.")
        rows = rows[:-1] if rows[-1] == [""] else rows
        if name in _SYSTEMS:
            return " and ".join("".join(row).rstrip(",.; ") for row in rows)
        shown = "[" + ", ".join(f"[{', '.join(row)}]" for row in rows) + "]"
        return f" det {shown}" if name == "vmatrix" else shown


def _joined(pieces: list[_Piece]) -> str:
    """Write pieces side by side: nothing that was apart may grow together."""
    text, last = "", _Piece("sign", "")
    for piece in pieces:
        if piece.kind == "space":
            text += " "
            continue
        text += _between(text, last, piece)
        last = piece
    return re.sub(" +", " ", text)


def _between(text: str, last: _Piece, piece: _Piece) -> str:
    operand = last.kind in ("number", "letter", "group", "fraction", "ratio") or last.text in (")", "|", "!", "°", "%")
    operand = operand or (last.kind == "name" and last.text == "pi")
    if last.kind == "number" and piece.kind == "fraction":
        raise limits.UnreadableError("A number before a fraction may be a mixed number or a product.")
    if piece.text in ("+", "-") and operand:
        return f" {piece.text} "
    if piece.text in _RELATIONS:
        return f" {piece.text} "
    if piece.text == "," and not text[-1:].isdigit():
        return ", "
    if last.kind == "letter" and piece.kind == "letter":
        return TIMES + piece.text
    if last.kind in ("number", "letter") and piece.kind == "number":
        return " " + piece.text
    if piece.kind == "name" and operand:
        return f" {piece.text}"
    if last.kind == "name" and piece.text != "(" and piece.kind != "raw" and piece.text not in ("^", ")", "_", "!"):
        return f" {piece.text}"
    return piece.text


def _calculus_signs(text: str) -> str:
    """∞ as a word, and a bare bound of ∫ and ∑ in parentheses: ∫_0^1 is ∫_(0)^(1)."""
    found = text.replace("∞", "infinity").replace("→", "->")
    if "∫" in found or "∑" in found:
        bare = r"(-?(?:\d+(?:\.\d+)?|pi|π|infinity|[a-z]))"
        found = re.sub(rf"([∫∑])_{bare}(?=[\s^])", r"\1_(\2)", found)
        found = re.sub(rf"([∫∑](?:_\([^()]*\))?)\^{bare}(?=\s)", r"\1^(\2)", found)
    return found


_OPERATOR_END = re.compile(r"[-+*/=<>(]\s*$")
_OPERATOR_START = re.compile(r"\s*[-+*/=<>)^]")


def _bars(text: str) -> str:
    """|x - 3| is abs(x - 3), where only one pairing of the bars makes sense; ⌊x⌋ is floor(x)."""
    found = text.replace("⌊", " floor(").replace("⌋", ")")
    parts = found.split("|")
    if len(parts) not in (3, 5):
        return found
    outside, inside = parts[::2], parts[1::2]
    if any(not part.strip() or _OPERATOR_END.search(part) or _NUMBER_ALONE.fullmatch(part) for part in inside):
        return found
    if len(parts) == 5 and not (_OPERATOR_END.search(outside[1]) and _OPERATOR_START.match(outside[1])):
        return found
    pieces = [outside[0]]
    for inner, after in zip(inside, outside[1:], strict=True):
        pieces += [f" abs({inner})", after]
    return "".join(pieces).strip()


_NUMBER_ALONE = re.compile(r"\s*\d+(?:\.\d+)?\s*")
