"""Results are kept within a block, and nowhere after it."""

from exponential.workspace.text import memo


def test_a_function_runs_once_for_the_same_arguments_within_a_block() -> None:
    asked: list[str] = []

    @memo.memoised
    def length(text: str) -> int:
        asked.append(text)
        return len(text)

    for _ in range(2):
        with memo.kept():
            assert [length("abc"), length("abc"), length(""), length("")] == [3, 3, 0, 0]
    assert asked == ["abc", ""] * 2
    assert length("abc") == length("abc") == 3
    assert asked == ["abc", ""] * 2 + ["abc"] * 2
