"""Variables in a prompt: found, filled once, and odd braces named."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.prompts import variables
from studio.prompts.variables import BadValue, Missing, fill, find, missing, pieces, problems


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("No variables at all.", ()),
        ("Slow dolly toward {{subject}} on {{ surface }}.", ("subject", "surface")),
        ("{{subject}} and {{subject}} again", ("subject",)),
        ("{{time of day}} {{time   of\tday}}", ("time of day",)),
        ("{{объект}} in {{שם}} at {{مكان}} with {{影}}", ("объект", "שם", "مكان", "影")),
        ("{{cafe\u0301}} and {{caf\u00e9}}", ("caf\u00e9",)),  # the same word, written in two ways
        ("{{{subject}}}", ("subject",)),
        ("{single} {{}} {{ }} {{a\nb}} {{un closed", ()),
        ("{{outer {{inner}} }}", ("inner",)),
        ("{{a.b}} {{it's}} {{x-1}} {{y_2}}", ("a.b", "it's", "x-1", "y_2")),
        ("{{0.__class__}} {{a!r}} {{a:>10}} {{a|safe}} {% now %}", ("0.__class__",)),  # only a name here, whatever it means elsewhere
    ],
)
def test_variables_are_found_in_the_order_in_which_they_are_written(text, names):
    assert find(text) == names


def test_each_variable_is_filled_wherever_it_stands():
    filled = fill("{{ subject }} on {{surface}}; {{subject}} alone", {"subject": " a bottle ", "surface": "sand", "other": "ignored"})

    assert filled == "a bottle on sand; a bottle alone"


def test_a_missing_or_blank_value_is_named_and_nothing_is_filled():
    with pytest.raises(Missing) as lacking:
        fill("{{subject}} on {{surface}} in {{light}}", {"subject": "a bottle", "surface": "  "})

    assert lacking.value.reasons == {"surface": "Give “surface” a value.", "light": "Give “light” a value."}
    assert missing("{{a}} {{b}}", {"a": "1"}) == ("b",)


@pytest.mark.parametrize("value", ["{{surface}}", "a }} b", "{{", "x\x00y", "é" * 1001])
def test_a_value_cannot_bring_variables_of_its_own_nor_be_no_text_nor_be_endless(value):
    with pytest.raises(BadValue, match="The value of “subject”"):
        fill("{{subject}} on sand", {"subject": value})


@pytest.mark.parametrize("value", ["{0}", "{x.__class__}", "%(a)s", "$a", "\\1 \\g<0>", "{% now %}", "סוף \u202e abc", "👩‍🚀"])
def test_a_value_is_put_in_letter_by_letter(value):
    assert fill("before {{subject}} after", {"subject": value}) == f"before {value} after"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Toward {{ }} now", "At character 8: A variable needs a name between its braces, such as {{subject}}."),
        ("Toward {{subject", "At character 8: {{ is never closed. Put }} after the name, or take the braces away."),
        ("subject}} now", "At character 8: }} closes no variable. Put {{ before the name, or take the braces away."),
        ("{{a {{b}} c}}", "At character 1: variables cannot stand inside one another. Close each with }} before the next begins."),
        ("{{a\nb}}", "At character 1: The name of a variable stands on one line; “a b” does not."),
        ("{{a\u202eb}}", "At character 1: “a\\u202eb” cannot be the name of a variable: use letters, digits, spaces, hyphens and underscores."),
        ("{{a|b}}", "At character 1: “a|b” cannot be the name of a variable: use letters, digits, spaces, hyphens and underscores."),
        ("{{--}}", "At character 1: “--” cannot be the name of a variable: use letters, digits, spaces, hyphens and underscores."),
        ("{{Light}} {{light}}", "“Light” and “light” differ only in capital letters. Write them alike."),
        (" ".join(f"{{{{v{n}}}}}" for n in range(21)), "This prompt has 21 variables; it can have 20."),
    ],
)
def test_odd_braces_are_named_with_their_place(text, said):
    assert problems(text) == [said]


@pytest.mark.parametrize("text", ["", "plain {braces} and }{", "{{a}}{{b}}", "{{{a}}}", "{ {a} }"])
def test_single_braces_are_plain_text(text):
    assert problems(text) == []


@pytest.mark.parametrize("text", ["{" * 5000, "{{" + "a" * 5000, "{{a" * 2000, "{{a}}" * 1000, "}" * 5000, "{{ \t" * 1500, "\u0301" * 5000])
def test_five_thousand_odd_characters_take_no_time(text):
    began = time.perf_counter()
    find(text)
    problems(text)
    list(pieces(text))

    assert time.perf_counter() - began < 0.5


@given(st.text(alphabet=st.sampled_from("{}ab \n|é\u0301\u202e"), max_size=60))
def test_pieces_are_the_whole_text_and_filling_leaves_no_variables(text):
    assert "".join(piece.text for piece in pieces(text)) == text

    filled = fill(text, dict.fromkeys(find(text), "x"))
    assert not find(filled) or problems(text)
    assert filled == text or find(text)


def test_names_are_compared_as_they_are_tidied():
    assert variables.name_of("  time   of day ") == "time of day"
    assert variables.name_of("a|b") == ""
