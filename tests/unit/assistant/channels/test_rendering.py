from hypothesis import given
from hypothesis import strategies as st

from exponential.assistant.channels.markdown import chunks
from exponential.assistant.channels.web import to_html
from exponential.assistant.channels.whatsapp import MAX_CHUNK_CHARS, to_whatsapp
from exponential.gateway.reply_prefix import REPLY_PREFIX


def test_whatsapp_has_marks_of_its_own() -> None:
    markdown = """# Plan

You have **2 tasks** and _one_ ~~old~~ `idea`, see [the page](https://example.org/x) or <https://example.org>:

1. **buy milk**
2. call *mom*
   - in the evening

> quoted
> twice

```python
print("hi")
```"""
    assert to_whatsapp(markdown) == [
        """*Plan*

You have *2 tasks* and _one_ ~old~ `idea`, see the page (https://example.org/x) or https://example.org:

1. *buy milk*
2. call _mom_
   - in the evening

> quoted
> twice

```
print("hi")
```"""
    ]


def test_tables_become_lines() -> None:
    assert to_whatsapp("| a | b |\n|---|---|\n| 1 | **2** |") == ["a · b\n1 · *2*"]


def test_a_long_reply_is_cut_at_sentences() -> None:
    sentence = "This is sentence number {}, and it says little."
    text = " ".join(sentence.format(number) for number in range(400))
    parts = to_whatsapp(text)
    sent = [REPLY_PREFIX + parts[0], *parts[1:]]
    assert len(parts) > 3 and all(len(part) <= MAX_CHUNK_CHARS for part in sent)
    assert parts[0].startswith("This is sentence number 0,")
    assert all(part.endswith("little.") for part in parts)
    assert " ".join(parts) == text


def test_the_prefix_takes_room_from_the_first_part() -> None:
    first, second = to_whatsapp("x" * MAX_CHUNK_CHARS)
    assert len(REPLY_PREFIX + first) <= MAX_CHUNK_CHARS and first + second == "x" * MAX_CHUNK_CHARS


def test_a_reply_that_shows_nothing_is_a_message_all_the_same() -> None:
    assert to_whatsapp("[a]: https://example.org") == [""]


def test_a_long_list_is_cut_at_lines() -> None:
    parts = to_whatsapp("\n".join(f"- thing {number}" for number in range(900)))
    assert len(parts) > 2
    assert "\n".join(parts) == "\n".join(f"- thing {number}" for number in range(900))


def test_a_code_block_that_is_cut_is_closed_and_opened_again() -> None:
    parts = to_whatsapp("```\n" + "\n".join(f"line {number} of the program" for number in range(400)) + "\n```")
    assert len(parts) > 1
    assert all(part.count("```") % 2 == 0 and len(part) <= MAX_CHUNK_CHARS for part in parts)


@given(st.text(max_size=3000), st.integers(40, 400))
def test_nothing_is_lost_in_cutting(text: str, limit: int) -> None:
    parts = chunks(text, limit)
    assert all(len(part) <= limit for part in parts)
    if "```" not in text:
        assert "".join("".join(parts).split()) == "".join(text.split())


def test_html_is_safe() -> None:
    html = to_html("Hi **you** <img src=x onerror=alert(1)> [a](javascript:alert(1)) [b](https://example.org)")
    assert "<strong>you</strong>" in html
    assert "<img" not in html and 'href="javascript' not in html
    assert '<a href="https://example.org" target="_blank" rel="noopener noreferrer nofollow">b</a>' in html


@given(st.text(max_size=500))
def test_any_reply_can_be_rendered(text: str) -> None:
    assert "<script" not in to_html(text)
    to_whatsapp(text)
