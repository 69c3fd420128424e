"""From tokens to a tree, by recursive descent. Every token is consumed, or the text is unreadable.

Where people disagree on what a formula means, nothing is guessed: 6/2(1+2), 1/2x, 200 + 10%, sin 30, log 5, e^2x and
"half of 10 plus 3" are all unreadable. What is agreed is read as in mathematics: -3^2 is -(3^2), 2^3^2 is 2^(3^2), and
division and multiplication go from left to right.
"""

from fractions import Fraction

from council.serving.compute.math import clarity, lexer, limits, phrases, tree


def parse(tokens: list[lexer.Token]) -> tree.Node:
    """Return the tree of one expression from a user. Raises UnreadableError or TooLargeError."""
    merged = phrases.merged(tokens)
    node = _Parser(merged).whole()
    clarity.check_tokens(merged)
    clarity.check_percentages(node)
    check_angles(node)
    return node


def parse_own(text: str) -> tree.Node:
    """Return the tree of a text that this package printed, where angles are known to be in radians."""
    return _Parser(phrases.merged(lexer.tokens(text, limits.ANSWER_TOKENS_MAX))).whole()


def check_angles(node: tree.Node) -> None:
    """Raise UnreadableError for sin(30): half the world means degrees."""
    for part in tree.walk(node):
        if not isinstance(part, tree.Call):
            continue
        direct = part.arguments[0]
        in_degrees = isinstance(direct, tree.Postfix) and direct.operator == "degrees"
        if in_degrees and part.function in tree.ANGLE_FUNCTIONS:
            continue
        if part.function in tree.ANGLE_FUNCTIONS and not (
            any(isinstance(inner, tree.Unknown) or inner == tree.Constant("pi") for inner in tree.walk(direct))
            or direct == tree.integer(0)
        ):
            raise limits.UnreadableError(f"The angle in {tree.text(part)[:60]} may be in degrees or in radians.")
    allowed = {
        id(part.arguments[0])
        for part in tree.walk(node)
        if isinstance(part, tree.Call) and part.function in tree.ANGLE_FUNCTIONS
    }
    for part in tree.walk(node):
        if isinstance(part, tree.Postfix) and part.operator == "degrees" and id(part) not in allowed:
            raise limits.UnreadableError("Degrees stand outside of an angle function.")


_RELATIONS = frozenset({"=", "<", ">", "<=", ">="})
_TIMES = frozenset({"*", "x"})
_UNSEEN_TIMES = "\N{INVISIBLE TIMES}"
_END = lexer.Token("end", "", 0, 0)
_MANY = frozenset({"gcd", "lcm"})


class _Parser:
    """One pass over the tokens. Methods are named for the rule they read and return its tree."""

    def __init__(self, tokens: list[lexer.Token]):
        self._tokens = tokens
        self._index = 0
        self._depth = 0

    def whole(self) -> tree.Node:
        node = self._sum()
        if self._next.kind != "end":
            raise self._unreadable()
        return node

    @property
    def _next(self) -> lexer.Token:
        return self._tokens[self._index] if self._index < len(self._tokens) else _END

    @property
    def _last(self) -> lexer.Token:
        return self._tokens[self._index - 1] if self._index else _END

    def _is(self, *texts: str) -> bool:
        return self._next.kind == "operator" and self._next.text in texts

    def _take(self) -> lexer.Token:
        token = self._next
        self._index += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._is(text):
            self._index += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unreadable()

    def _unreadable(self) -> limits.UnlistedError:
        if self._next.kind == "end":
            return limits.UnlistedError("The formula stops too early.")
        return limits.UnlistedError(f"{self._next.text[:30]!r} does not fit where it stands.")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > limits.NESTING_MAX:
            raise limits.TooLargeError(
                f"The formula is nested more than {limits.NESTING_MAX} levels deep. Ask for it in pieces."
            )

    def _at_scope_end(self) -> bool:
        return self._next.kind == "end" or self._is(")")

    def _require_clear_operand(self) -> None:
        """After `half of 10`, `17% of 200` and the like nothing may follow that could belong to either side."""
        if self._last.kind == "postfix" or not (self._at_scope_end() or self._is(",", "and")):
            raise limits.UnreadableError("It is not clear how far the words reach; use parentheses.")

    def _sum(self) -> tree.Node:
        self._deeper()
        node = self._term()
        while self._is("+", "-"):
            operator = self._take().text
            right = self._term()
            if clarity.has_percentage(node) or clarity.has_percentage(right):
                raise limits.UnreadableError("A percentage in a sum may be of the other part or of one.")
            node = tree.Binary(operator, node, right)
        self._depth -= 1
        return node

    def _term(self) -> tree.Node:
        start = self._index
        node = self._signed()
        divided = chained = False
        while True:
            if self._is("*", "x", "/"):
                operator, chained = self._take().text, True
                divided = divided or operator == "/"
                node = tree.Binary("*" if operator in _TIMES else "/", node, self._signed())
            elif self._is("of"):
                return self._part_of(node)
            elif self._is("mod"):
                if chained or isinstance(node, tree.Negation):
                    raise limits.UnreadableError("It is not clear what mod applies to; use parentheses.")
                return self._remainder(node, start)
            elif self._is(_UNSEEN_TIMES) or self._starts_implicit_factor():
                self._accept(_UNSEEN_TIMES)
                if divided:
                    raise limits.UnreadableError("A product without a sign after a division can be read in two ways.")
                node, chained = tree.Binary("*", node, self._power()), True
            else:
                return node

    def _part_of(self, node: tree.Node) -> tree.Node:
        ratio = isinstance(node, tree.Binary) and node.operator == "/" and _is_literal(node.left, node.right)
        if not (ratio or _is_percentage(node)) or isinstance(node, tree.Negation):
            raise self._unreadable()
        self._take()
        self._deeper()
        operand = self._ratio()
        if self._is("of") and (_is_percentage(operand)):
            operand = self._part_of(operand)
        self._depth -= 1
        self._require_clear_operand()
        return tree.Binary("of", node, operand)

    def _ratio(self) -> tree.Node:
        """An operand, or a literal fraction written without spaces: 1/2 of 2/3 is the same whatever is taken first."""
        start, operand = self._index, self._signed()
        tight = self._is("/") and self._next.start == self._last.end and self._index == start + 1
        if tight and _is_literal(operand) and [token.kind for token in self._tokens[self._index + 1 :]] == ["number"]:
            self._take()
            return tree.Binary("/", operand, self._power())
        return operand

    def _remainder(self, node: tree.Node, start: int) -> tree.Node:
        self._take()
        before = self._tokens[start - 1] if start else _END
        right = self._signed()
        unclear = before.text not in ("", "(", ",") or self._last.kind == "postfix"
        if unclear or not (self._at_scope_end() or self._is(",", "and")):
            raise limits.UnreadableError("It is not clear what mod applies to; use parentheses.")
        return tree.Binary("mod", node, right)

    def _starts_implicit_factor(self) -> bool:
        token, last = self._next, self._last
        starts = (
            token.kind == "name"
            or self._is("(", "√")
            or (token.kind == "word" and (token.text == "pi" or token.text in tree.FUNCTIONS))
        )
        if not starts:
            return False
        if last.kind == "postfix" or last.text in ("%", "degrees"):
            raise self._unreadable()
        if token.kind == "name" and last.kind == "name" and not {token.text, last.text} <= set("xyze"):
            raise limits.UnreadableError("Two letters side by side may be a word.")
        if last.kind == "name" and last.text in "fghFGH" and self._is("("):
            raise limits.UnreadableError(f"{last.text}(...) may be a function or a product.")
        return True

    def _signed(self) -> tree.Node:
        if not self._is("-", "negative"):
            return self._power()
        spoken = self._take().spoken
        self._deeper()
        operand = self._signed()
        self._depth -= 1
        if self._last.kind == "postfix" or (spoken and isinstance(operand, tree.Binary)):
            raise limits.UnreadableError("It is not clear whether the minus belongs to the number or to its power.")
        return tree.Negation(operand)

    def _power(self) -> tree.Node:
        base = self._postfix()
        if not self._is("^", "to the power of"):
            return base
        if self._last.kind in ("superscript", "postfix"):
            raise limits.UnreadableError("A power of a power needs parentheses.")
        spoken = self._take().spoken
        exponent = self._exponent()
        if spoken:
            self._require_clear_operand()
        open_end = self._last.text != ")"
        if open_end and _is_percentage(exponent):
            raise limits.UnreadableError("A percentage as an exponent needs parentheses.")
        if open_end and not isinstance(base, tree.Unknown) and self._starts_implicit_factor():
            raise limits.UnreadableError("It is not clear where the exponent ends; use parentheses.")
        return tree.Binary("^", base, exponent)

    def _exponent(self) -> tree.Node:
        self._deeper()
        node: tree.Node
        if self._is("-", "negative"):
            self._take()
            node = tree.Negation(self._exponent())
        else:
            node = self._power()
        self._depth -= 1
        return node

    def _postfix(self) -> tree.Node:
        node = self._atom()
        factorials = 0
        while True:
            token, last = self._next, self._last
            if self._is("!"):
                factorials += 1
                if token.start != last.end or factorials > 1 or last.kind == "superscript":
                    raise limits.UnreadableError("It is not clear what the exclamation mark means.")
                node = tree.Postfix("!", node)
            elif self._is("%"):
                if _is_percentage(node):
                    raise self._unreadable()
                node = tree.Postfix("%", node)
            elif self._is("°"):
                node = tree.Postfix("degrees", node)
            elif token.kind == "superscript":
                if last.kind == "superscript" or not _is_base(node, last):
                    raise self._unreadable()
                node = tree.Binary("^", node, _signed_literal(token))
            elif token.kind == "postfix":
                node = self._spoken_postfix(node, token.text)
            else:
                return node
            self._take()
            if self._last.text == "%" and (self._next.kind in ("number", "name", "word") or self._is("(", "√")):
                raise limits.UnreadableError("The sign % may be a percentage or a remainder.")

    def _spoken_postfix(self, node: tree.Node, word: str) -> tree.Node:
        if not (isinstance(node, tree.Number | tree.Unknown | tree.Constant) or self._last.text == ")"):
            raise self._unreadable()
        match word:
            case "degrees":
                return tree.Postfix("degrees", node)
            case "factorial":
                return tree.Postfix("!", node)
            case _:
                return tree.Binary("^", node, tree.integer(2 if word == "squared" else 3))

    def _atom(self) -> tree.Node:
        token = self._take()
        match token.kind:
            case "number":
                return tree.Number(token.value, token.text)
            case "name":
                return tree.Constant("e") if token.text == "e" else tree.Unknown(token.text)
            case "word" if token.text == "pi":
                return tree.Constant("pi")
            case "word" if token.text in tree.FUNCTIONS:
                return self._call(token)
            case "prefix" | "fraction":
                return self._prefixed(token)
            case "list":
                return self._list(token.text)
            case "operator" if token.text == "(":
                node = self._sum()
                self._expect(")")
                return node
            case "operator" if token.text == "√" and (self._next.kind == "number" or self._is("(")):
                return self._radical()
        self._index -= 1
        raise self._unreadable()

    def _radical(self) -> tree.Node:
        """A root sign takes the number or the parentheses behind it."""
        operand = self._atom()
        if self._next.kind in ("superscript", "postfix") or self._is("^", "!", "%", "°"):
            raise limits.UnreadableError("It is not clear how far the root reaches; use parentheses.")
        touching = self._next.start == self._last.end and self._is("+", "-", "*", "x", "/")
        if self._last.text != ")" and (self._next.kind in ("name", "word") or self._is("(") or touching):
            raise limits.UnreadableError("It is not clear how far the root reaches; use parentheses.")
        return tree.Call("sqrt", (operand,))

    def _call(self, token: lexer.Token) -> tree.Node:
        if token.text == "log":
            return self._logarithm(token)
        if self._next.kind == "superscript" or self._is("^"):
            return self._raised_call(token.text)
        if self._accept("("):
            return self._arguments(token.text)
        return self._bare_argument(token.text)

    def _arguments(self, function: str) -> tree.Node:
        start = self._index
        found = [self._sum()]
        while function in _MANY and self._accept(","):
            found.append(self._sum())
        if function in _MANY:
            self._refuse_grouped(start)
            if len(found) < 2:
                raise self._unreadable()
        self._expect(")")
        return tree.Call(function, tuple(found))

    def _bare_argument(self, function: str) -> tree.Node:
        """`sin x`: one plain operand, and nothing behind it that could belong to it."""
        operand = self._atom()
        if not isinstance(operand, tree.Number | tree.Unknown | tree.Constant) or function in _MANY:
            raise self._unreadable()
        if self._next.kind == "postfix" and self._next.text == "degrees":
            operand = tree.Postfix(self._take().text, operand)
        elif self._accept("°"):
            operand = tree.Postfix("degrees", operand)
        apart = self._next.start > self._last.end or self._next.text not in ("+", "-")
        reach = self._at_scope_end() or (apart and self._is("+", "-", ",", "and"))
        clear = reach or self._next.text in tree.FUNCTIONS
        if not clear:
            raise limits.UnreadableError(f"It is not clear how far {function} reaches; use parentheses.")
        return tree.Call(function, (operand,))

    def _raised_call(self, function: str) -> tree.Node:
        """`sin^2(x)` is (sin(x))^2; an exponent of -1 may mean the inverse function."""
        raised = self._take()
        if raised.kind == "operator":
            raised = self._take()
        if raised.kind not in ("superscript", "number") or raised.value < 2 or raised.value.denominator > 1:
            raise limits.UnreadableError("A raised number behind a function's name can be read in two ways.")
        if function not in tree.ANGLE_FUNCTIONS:
            raise limits.UnreadableError("A raised number behind a function's name can be read in two ways.")
        inner = self._arguments(function) if self._accept("(") else self._bare_argument(function)
        return tree.Binary("^", inner, _signed_literal(raised))

    def _logarithm(self, token: lexer.Token) -> tree.Node:
        """Only with a base: without one it means three different things."""
        if self._next.text == "base" and self._next.kind == "word":
            self._take()
            base = self._atom()
            if not isinstance(base, tree.Number):
                raise self._unreadable()
            self._expect("of")
            argument = self._signed()
            self._require_clear_operand()
            return tree.Call("log", (base, argument))
        marked = self._accept("_")
        if self._next.kind == "number" and (marked or self._next.start == token.end):
            number = self._take()
            self._expect("(")
            argument = self._sum()
            self._expect(")")
            return tree.Call("log", (tree.Number(number.value, number.text), argument))
        raise limits.UnreadableError("A logarithm without a base means different things to different people.")

    def _prefixed(self, token: lexer.Token) -> tree.Node:
        self._deeper()
        operand = self._ratio() if token.kind == "fraction" else self._signed()
        self._depth -= 1
        self._require_clear_operand()
        if token.kind == "fraction":
            value = token.value
            ratio = tree.Binary("/", tree.integer(value.numerator), tree.integer(value.denominator))
            return tree.Binary("of", ratio, operand)
        match token.text:
            case "square" | "cube":
                return tree.Binary("^", operand, tree.integer(2 if token.text == "square" else 3))
            case "twice" | "triple":
                return tree.Binary("*", tree.integer(2 if token.text == "twice" else 3), operand)
            case "factorial":
                return tree.Postfix("!", operand)
            case function:
                return tree.Call(function, (operand,))

    def _list(self, operation: str) -> tree.Node:
        self._deeper()
        start = self._index
        items = [self._list_item()]
        while self._is(",", "and"):
            closing = self._take().text == "and" or self._accept("and")
            items.append(self._list_item())
            if closing:
                break
        else:
            raise self._unreadable()
        self._depth -= 1
        self._refuse_grouped(start)
        if not self._at_scope_end():
            raise limits.UnreadableError("It is not clear where the list ends; use parentheses.")
        return _folded(operation, items)

    def _list_item(self) -> tree.Node:
        item = self._signed()
        if self._last.kind == "postfix":
            raise limits.UnreadableError("It is not clear what the power belongs to; use parentheses.")
        return item

    def _refuse_grouped(self, start: int) -> None:
        found = self._tokens[start : self._index]
        if any(token.grouped for token in found):
            raise limits.UnreadableError("A comma in a list may separate thousands or items.")
        separators = [place for place, token in enumerate(found) if token.text in (",", "and")]
        tight = [place for place in separators if _is_between_digits(found, place)]
        if tight and len(tight) < len(separators):
            raise limits.UnreadableError("A comma in a list may be a decimal comma or separate items.")


def _is_between_digits(tokens: list[lexer.Token], place: int) -> bool:
    """Return whether a comma touches a number on both sides: 1,5."""
    comma, around = tokens[place], tokens[place - 1 : place] + tokens[place + 1 : place + 2]
    touching = len(around) == 2 and around[0].end == comma.start and comma.end == around[1].start
    return touching and comma.text == "," and all(token.kind == "number" for token in around)


def _folded(operation: str, items: list[tree.Node]) -> tree.Node:
    if operation in _MANY:
        return tree.Call(operation, tuple(items))
    if operation in ("-", "/") and len(items) != 2:
        raise limits.UnreadableError("A difference or a quotient has two parts.")
    if operation == "-" and not (_is_literal(*items) and _literal(items[0]) >= _literal(items[1])):
        raise limits.UnreadableError("It is not clear which of the two is to be taken away.")
    if any(clarity.has_percentage(item) for item in items):
        raise limits.UnreadableError("A percentage in a list may be of the other items or of one.")
    node = items[0]
    for item in items[1:]:
        node = tree.Binary("+" if operation == "mean" else operation, node, item)
    return tree.Binary("/", node, tree.integer(len(items))) if operation == "mean" else node


def _is_percentage(node: tree.Node) -> bool:
    if isinstance(node, tree.Negation):
        return _is_percentage(node.operand)
    return isinstance(node, tree.Postfix) and node.operator == "%"


def _is_literal(*nodes: tree.Node) -> bool:
    return all(isinstance(node, tree.Number) for node in nodes)


def _literal(node: tree.Node) -> Fraction:
    assert isinstance(node, tree.Number)
    return node.value


def _is_base(node: tree.Node, last: lexer.Token) -> bool:
    return (last.text == ")" and last.kind == "operator") or isinstance(
        node, tree.Number | tree.Unknown | tree.Constant
    )


def _signed_literal(token: lexer.Token) -> tree.Node:
    magnitude = tree.integer(abs(int(token.value)))
    return tree.Negation(magnitude) if token.value < 0 else magnitude
