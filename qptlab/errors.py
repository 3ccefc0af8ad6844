"""What can go wrong, by who has to do something about it, and how errors quote what was given.

Anything else is a defect of qptlab: the command line shows where, and where to report it.
"""

LONGEST_QUOTE, LONGEST_WORD, LONGEST_SENTENCE = 80, 260, 700
"""Characters of what was given that an error repeats, of a path in it, and of all it says."""


class InputError(ValueError):
    """What a user gave is wrong: what it was, what was given, what is allowed, in one sentence.

    The sentence is made `printable`, whatever file or name it repeats.
    """

    def __init__(self, sentence: object = "") -> None:
        super().__init__(printable(sentence))


class MissingFile(InputError, FileNotFoundError):
    """There is no such file or folder, nor anything else of that name."""


class NotConverged(RuntimeError):
    """A calculation came to no end: nothing is wrong with what was asked for."""


def quoted(value: object, most: int = LONGEST_QUOTE) -> str:
    """What was given, as errors repeat it: its `repr`, of a long one the two ends and its length.

    Control characters and those that turn the direction of writing are escaped, as `repr` does.

    >>> print(quoted("watr"), quoted("x" * 10**6, most=20))
    'watr' 'xxxxxxxx…xxxxxxxx' (1,000,002 characters)
    """
    try:
        text = repr(value)
    except Exception:  # of somebody's own class, or a whole number of too many digits to print
        return f"a value of type {type(value).__name__}"
    short = _without_middle(_escaped(text), most)
    return short if len(text) <= most else f"{short} ({len(text):,} characters)"


def printable(text: object, most: int = LONGEST_SENTENCE) -> str:
    """Text in one line that a terminal can show: no control characters, the middle of a long one
    left out.

    >>> printable("red\\x1b[31m, and \\u202eturned")
    'red\\\\x1b[31m, and \\\\u202eturned'
    """
    words = (_without_middle(_escaped(word), LONGEST_WORD) for word in str(text).split())
    return _without_middle(" ".join(words), most)


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _without_middle(text: str, most: int) -> str:
    ends = (most - 1) // 2
    return text if len(text) <= most else f"{text[:ends]}…{text[-ends:]}"
