"""The vote over a visit: reads of one plate in several frames become one certain text, or none."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from controller.lane.records import SeenText
from controller.records import CharacterRead, PlateRead, Vote
from controller.settings_records import VoteSettings
from wire.reasons import Reason
from wire.typed import UNSEEN

SUREST = 0.9995
"""No single read is believed beyond this, whatever its network claims."""

CLEAR_SHARE = 0.5
"""Of the reads that agree, by weight, so much has to be free of doubts."""

OTHER_KIND, WELL_READ = "unknown_kind", 0.8
"""The doubt of a text that fits no format, and how sure its weakest character has to be for more than a bad read."""

ONE_PICTURE = "unsure"
"""The doubt that a vote over several pictures settles by itself."""


def vote(reads: Sequence[PlateRead], rules: VoteSettings) -> Vote:
    """What the reads of one plate, one per frame, say together; their order does not matter.

    A text is certain when at least rules.reads frames agree on the whole of it undoubted, which are most of those that
    agree, it has a plate's format, it holds rules.agreement of all evidence and rules.lead times that of the next best,
    and its weakest character and its province character pass their thresholds. Wider reads weigh more, so the
    first far ones do not win.
    """
    if not reads:
        return Vote(None, Reason.NO_PLATE, detail="no plate was seen")
    near = [r for r in reads if r.width_px >= rules.width_px and r.detection >= rules.detection and r.characters]
    if not near:
        return Vote(None, Reason.UNSURE, detail="plates were seen, none large and clear enough to be believed")
    weights = _weights(near)
    evidence: dict[str, float] = defaultdict(float)
    for read, weight in zip(near, weights, strict=True):
        evidence[read.text] += weight * read.weakest
    text = max(_valid_texts(near) or evidence, key=lambda t: (evidence[t], t))
    characters = _character_probabilities(text, near, weights)
    agreeing = sum(r.text == text for r in near)
    doubts = _shared_doubts(text, near, weights, rules.reads)
    doubt = _doubt(text, agreeing, dict(evidence), characters, near, rules) or _doubted(doubts)
    return Vote(
        plate=None if doubt else text,
        reason=_reason(doubts, agreeing, characters, rules) if doubt else Reason.OK,
        candidate=text,
        confidence=math.prod(characters),
        weakest=min(characters),
        reads=agreeing,
        detail=doubt or f"{agreeing} reads agree",
        characters=tuple(round(p, 4) for p in characters),
        doubts=doubts if doubt else (),
    )


def _reason(doubts: tuple[str, ...], agreeing: int, characters: Sequence[float], rules: VoteSettings) -> Reason:
    """A plate that is read well, again and again, and whose text fits no format is of a kind that nobody taught."""
    clear = agreeing >= rules.reads and min(characters) >= WELL_READ
    return Reason.UNKNOWN_KIND if OTHER_KIND in doubts and clear else Reason.UNSURE


def _shared_doubts(text: str, reads: Sequence[PlateRead], weights: Sequence[float], enough: int) -> tuple[str, ...]:
    """What the reads of a text are doubted for; empty when enough of them, and most by weight, are not doubted.

    A standing vehicle shows the same covered character in every frame, so a few frames that pass prove nothing.
    """
    mine = [(set(r.doubts) - {ONE_PICTURE}, weight) for r, weight in zip(reads, weights, strict=True) if r.text == text]
    clear = [weight for doubts, weight in mine if not doubts]
    if len(clear) >= min(enough, len(mine)) and sum(clear) >= CLEAR_SHARE * sum(weight for _, weight in mine):
        return ()
    often: dict[str, float] = defaultdict(float)
    for doubts, weight in mine:
        for name in doubts:
            often[name] += weight
    return tuple(sorted(often, key=lambda name: (-often[name], name)))


def _doubted(doubts: tuple[str, ...]) -> str:
    return f"the plate is doubted: {', '.join(doubts)}" if doubts else ""


def evidence_of(result: Vote, rules: VoteSettings) -> SeenText | None:
    """What a vote says of the plate beside a typed one: None where not one character is sure.

    A read that is doubted says nothing: what hides a character can make another plate of it.
    """
    if result.plate is not None:
        return SeenText(result.plate, True)
    if result.doubts:
        return None
    text = "".join(
        character if probability >= rules.weakest_character else UNSEEN
        for character, probability in zip(result.candidate or "", result.characters, strict=False)
    )
    return SeenText(text, False) if text.strip(UNSEEN) else None


def _valid_texts(reads: Sequence[PlateRead]) -> set[str]:
    return {r.text for r in reads if r.valid}


def _weights(reads: Sequence[PlateRead]) -> list[float]:
    """Each read's area against the widest one's, squared: at half the width a read counts a sixteenth. One that is made
    of several frames counts as many times."""
    widest = max(r.width_px for r in reads)
    return [r.frames * (r.width_px / widest) ** 4 for r in reads]


def _character_probabilities(text: str, reads: Sequence[PlateRead], weights: Sequence[float]) -> list[float]:
    """Per character of the text the probability that it is right: the weighted mean of the reads' log odds.

    Frames of a standing vehicle repeat each other's errors, so their odds are averaged and never multiplied up. A read
    that says another character there counts with what probability it leaves to the rest.
    """
    rows = [(r, w) for r, w in zip(reads, weights, strict=True) if len(r.characters) == len(text)]
    total = sum(w for _, w in rows)
    return [
        _probability(sum(w * _log_odds(r.characters[i], character) for r, w in rows) / total)
        for i, character in enumerate(text)
    ]


def _log_odds(read: CharacterRead, character: str) -> float:
    p = read.probability if read.character == character else 1.0 - read.probability
    p = min(max(p, 1.0 - SUREST), SUREST)
    return math.log(p / (1.0 - p))


def _probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


def _doubt(
    text: str,
    agreeing: int,
    evidence: dict[str, float],
    characters: Sequence[float],
    reads: Sequence[PlateRead],
    rules: VoteSettings,
) -> str:
    """Why the text is not certain; empty when it is."""
    mine = evidence[text]
    rival = max((e for t, e in evidence.items() if t != text), default=0.0)
    if not any(r.text == text and r.valid for r in reads):
        return "the text has no plate's format"
    if agreeing < rules.reads:
        return f"only {agreeing} of {rules.reads} reads agree"
    if mine < rules.lead * rival:
        return f"another text has {rival / mine if mine else 1.0:.0%} of its evidence"
    if mine < rules.agreement * sum(evidence.values()):
        return f"only {mine / sum(evidence.values()):.0%} of the evidence agrees"
    if not text[0].isascii() and characters[0] < rules.province:
        return f"the province character is {characters[0]:.2f} sure"
    weakest = min(range(len(characters)), key=lambda i: characters[i])
    if characters[weakest] < rules.weakest_character:
        return f"character {weakest + 1} is {characters[weakest]:.2f} sure"
    return ""
