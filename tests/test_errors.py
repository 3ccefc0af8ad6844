"""What errors repeat of what was given: short, in one line, and nothing that moves a terminal."""

import pickle

import pytest

from qptlab.errors import LONGEST_QUOTE, LONGEST_SENTENCE, InputError, MissingFile, quoted

NASTY = {
    "long": "x" * 10**6,
    "colour": "\x1b[31mred\x07",
    "lines": "one\ntwo\r\nthree\u2028four",
    "turned": "\u202egnp.exe\u2066",
    "surrogate": "\udc80",
    "nul": "\0" * 10**5,
    "markup": "[red]x[/red]",
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("kind", [InputError, MissingFile])
def test_an_error_is_one_short_line_that_a_terminal_can_show(text, kind):
    for said in (str(kind(f"no such thing: {text}")), str(kind(f"no {quoted(text)} here"))):
        assert said.startswith("no ") and said.isprintable() and len(said) <= LONGEST_SENTENCE


def test_a_quote_is_the_repr_of_what_is_short_and_the_ends_of_what_is_long():
    for value in ("watr", "it's", 7, None, 0.5, (1, "a"), b"x", float("nan")):
        assert quoted(value) == repr(value)
    long = quoted("ab" * 500)
    assert long.startswith("'abab") and long.endswith("abab' (1,002 characters)")
    assert len(long) < 2 * LONGEST_QUOTE
    assert len(quoted(list(range(10**5)))) < 2 * LONGEST_QUOTE
    assert str(InputError(f"no {'x' * 10**6} here")).endswith("x here")
    assert quoted(10**5000) == "a value of type int"


def test_errors_survive_the_way_to_another_process():
    for error in (InputError("a b"), MissingFile("c d")):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == str(error)
