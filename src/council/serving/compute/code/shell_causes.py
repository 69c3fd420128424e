"""What the messages of shells mean, why they usually come, and what to do next."""

from council.serving.compute.code import causes

SHELL: tuple[causes.Cause, ...] = (
    causes.Cause(
        "command not found",
        "The shell finds no program of that name.",
        "a typing error, a program that is not installed, or one outside of PATH; or spaces around = in an assignment",
        "check the name by `command -v NAME`",
    ),
    causes.Cause(
        "No such file or directory",
        "There is no file or folder of that path.",
        "a relative path and another working folder, a typing error, or spaces without quotes",
        "look at `pwd` and `ls`, and quote the path",
    ),
    causes.Cause(
        "Permission denied",
        "The system does not allow it.",
        "a script that is not executable, or a file of another user",
        "look at `ls -l`; a script needs `chmod +x`, or run it by `bash FILE`",
    ),
    causes.Cause(
        "syntax error near unexpected token",
        "The shell cannot read the line.",
        "a missing `then`, `do`, `fi` or `done`, a missing quote, or Windows line ends",
        "look at the line before; `bash -n FILE` checks without running",
    ),
    causes.Cause(
        "unexpected end of file",
        "Something was opened and not closed.",
        "a missing `fi`, `done`, `esac`, `}` or quote",
        "`bash -n FILE` says where it ends",
    ),
    causes.Cause(
        "unexpected EOF while looking for matching", "A quote or bracket is not closed.", "a missing quote", "close it"
    ),
    causes.Cause(
        "unbound variable",
        "A variable was used that is not set, and `set -u` is on.",
        "a typing error, or a missing argument",
        "give a default as `${NAME:-default}`",
    ),
    causes.Cause(
        "bad substitution",
        "The shell does not know this form of ${...}.",
        "a form of bash run by sh",
        "run the script by bash",
    ),
    causes.Cause(
        "integer expression expected",
        "A number was expected and something else came.",
        "an empty variable, or text",
        "print the variable, and quote it",
    ),
    causes.Cause(
        "unary operator expected",
        "A comparison in [ ] lacks a side.",
        "an empty variable without quotes",
        "quote it, or use [[ ]]",
    ),
    causes.Cause(
        "too many arguments",
        "A command was given more than it takes.",
        "a variable with spaces without quotes",
        "quote it",
    ),
    causes.Cause(
        "Argument list too long",
        "A command line is longer than the system takes.",
        "a * that means very many files",
        "use `find ... -exec` or `xargs`",
    ),
    causes.Cause(
        "ambiguous redirect",
        "The target of a redirection is not one word.",
        "an empty variable, or one with spaces",
        "quote it",
    ),
    causes.Cause("Is a directory", "A folder was used as a file.", "a path that lacks the file's name", "add it"),
    causes.Cause("division by 0", "A number was divided by zero.", "an empty or zero variable", "check it first"),
)


def of_shell(message: str) -> causes.Cause | None:
    """Return what is known of a message of the shell."""
    return next((cause for cause in SHELL if cause.pattern in message), None)
