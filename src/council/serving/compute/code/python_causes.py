"""What the exceptions of Python mean, why they usually come, and what to do next."""

from council.serving.compute.code import causes

PYTHON: dict[str, tuple[causes.Cause, ...]] = {
    "NameError": (
        causes.Cause(
            "",
            "A name was used that nothing has set.",
            "a typing error in the name, a missing import, or a variable that is set in a branch or function that did not run",
            "check the spelling, import it, or set it before this line",
        ),
    ),
    "UnboundLocalError": (
        causes.Cause(
            "",
            "A function reads one of its own variables before it is set.",
            "an assignment to the name somewhere in the function, which makes it local to all of the function",
            "set it first, pass it in as an argument, or say `global` or `nonlocal`",
        ),
    ),
    "TypeError": (
        causes.Cause(
            "'NoneType' object is not subscriptable",
            "Something that is None was indexed.",
            "a function without `return`, a method that changes in place, as `list.sort()`, or a search that found nothing",
            "look at where the value comes from and handle None there",
        ),
        causes.Cause(
            "'NoneType' object is not iterable",
            "A loop or unpacking was given None.",
            "a function that returns nothing on one of its ways out",
            "make every way out of the function return a value",
        ),
        causes.Cause(
            "object is not subscriptable",
            "Square brackets stand after a value that has no items.",
            "a number or a function where a list was meant, or a missing call",
            "check what the value is just before this line",
        ),
        causes.Cause(
            "object is not callable",
            "Something that is no function was called.",
            "a variable named like a function, as `list` or `sum`, or a missing operator before a bracket",
            "rename the variable or add the operator",
        ),
        causes.Cause(
            "object is not iterable",
            "A loop, unpacking or function that takes items was given a single value.",
            "a number instead of `range(number)`, or one value where a list was meant",
            "pass a list, or `range(...)`",
        ),
        causes.Cause(
            "can only concatenate str",
            "Text and something else were joined by +.",
            "a number that was not turned into text",
            "use `str(value)` or an f-string",
        ),
        causes.Cause(
            "unsupported operand type",
            "An operator does not fit the types on its two sides.",
            "a number read as text, or None from a function that returns nothing",
            "turn both sides into one type first, as by `int(...)`",
        ),
        causes.Cause(
            "missing",
            "A function was called with too few arguments.",
            "an argument left out, or a method called on the class instead of an object",
            "compare the call with the `def` line",
        ),
        causes.Cause(
            "takes",
            "A function was called with a wrong number of arguments.",
            "a missing `self` in a method, or an argument too many",
            "compare the call with the `def` line",
        ),
        causes.Cause(
            "unexpected keyword argument",
            "A function was given a named argument that it does not know.",
            "a typing error, or another version of the library",
            "look at its signature by `help(function)`",
        ),
        causes.Cause(
            "unhashable type",
            "A list, set or dictionary was used as a key or as an element of a set.",
            "a list where a tuple was meant",
            "use `tuple(...)` or `frozenset(...)`",
        ),
        causes.Cause(
            "not supported between instances",
            "Two values of different types were compared by order.",
            "text compared with a number, or a None among the values",
            "turn both into one type, or leave None out",
        ),
        causes.Cause(
            "indices must be integers",
            "A list or text was indexed by something that is no whole number.",
            "a list of dictionaries used as one dictionary, or `/` where `//` was meant",
            "index by a whole number first",
        ),
        causes.Cause(
            "",
            "A value has a type that the operation does not take.",
            "a value that is not what the code expects at this line",
            "print `type(...)` of the values in this line",
        ),
    ),
    "ValueError": (
        causes.Cause(
            "invalid literal for int()",
            "Text was turned into a whole number that is none.",
            "spaces or letters in it, an empty text, or a decimal point",
            "strip and check the text first, or use `float(...)`",
        ),
        causes.Cause(
            "could not convert string to float",
            "Text was turned into a number that is none.",
            "a comma for the decimal point, a unit, or an empty text",
            "clean the text first",
        ),
        causes.Cause(
            "not enough values to unpack",
            "There are more names on the left than values on the right.",
            "a line that splits into fewer parts than expected",
            "check the number of parts first",
        ),
        causes.Cause(
            "too many values to unpack",
            "There are more values on the right than names on the left.",
            "looping over a dictionary without `.items()`, or a line with more parts than expected",
            "name all parts, or take the rest by `*rest`",
        ),
        causes.Cause(
            "is not in list",
            "`list.index` or `list.remove` did not find the value.",
            "a value that is not there, or has another type",
            "ask `if value in values` first",
        ),
        causes.Cause(
            "math domain error",
            "A mathematical function was given a value outside of its domain.",
            "the root or logarithm of a negative number or of zero",
            "check the value first",
        ),
        causes.Cause(
            "",
            "A value has the right type and a content that the operation cannot take.",
            "input that was not checked",
            "print the value just before this line",
        ),
    ),
    "IndexError": (
        causes.Cause(
            "",
            "An index is beyond the end of the sequence.",
            "counting from 1, `range(len(x) + 1)`, or an empty list",
            "compare the index with `len(...)` just before this line",
        ),
    ),
    "KeyError": (
        causes.Cause(
            "",
            "The dictionary has no such key.",
            "a typing error, another type of key (1 and '1' differ), or data that lacks it",
            "use `.get(key)` or ask `if key in ...`; the message shows the key",
        ),
    ),
    "AttributeError": (
        causes.Cause(
            "'NoneType' object has no attribute",
            "An attribute of None was asked for.",
            "a function that found or returned nothing, as `re.search`",
            "handle None before this line",
        ),
        causes.Cause(
            "partially initialized module",
            "A module is used while it is still being loaded.",
            "two modules that import each other, or a file of yours named like the module",
            "rename the file, or move the import",
        ),
        causes.Cause(
            "has no attribute",
            "The object has no attribute or method of that name.",
            "a typing error, another type than expected, or a file of yours named like a module",
            "print `type(...)` and `dir(...)` of the object",
        ),
        causes.Cause(
            "",
            "An attribute could not be read or set.",
            "another type than expected",
            "print `type(...)` of the object",
        ),
    ),
    "ZeroDivisionError": (
        causes.Cause(
            "",
            "Something was divided by zero.",
            "an empty list in an average, or a counter that starts at zero",
            "handle the zero before dividing",
        ),
    ),
    "ModuleNotFoundError": (
        causes.Cause(
            "",
            "Python finds no module of that name.",
            "a package that is not installed in this environment, or a typing error",
            "install it for this interpreter by `python -m pip install NAME`, or check the name",
        ),
    ),
    "ImportError": (
        causes.Cause(
            "cannot import name",
            "The module is there and has no such name.",
            "another version of the library, two modules that import each other, or a file of yours named like the module",
            "look at the installed version and at the module's `__file__`",
        ),
        causes.Cause(
            "",
            "A module could not be loaded.",
            "a missing part of it, or a wrong relative import",
            "read the last lines of the message",
        ),
    ),
    "FileNotFoundError": (
        causes.Cause(
            "",
            "There is no file or folder of that path.",
            "a relative path and another working folder than expected",
            "print `os.getcwd()` and give the whole path",
        ),
    ),
    "PermissionError": (
        causes.Cause(
            "",
            "The system does not let this process read or write there.",
            "a file of another user, a folder without write permission",
            "look at `ls -l`, and choose a place that is yours",
        ),
    ),
    "IsADirectoryError": (
        causes.Cause("", "A folder was opened as a file.", "a path that lacks the file's name", "add the file's name"),
    ),
    "RecursionError": (
        causes.Cause(
            "",
            "A function called itself too many times.",
            "a missing or unreachable end of the recursion",
            "check that each call comes nearer to the case that returns at once; or use a loop",
        ),
    ),
    "SyntaxError": (
        causes.Cause(
            "Missing parentheses in call to 'print'",
            "This is a print statement of Python 2.",
            "code for Python 2",
            "write `print(...)`",
        ),
        causes.Cause(
            "was never closed",
            "A bracket is opened and not closed.",
            "a missing bracket at or after the place shown",
            "close it",
        ),
        causes.Cause(
            "unterminated",
            "A text is begun and not ended.",
            "a missing quote, or a quote inside the text",
            "add the quote, or escape the inner one by a backslash",
        ),
        causes.Cause(
            "expected ':'",
            "A line that opens a block does not end in a colon.",
            "a missing colon after if, for, while, def or class",
            "add the colon",
        ),
        causes.Cause("Maybe you meant '=='", "= sets, == compares.", "= in a condition", "write =="),
        causes.Cause(
            "invalid syntax",
            "Python cannot read this line.",
            "a bracket or quote that is missing on the line before, or a keyword used as a name",
            "look at the place shown and at the line before it",
        ),
        causes.Cause(
            "",
            "Python cannot read the program, so nothing of it was run.",
            "a typing error at or just before the place shown",
            "look at the place shown and at the line before it",
        ),
    ),
    "IndentationError": (
        causes.Cause(
            "expected an indented block",
            "A block is empty.",
            "a line after a colon that is not indented",
            "indent it, or write `pass`",
        ),
        causes.Cause(
            "",
            "The indentation fits no block.",
            "spaces too many or too few",
            "line it up with the other lines of its block",
        ),
    ),
    "TabError": (causes.Cause("", "Tabs and spaces are mixed.", "two editors", "turn all tabs into four spaces"),),
    "AssertionError": (
        causes.Cause(
            "", "An `assert` did not hold.", "a result other than expected", "print both sides of the comparison"
        ),
    ),
    "StopIteration": (
        causes.Cause(
            "",
            "`next` was called on something that had no more items.",
            "an empty or used-up iterator",
            "give `next` a second argument as default",
        ),
    ),
    "OverflowError": (
        causes.Cause(
            "",
            "A number is too large for its kind.",
            "a float beyond 1.8e308, or a whole number for C",
            "use whole numbers, `decimal` or logarithms",
        ),
    ),
    "MemoryError": (
        causes.Cause(
            "",
            "There was no more memory.",
            "a list or text that grows without bound",
            "work in pieces, or use a generator",
        ),
    ),
    "UnicodeDecodeError": (
        causes.Cause(
            "",
            "Bytes were read as text in an encoding that they are not in.",
            "a file in another encoding, or no text at all",
            "give `open` the right `encoding=`, or open it as bytes",
        ),
    ),
    "UnicodeEncodeError": (
        causes.Cause(
            "",
            "A letter has no place in the encoding that is written.",
            "an encoding as ascii or cp1252 for output",
            "write with `encoding='utf-8'`",
        ),
    ),
    "KeyboardInterrupt": (
        causes.Cause(
            "",
            "Somebody pressed Ctrl-C.",
            "a program that took longer than wanted; the place shown is where it was",
            "nothing is broken; look at that place if it hung",
        ),
    ),
    "TimeoutError": (
        causes.Cause(
            "",
            "Something took longer than it was given.",
            "a server that is away, or too short a time",
            "try again, or give more time",
        ),
    ),
    "ConnectionRefusedError": (
        causes.Cause(
            "",
            "Nothing listens at that address.",
            "a server that is not started, or a wrong port",
            "start it, or check host and port",
        ),
    ),
    "EOFError": (
        causes.Cause(
            "",
            "`input()` found no more input.",
            "a program that was run without input",
            "give it input, or check for its end",
        ),
    ),
    "NotImplementedError": (
        causes.Cause(
            "",
            "A method is there to be filled in and was not.",
            "a base class used directly",
            "use or write the class that fills it in",
        ),
    ),
    "RuntimeError": (
        causes.Cause(
            "changed size during iteration",
            "A dictionary or set was changed while a loop went over it.",
            "adding or removing inside the loop",
            "loop over `list(...)` of it",
        ),
        causes.Cause(
            "",
            "Something went wrong that has no error of its own.",
            "what the message says",
            "read the message and the line shown",
        ),
    ),
    "JSONDecodeError": (
        causes.Cause(
            "",
            "A text is not JSON.",
            "an empty reply, a page of HTML, or single quotes",
            "print the beginning of the text",
        ),
    ),
}


def of_python(name: str, message: str) -> causes.Cause | None:
    """Return what is known of an exception; `name` may hold its module."""
    for cause in PYTHON.get(name.rpartition(".")[2], ()):
        if cause.pattern in message:
            return cause
    return None
