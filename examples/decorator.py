"""Use 1: mark a function in code. Run it with ``byline run examples/decorator.py``, then ``byline why``."""

from __future__ import annotations

from byline import ai_generated


@ai_generated(tool="claude", reviewed_by="Ana Souza", reviewed_for=("edge cases",))
def average(numbers: list[float]) -> float:
    """Return the mean; an empty list is the edge case nobody thought of."""
    return sum(numbers) / len(numbers)


def main() -> None:
    """Call it with what production sends."""
    for numbers in ([1.0, 2.0, 3.0], [4.0], []):
        try:
            print(average(numbers))
        except ZeroDivisionError as error:
            print(f"failed: {error}")


if __name__ == "__main__":
    main()
