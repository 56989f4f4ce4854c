"""What the configuration says of a line and its keywords: the ``[[line]]`` and ``[[line.keyword]]`` tables.

Owns the keys, their defaults and their one-sentence descriptions; types are checked here by pydantic, the sense of the
whole (clashing words, unknown actions) by ``gateway.policy.check``. Must never read a file or know about other lines:
``gateway.config`` composes these models.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class KeywordOptions(BaseModel):
    """One keyword of a line: the word, what it does and what is answered."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    word: str = Field(description="The keyword: one or two words that count in the first two words of a text.")
    aliases: tuple[str, ...] = Field(default=(), description="Other spellings that mean this keyword.")
    action: str = Field(
        default="reply",
        description='What the keyword does: "join", "reply", "opt_in", "opt_out", "help" or the name of a plug-in\'s.',
    )
    list_name: str = Field(
        default="",
        alias="list",
        description='The opt-in list of the keyword; a "join" keyword without one has its word in small letters.',
    )
    user_reply: str = Field(default="", description="Answer to every use of the keyword; empty sends none.")
    auto_welcome: str = Field(
        default="",
        description="Sent before user_reply the first time, and the first time after an opt-out; empty sends none.",
    )
    help_reply: str = Field(
        default="",
        description="Answer to HELP and this keyword, and to HELP from a member of its list alone; empty: the line's.",
    )
    rejoin: bool = Field(
        default=True,
        description="Whether the keyword, as a whole text, brings back a subscriber who has opted out.",
    )


class LineOptions(BaseModel):
    """One line: a number that we own, its texts and its rules. ``{name}`` in a text is the line's name."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    address: str = Field(
        description="The short code or number that subscribers text to, with its country code if it has one."
    )
    name: str = Field(default="", description="The programme's name as subscribers know it; empty: the address.")
    carriers: tuple[str, ...] = Field(default=(), description="Names of the carriers that serve the line.")
    region: str = Field(
        default="US", description="Country (ISO 3166 alpha-2, in capitals) by which national numbers are read."
    )
    unknown: Literal["allow", "refuse"] = Field(
        default="refuse",
        description='Whether a subscriber whose consent is not defined may be sent to: "allow" or "refuse".',
    )
    stop_reply: str = Field(
        default="{name}: you are unsubscribed and will receive no more messages.",
        description="The one confirmation of an opt-out.",
    )
    start_reply: str = Field(
        default="{name}: you are subscribed. Reply STOP to end, HELP for help.",
        description="Answer to an opt-in word.",
    )
    help_reply: str = Field(
        default="{name}: Msg&data rates may apply. Reply STOP to end.",
        description="Answer to a help word; it should name a telephone number or an e-mail address.",
    )
    default_reply: str = Field(default="", description="Answer to any other text; empty sends none.")
    clarify_reply: str = Field(
        default="{name}: do you want our messages to stop? Reply STOP to end them, START to keep them.",
        description="The one question that an unclear wish to stop is answered with; empty sends none.",
    )
    return_reply: str = Field(
        default="{name}: you have stopped our messages. Text START to receive them again.",
        description="Told once per opt-out to someone who texts a rejoin = false keyword; empty sends none.",
    )
    stop_list_reply: str = Field(
        default="{name}: no more {list} messages. Still on: {others}. Reply STOP to end all.",
        description="Confirmation of STOP with a keyword; {list} is the list left, {others} the lists still on.",
    )
    opt_out_words: tuple[str, ...] = Field(default=(), description="Further words that opt out.")
    opt_in_words: tuple[str, ...] = Field(default=(), description="Further words that opt in.")
    help_words: tuple[str, ...] = Field(default=(), description="Further words that ask for help.")
    drop_words: tuple[str, ...] = Field(default=(), description="Reserved words that mean nothing on this line.")
    reply_limit: str = Field(
        default="10/min",
        description='Automatic replies to one subscriber at most: a number from 1 to 100 per "s", "min" or "h".',
    )
    max_per_second: float = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Segments that the line may send a second, over all of its carriers; 0 sets no limit.",
    )
    max_backlog: int = Field(
        default=0,
        ge=0,
        description="Most messages of applications that may wait to be sent from the line, a tenth of it not for bulk; "
        "0 leaves it to [gateway] max_backlog.",
    )
    hold_days: int = Field(
        default=3,
        ge=1,
        le=10,
        description="Days after which a hold that nobody has settled becomes an opt-out.",
    )
    on_uncertain: Literal["hold", "resend", "fail"] = Field(
        default="hold",
        description='What follows when a submit ended without an answer: "hold" for a person, "resend" or "fail".',
    )
    transliterate: bool = Field(
        default=False,
        description="Make typographic quotes, dashes, spaces and ligatures plain where the whole text is then GSM.",
    )
    keyword: tuple[KeywordOptions, ...] = Field(default=(), description="The line's keywords.")

    @property
    def title(self) -> str:
        """The name that texts and people are shown: ``name``, or the address where there is none."""
        return self.name or self.address
