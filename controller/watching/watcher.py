"""The watcher: which vehicle stands in the lane, told from what the trigger and the reader see.

It opens and closes visits, keeps the reads of each plate apart by position and text, and says when the plate that was
certain is out of view or another one has taken its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from controller.lane.records import Confirmed, Doubted, Event, Gone, Hidden, Identified, Opened, Subject
from controller.records import Change, Frame, PlateRead, Reading, Region
from controller.settings_records import TriggerSettings, VoteSettings
from controller.watching import trigger
from controller.watching.open_visit import Needs, OpenVisit
from controller.watching.own_plate import MISSED, OwnPlate
from controller.watching.tracks import (
    LEAST_LENGTH,
    TRACK_FORGOTTEN_S,
    Sighting,
    Track,
    alike,
    confirms,
    same_place,
    shift_between,
    unlike,
)
from controller.watching.trigger import Attention, Look, TriggerState
from controller.watching.vote import vote
from wire.reasons import Reason

ASIDE = 0.7
"""Beyond this share of the way to the region's side a plate that was there before any vehicle is a parked car's."""

BYSTANDER_FORGOTTEN_S = 60.0

SOUGHT_FOR_S = 10.0
"""A plate that stays out of view is looked for less often after this."""

DRIVES_OFF_S = 0.8
"""A vehicle that leaves stirs so much of the picture for at least this long; light that goes on is quicker."""

SEEN_BEFORE_S = 3.0
"""A vehicle needs no longer to drive in; what was there before was something else."""


class Watcher:
    """Follows the lane frame by frame and read by read; says what the lane's state machine has to hear."""

    def __init__(self, rules: TriggerSettings, votes: VoteSettings, region: Region, new_id: Callable[[], str]) -> None:
        self._rules = rules
        self._votes = votes
        self._region = region
        self._new_id = new_id
        self._trigger = TriggerState()
        self._visit: OpenVisit | None = None
        self._plate_s: float | None = None
        self._rumours: list[Sighting] = []
        self._bystanders: list[Sighting] = []
        self._needs = Needs()
        self._view_changes = 0
        self._jump_judged_s: float | None = None

    @property
    def view_changes(self) -> int:
        """How often the view has jumped and then stood still."""
        return self._view_changes

    @property
    def visit(self) -> OpenVisit | None:
        return self._visit

    @property
    def trigger(self) -> TriggerState:
        return self._trigger

    def attention(self, now_s: float) -> Attention:
        visit = self._visit
        if visit is None:
            return Attention.SEEKING if self._rumours else Attention.IDLE
        if self._needs.fuelling:
            return Attention.GUARDING
        if visit.plate is None:
            return Attention.STUCK if self._needs.stuck else Attention.SEEKING
        if not visit.hidden and self._settled_since_upheaval(visit):
            return Attention.GUARDING
        return Attention.STUCK if now_s - visit.confirmed_s > SOUGHT_FOR_S else Attention.SEEKING

    def on_change(self, change: Change, frame: Frame, needs: Needs) -> tuple[Look, list[Event]]:
        """A frame's change came in; Look tells whether to read that frame."""
        now_s = frame.captured_s
        self._needs = needs
        self._rumours = [s for s in self._rumours if now_s - s.at_s < TRACK_FORGOTTEN_S]
        self._trigger, look = trigger.step(
            self._trigger, change, now_s, self.attention(now_s), self._plate_s, needs.can_read, self._rules
        )
        self._judge_view(now_s)
        events: list[Event] = []
        visit = self._visit
        if visit is None:
            if trigger.standing(self._trigger, now_s, self._rules):
                events += self._open(self._first_seen_s(now_s), frame)
        else:
            visit.by_picture = visit.by_picture or (self._trigger.trusted and trigger.present(self._trigger))
            if visit.stood_s is None and trigger.standing(self._trigger, now_s, self._rules):
                visit.stood_s = now_s
            # In this order, the first that speaks wins: a lane that is empty needs no successor, and a visit that has
            # been handed on must not be hidden in the same frame.
            events += self._left(visit, now_s) or self._drove_off(visit, frame) or self._unseen(visit, now_s)
        return look, events

    def on_reading(self, frame: Frame, reading: Reading) -> list[Event]:
        """A frame was read. Frames come in order of capture."""
        sightings = self._without_bystanders(frame, reading)
        self._trigger = trigger.looked(self._trigger, bool(sightings))
        if sightings:
            self._plate_s = frame.captured_s
        events: list[Event] = []
        if self._visit is None:
            if not sightings or not self._worth_a_visit(sightings):
                return []
            events += self._open(self._first_seen_s(frame.captured_s), frame)
        visit = self._visit
        # A read takes longer than a frame: one begun before the vehicle came may show the vehicle before it.
        if visit is None or frame.captured_s < visit.first_seen_s:
            return events
        if visit.own is None:
            return events + self._seek(visit, sightings, frame)
        return events + self._guard(visit, visit.own, sightings, frame)

    def on_blind(self) -> list[Event]:
        """No pictures any more: whatever stood there must be seen again before it is believed."""
        # Empty and still are spans of pictures; a span across a gap would claim what nobody saw.
        self._trigger = replace(self._trigger, low_since_s=None, still_since_s=None)
        visit = self._visit
        return self._hide(visit) if visit is not None else []

    def _without_bystanders(self, frame: Frame, reading: Reading) -> list[Sighting]:
        """The plates that may be those of a vehicle at the pump: not those that stood at the edge before it came."""
        plates = [p for p in reading.plates if self._plate_like(p)]
        sightings = [Sighting(frame.captured_s, frame.captured_at, p) for p in plates]
        # Learnt only while the lane is empty: later a plate at the edge may be the next vehicle in the queue.
        if self._visit is None and not trigger.present(self._trigger):
            aside = [s for s in sightings if self._aside(s.plate, frame) > ASIDE]
            fresh = [b for b in self._bystanders if frame.captured_s - b.at_s < BYSTANDER_FORGOTTEN_S]
            self._bystanders = aside + [b for b in fresh if not any(same_place(b, s) for s in aside)]
        return [s for s in sightings if not any(same_place(b, s) for b in self._bystanders)]

    def _aside(self, plate: PlateRead, frame: Frame) -> float:
        """How far to the side of the region a plate is: 0 in the middle, 1 at the edge."""
        width, _ = frame.size
        half = (self._region.right - self._region.left) * width / 2
        middle = (self._region.right + self._region.left) * width / 2
        return abs(plate.centre[0] - middle) / half if half else 0.0

    def _plate_like(self, plate: PlateRead) -> bool:
        return plate.detection >= self._votes.detection and plate.width_px >= 0.5 * self._votes.width_px

    def _first_seen_s(self, now_s: float) -> float:
        since_s = self._trigger.present_since_s
        return max(since_s, now_s - SEEN_BEFORE_S) if since_s is not None and self._trigger.trusted else now_s

    def _worth_a_visit(self, sightings: list[Sighting]) -> bool:
        """One plate on something large, or the same plate twice: a false box alone opens nothing."""
        if self._trigger.trusted and self._trigger.large_since_s is not None:
            return True
        valid = [s for s in sightings if s.plate.valid]
        twice = any(alike(a.plate.text, b.plate.text) for a in self._rumours for b in valid)
        self._rumours += valid
        return twice

    def _open(self, first_seen_s: float, frame: Frame) -> list[Event]:
        self._rumours = []
        self._visit = OpenVisit(self._new_id(), first_seen_s, by_picture=trigger.present(self._trigger))
        earlier = timedelta(seconds=frame.captured_s - first_seen_s)
        return [Opened(self._visit.id, first_seen_s, frame.captured_at - earlier)]

    def _close(self, visit: OpenVisit, reason: Reason) -> list[Event]:
        self._visit = None
        return [Gone(visit.id, reason)]

    def _left(self, visit: OpenVisit, now_s: float) -> list[Event]:
        state = self._trigger
        if visit.by_picture and trigger.emptied(state, now_s, self._rules):
            return self._close(visit, Reason.VISIT_OVER)
        if not visit.by_picture and trigger.emptied(state, now_s, self._rules) and self._plateless(now_s):
            return self._close(visit, Reason.VISIT_OVER)
        return self._never_came(visit, now_s) or self._forgotten(visit, now_s)

    def _judge_view(self, now_s: float) -> None:
        whole_s = self._trigger.whole_s
        still = trigger.still_for_s(self._trigger, now_s) >= trigger.VIEW_STILL_S
        if whole_s is not None and whole_s != self._jump_judged_s and still:
            self._jump_judged_s = whole_s
            self._view_changes += 1

    def _never_came(self, visit: OpenVisit, now_s: float) -> list[Event]:
        """The whole picture changed at once and has stood still since, without a plate: light or camera, no vehicle."""
        unread = visit.plate is None and not visit.tracks and not self._needs.fuelling
        if not unread or not trigger.view_changed(self._trigger, visit.first_seen_s, now_s):
            return []
        self._trigger = trigger.distrust(self._trigger)
        return self._close(visit, Reason.VISIT_OVER)

    def _plateless(self, now_s: float) -> bool:
        """Several looks in a row found nothing where the plate was, though the picture never told of a vehicle."""
        return self._trigger.looks_since_plate >= 3 and trigger.still_for_s(self._trigger, now_s) >= 1.0

    def _forgotten(self, visit: OpenVisit, now_s: float) -> list[Event]:
        """After an upheaval nothing but stillness without a plate: the learnt empty lane is wrong, the vehicle gone."""
        upheaval_s = self._trigger.upheaval_s
        plate_s = self._plate_s
        if self._needs.fuelling or visit.plate is None or upheaval_s is None or plate_s is None or plate_s > upheaval_s:
            return []
        if trigger.still_for_s(self._trigger, now_s) < self._rules.forget_after_s:
            return []
        self._trigger = trigger.distrust(self._trigger)
        return self._close(visit, Reason.VISIT_OVER)

    def _settled_since_upheaval(self, visit: OpenVisit) -> bool:
        upheaval_s = self._trigger.upheaval_s
        return upheaval_s is None or visit.confirmed_s > upheaval_s

    def _unseen(self, visit: OpenVisit, now_s: float) -> list[Event]:
        """After an upheaval the plate has to be seen again in time; where none was read, it may be another vehicle."""
        if visit.own is None:
            return self._stirred(visit)
        upheaval_s = self._trigger.upheaval_s
        if self._settled_since_upheaval(visit) or upheaval_s is None:
            return []
        looked = trigger.upheaval_lasted_s(self._trigger) >= DRIVES_OFF_S and visit.own.missed > MISSED
        if not looked and now_s - max(visit.confirmed_s, visit.first_seen_s) < self._rules.confirm_within_s:
            return []
        return self._hide(visit)

    def _stirred(self, visit: OpenVisit) -> list[Event]:
        """A vehicle that stood without a certain plate, typed for or not, may have driven off for the next."""
        since_s = self._trigger.upheaval_since_s
        if visit.stood_s is None or since_s is None or since_s <= max(visit.stood_s, visit.stirred_s):
            return []
        if self._needs.fuelling or trigger.upheaval_lasted_s(self._trigger) < DRIVES_OFF_S:
            return []
        visit.stirred_s = since_s
        return [Hidden(visit.id)]

    def _drove_off(self, visit: OpenVisit, frame: Frame) -> list[Event]:
        """The plate left its place and the view, and a vehicle stands there that is not certain: the next one."""
        own, now_s = visit.own, frame.captured_s
        if own is None or not own.drove_off or self._needs.fuelling:
            return []
        if not trigger.standing(self._trigger, now_s, self._rules):
            return []
        events = self._close(visit, Reason.PLATE_CHANGED)
        seen = [track.sightings[0].at_s for track in own.rivals]
        events += self._open(min(seen, default=now_s - trigger.still_for_s(self._trigger, now_s)), frame)
        if self._visit is not None:
            self._visit.tracks = own.rivals
        return events

    def _hide(self, visit: OpenVisit) -> list[Event]:
        if visit.hidden or visit.plate is None:
            return []
        visit.hidden = True
        return [Hidden(visit.id)]

    def _seek(self, visit: OpenVisit, sightings: list[Sighting], frame: Frame) -> list[Event]:
        """Before the plate is certain: collect, vote, and notice that another vehicle came."""
        for sighting in sightings:
            self._track(visit.tracks, sighting).add(sighting)
        main = self._main(visit.tracks, frame)
        if main is not None and self._replaced(visit, main):
            return self._succeed(visit, main, frame)
        result = vote([s.plate for s in main.sightings], self._votes) if main else visit.vote
        if main is not None and main.steady(self._votes.reads):
            visit.settled = main
        # Reads of a moving plate share its blur, so that many of them are no more evidence than one.
        if result.certain and main is not None and not main.steady(self._votes.reads):
            result = replace(result, plate=None, reason=Reason.UNSURE, detail="the vehicle does not stand yet")
        visit.vote, visit.main = result, main
        if result.plate is None or main is None:
            return [Doubted(visit.id, result.reason)]
        visit.own, visit.confirmed_s, visit.hidden = OwnPlate.standing(result.plate, main.last), main.last.at_s, False
        subject = Subject(result.plate, False, main.last.captured_at, result.confidence, result.weakest)
        return [Identified(visit.id, subject)]

    def _track(self, tracks: list[Track], sighting: Sighting) -> Track:
        """The track a sighting continues: of the nearest plate there or the same text, else a new one."""
        best, best_distance = None, 1.0
        for track in tracks:
            if track.last.at_s == sighting.at_s:  # two plates of one picture are two plates
                continue
            distance = shift_between(track.last, sighting)
            if distance < best_distance:
                best, best_distance = track, distance
        if best is None:
            best = Track()
            tracks.append(best)
            del tracks[:-8]
        return best

    def _main(self, tracks: list[Track], frame: Frame) -> Track | None:
        """The track of the vehicle at the pump: large, near the middle, seen lately and often."""
        return max(tracks, key=lambda t: self._prominence(t, frame), default=None)

    def _prominence(self, track: Track, frame: Frame) -> float:
        last = track.last
        lately = 1.0 if frame.captured_s - last.at_s < TRACK_FORGOTTEN_S else 0.1
        often = min(1.0, (1 + len(track.sightings)) / (1 + self._votes.reads))
        aside = min(1.0, self._aside(last.plate, frame))
        readable = 1.0 if last.plate.valid else 0.6
        return last.plate.width_px * last.plate.detection * lately * often * readable * (1.0 - 0.4 * aside)

    def _replaced(self, visit: OpenVisit, main: Track) -> bool:
        """A vehicle that had come to rest unread is out of sight, and another plate stands there now."""
        before = visit.settled
        if before is main or len(main.sightings) < 2:
            return False
        if before is None:
            return not self._needs.fuelling and 0.0 < visit.stirred_s < main.sightings[0].at_s
        upheaval_s = self._trigger.upheaval_s
        moved = upheaval_s is not None and before.last.at_s < upheaval_s
        unseen = main.last.at_s - before.last.at_s >= 1.0
        return moved and unseen and not alike(before.last.plate.text, main.last.plate.text, 3)

    def _guard(self, visit: OpenVisit, own: OwnPlate, sightings: list[Sighting], frame: Frame) -> list[Event]:
        """After the plate is certain: confirm it, or build the case of another one."""
        same = next((s for s in sightings if confirms(s.plate, own.text)), None)
        others = [s for s in sightings if s is not same and self._another(s.plate, own)]
        if same is not None:
            return self._still_there(visit, own, same, others, frame)
        own.missed += 1
        for sighting in others:
            self._track(own.rivals, sighting).add(sighting)
        gone = own.drove_off or own.contradictions >= 2
        return (self._hide(visit) if gone else []) + self._succeeded(visit, own, frame)

    def _another(self, plate: PlateRead, own: OwnPlate) -> bool:
        """Whether a read tells of a plate that is not this visit's: any valid one, others when nothing like it."""
        known = plate.valid or (len(plate.text) >= LEAST_LENGTH and unlike(plate.text, own.text))
        return known and plate.width_px >= self._votes.width_px

    def _still_there(
        self, visit: OpenVisit, own: OwnPlate, same: Sighting, others: list[Sighting], frame: Frame
    ) -> list[Event]:
        """The plate is in view: green stays where it stands, unless it has made room and another one is there."""
        own.saw(same)
        visit.confirmed_s = same.at_s
        # Green belongs to who stands at the pump: it ends while its own plate is still read on the way out.
        if own.driving:
            return self._hide(visit)
        if not own.away:
            own.rivals.clear()
        for sighting in others if own.away else []:
            self._track(own.rivals, sighting).add(sighting)
        rival, mine = self._main(own.rivals, frame), Track([same] * self._votes.reads)
        # Its own plate is given a full track: a rival that was read more often is not more prominent for that.
        nearer = rival is not None and self._prominence(rival, frame) > self._prominence(mine, frame)
        if nearer and own.contradictions >= 2:
            return self._hide(visit) + self._succeeded(visit, own, frame)
        visit.hidden = False
        return [Confirmed(visit.id, same.captured_at)]

    def _succeeded(self, visit: OpenVisit, own: OwnPlate, frame: Frame) -> list[Event]:
        """Another plate is certain, or one that is not stands where a vehicle moved and this visit's was not seen."""
        rival = self._main(own.rivals, frame)
        if rival is None:
            return []
        upheaval_s = self._trigger.upheaval_s
        # Not while fuel flows: people and hoses move the picture, and the nozzle says that the vehicle is still there.
        moved = upheaval_s is not None and upheaval_s > own.last.at_s and not self._needs.fuelling
        certain = vote([s.plate for s in rival.sightings], self._votes).certain
        if (certain and rival.steady(self._votes.reads)) or (moved and own.replaced_by(rival, self._votes.reads)):
            return self._succeed(visit, rival, frame)
        return []

    def _succeed(self, visit: OpenVisit, track: Track, frame: Frame) -> list[Event]:
        """Another vehicle took the place; its visit begins with the reads it already has."""
        events = self._close(visit, Reason.PLATE_CHANGED)
        events += self._open(track.sightings[0].at_s, frame)
        opened = self._visit
        if opened is not None:
            opened.tracks = [track]
            events += self._seek(opened, [], frame)
        return events
