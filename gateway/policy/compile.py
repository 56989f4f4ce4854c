"""A line's rules, made ready once so that reading a text is look-ups only.

Owns the step from ``LineOptions`` to ``LineRules``: words folded as texts are, ``{name}`` filled in, texts made plain
where the line says so, keywords by every spelling. Must never judge the options: ``gateway.policy.check`` reports what
is wrong with them, and what it passes compiles. ``LineRules`` compares by identity, so that readings can be remembered
per set of rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from gateway.model.effects import Scope
from gateway.policy import words
from gateway.policy.actions import actions
from gateway.policy.actions.contract import Action
from gateway.policy.limits import LONGEST_S, MOST, ReplyLimit, parse_limit
from gateway.policy.normalise import fold
from gateway.policy.options import KeywordOptions, LineOptions
from gateway.sms.transliterate import transliterate

QUOTE_WORDS = 4
"""Our own text counts as quoted when at least so many of its words are there: fewer may be the subscriber's own."""


@dataclass(frozen=True, slots=True)
class KeywordRules:
    """One keyword. ``word`` is as configured, ``key`` as it is matched and remembered."""

    word: str
    key: str
    action: Action
    list_name: str
    user_reply: str
    auto_welcome: str
    help_reply: str
    rejoin: bool

    @property
    def speaks(self) -> bool:
        """Whether the keyword has an answer of its own."""
        return bool(self.user_reply or self.auto_welcome)


@dataclass(frozen=True, slots=True, eq=False)
class LineRules:
    """Everything that reading a text on one line, and judging a message from it, asks of the configuration.

    ``keywords`` has every spelling as it is matched; ``lists`` maps what may follow STOP (keywords, aliases, list
    names) to the list meant; ``list_help`` a list to its help reply. ``own_texts`` are our texts, folded. ``mute`` is
    an address that is no line of ours (any more): its opt-outs are in force, and nothing is answered. Texts are as
    they go out; ``plain`` says that the line's texts are made so (``gateway.sms.transliterate``).
    """

    line_id: int
    address: str
    name: str
    unknown_allowed: bool
    stop_scope: Scope
    config_hash: str
    opt_out: frozenset[str]
    opt_in: frozenset[str]
    help: frozenset[str]
    keywords: Mapping[str, KeywordRules]
    lists: Mapping[str, str]
    list_help: Mapping[str, str]
    own_texts: tuple[str, ...]
    stop_reply: str
    start_reply: str
    help_reply: str
    default_reply: str
    clarify_reply: str
    return_reply: str
    stop_list_reply: str
    limit: ReplyLimit
    hold_s: float
    on_uncertain: str
    mute: bool = False
    plain: bool = False

    def outgoing(self, text: str) -> str:
        """Return ``text`` as this line sends it: its typography made plain, if the line wants that and it helps."""
        return transliterate(text) if self.plain else text

    def list_confirmation(self, left: str, others: tuple[str, ...]) -> str:
        """Return the confirmation of leaving the list ``left`` while still on ``others``."""
        return self.outgoing(self.stop_list_reply.replace("{list}", left).replace("{others}", ", ".join(others)))


def compile_line(
    options: LineOptions, line_id: int, *, stop_scope: str = "line", config_hash: str = "", mute: bool = False
) -> LineRules:
    """Return the rules of a line whose options ``check_line`` has passed. ``stop_scope`` is "line" or "account"."""
    dropped = words.folded(options.drop_words) - words.KEPT
    keywords = tuple(_keyword(keyword, options) for keyword in options.keyword)
    texts = {
        key: _ready(getattr(options, key), options)
        for key in ("stop_reply", "start_reply", "help_reply", "default_reply", "clarify_reply", "return_reply")
    }
    # Its other marks are filled in later, and it is not ready before.
    texts["stop_list_reply"] = options.stop_list_reply.replace("{name}", options.title)
    return LineRules(
        line_id=line_id,
        address=options.address,
        name=options.title,
        unknown_allowed=options.unknown == "allow",
        stop_scope=Scope(stop_scope),
        config_hash=config_hash,
        opt_out=(words.OPT_OUT - dropped) | words.folded(options.opt_out_words),
        opt_in=(words.OPT_IN - dropped) | words.folded(options.opt_in_words),
        help=(words.HELP - dropped) | words.folded(options.help_words),
        keywords=MappingProxyType(_spellings(options.keyword, keywords)),
        lists=MappingProxyType(_lists(options.keyword, keywords)),
        list_help=MappingProxyType(
            {k.list_name: k.help_reply for k in reversed(keywords) if k.list_name and k.help_reply}
        ),
        own_texts=_own_texts(options, keywords, texts),
        limit=parse_limit(options.reply_limit) or ReplyLimit(MOST, LONGEST_S),
        hold_s=options.hold_days * 86400.0,
        on_uncertain=options.on_uncertain,
        mute=mute,
        plain=options.transliterate,
        **texts,
    )


@lru_cache(maxsize=256)
def unknown_line_rules(address: str, line_id: int, *, stop_scope: str = "line", config_hash: str = "") -> LineRules:
    """Return the rules for an address that is no line: opt-outs are in force, and nothing is answered or sent."""
    return compile_line(
        LineOptions(address=address), line_id, stop_scope=stop_scope, config_hash=config_hash, mute=True
    )


def list_of(keyword: KeywordOptions) -> str:
    """Return the list that a keyword speaks of; a join keyword that names none has a list of its own name."""
    if keyword.list_name or keyword.action != "join":
        return keyword.list_name
    return keyword.word.strip().lower()


def _ready(text: str, line: LineOptions) -> str:
    """Return a text of the line as it goes out."""
    named = text.replace("{name}", line.title)
    return transliterate(named) if line.transliterate else named


def _keyword(options: KeywordOptions, line: LineOptions) -> KeywordRules:
    """Return one keyword ready for matching."""
    return KeywordRules(
        word=options.word,
        key=fold(options.word).text,
        action=actions()[options.action],
        list_name=list_of(options),
        user_reply=_ready(options.user_reply, line),
        auto_welcome=_ready(options.auto_welcome, line),
        help_reply=_ready(options.help_reply, line),
        rejoin=options.rejoin,
    )


def _spellings(options: tuple[KeywordOptions, ...], keywords: tuple[KeywordRules, ...]) -> dict[str, KeywordRules]:
    """Return every spelling of every keyword; a word wins over another keyword's alias."""
    found = {
        fold(alias).text: keyword for option, keyword in zip(options, keywords, strict=True) for alias in option.aliases
    }
    return found | {keyword.key: keyword for keyword in keywords}


def _lists(options: tuple[KeywordOptions, ...], keywords: tuple[KeywordRules, ...]) -> dict[str, str]:
    """Return what may stand behind STOP, and the list that it means."""
    names = {fold(keyword.list_name).text: keyword.list_name for keyword in keywords if keyword.list_name}
    spelt = _spellings(options, keywords)
    return names | {word: keyword.list_name for word, keyword in spelt.items() if keyword.list_name}


def _own_texts(options: LineOptions, keywords: tuple[KeywordRules, ...], texts: dict[str, str]) -> tuple[str, ...]:
    """Return what we may have said to a subscriber, folded, longest first."""
    said = {*texts.values()}
    for keyword in keywords:
        said |= {keyword.user_reply, keyword.auto_welcome, keyword.help_reply}
    folded = {fold(text) for text in said}
    return tuple(sorted((f.text for f in folded if len(f.words) >= QUOTE_WORDS), key=len, reverse=True))
