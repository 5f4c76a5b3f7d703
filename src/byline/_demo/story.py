"""The demo's git history: who committed what, with which trailers."""

from __future__ import annotations

from dataclasses import dataclass

from . import sources

Edit = tuple[str, str, str]

ANA = "Ana Souza <ana@shop.example>"
BEN = "Ben Okafor <ben@shop.example>"
CHEN = "Chen Li <chen@shop.example>"
COPILOT = "copilot-swe-agent[bot] <198982749+Copilot@users.noreply.github.com>"
GITHUB = "GitHub <noreply@github.com>"


@dataclass(frozen=True, slots=True)
class Chapter:
    """One commit."""

    key: str
    author: str
    message: str
    days_ago: int
    new: tuple[tuple[str, str], ...] = ()
    """Path and text of files it adds."""

    edits: tuple[Edit, ...] = ()
    committer: str = ""
    """The author, unless given."""

    plants: str = ""
    """The failure it brings, if it brings one; empty otherwise."""

    hides: str = ""
    """The failure it swallows, if it swallows one."""


STORY = (
    Chapter(
        "start",
        ANA,
        "Start the shop\n\nProducts and a cart, on the standard library.\n",
        60,
        new=(
            ("shop/__init__.py", ""),
            ("shop/app.py", sources.APP),
            ("shop/catalog.py", sources.CATALOG),
            ("shop/cart.py", sources.CART),
        ),
    ),
    Chapter(
        "orders",
        BEN,
        "Take orders\n",
        48,
        new=(("shop/orders.py", sources.ORDERS), ("shop/deadline.py", sources.DEADLINE)),
        edits=tuple(sources.ROUTE_ORDERS),
    ),
    Chapter(
        "ratings",
        ANA,
        "Show what customers think\n",
        34,
        new=(("shop/ratings.py", sources.RATINGS),),
        edits=tuple(sources.ROUTE_RATINGS),
    ),
    Chapter(
        "discounts",
        BEN,
        # As GitHub writes a squash merge: the trailers of each commit stay in the middle of the body.
        "Add discount codes to the cart (#12)\n\n"
        "* Add discount codes\n\n"
        "Co-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n\n"
        "* Return the price per item\n\n"
        "🤖 Generated with [Claude Code](https://claude.com/claude-code)\n\n"
        "Co-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n\n"
        "---------\n\n"
        "Co-authored-by: Ana Souza <ana@shop.example>\n",
        20,
        new=(("shop/discounts.py", sources.DISCOUNTS),),
        edits=tuple(sources.USE_DISCOUNTS),
        committer=GITHUB,
        plants="an empty cart with a code divides by zero",
    ),
    Chapter(
        "recommendations",
        COPILOT,
        "Recommend products by similarity (#15)\n\nCo-authored-by: Ana Souza <ana@shop.example>\n",
        9,
        new=(("shop/recommendations.py", sources.RECOMMENDATIONS),),
        edits=tuple(sources.ROUTE_RECOMMENDATIONS),
        committer=GITHUB,
        plants="a loop inside a loop inside a loop: a larger cart runs out of time",
    ),
    Chapter(
        "robust",
        BEN,
        "Make the ratings robust (#16)\n\nCo-authored-by: Codex <codex@openai.com>\n",
        6,
        edits=tuple(sources.SAFE_RATINGS),
        committer=GITHUB,
        hides="a damaged rating becomes no stars at all, and nobody is told",
    ),
    Chapter(
        "shipping",
        CHEN,
        "Ask the carrier for a shipping quote (#17)\n\nCo-authored-by: Cursor <cursoragent@cursor.com>\n",
        3,
        new=(("shop/shipping.py", sources.SHIPPING),),
        edits=tuple(sources.ROUTE_SHIPPING),
        committer=GITHUB,
        plants="the carrier hangs up now and then, and nothing handles it",
    ),
    Chapter(
        "mark",
        ANA,
        "Mark what Claude wrote\n",
        2,
        edits=tuple(sources.MARK_DISCOUNTS),
    ),
    Chapter(
        "format",
        CHEN,
        "Format the code\n",
        1,
        edits=tuple(sources.FORMAT),
    ),
)
