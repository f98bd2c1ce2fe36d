"""Whether the lane's pictures can be trusted at this moment: fresh, and not the same one for ever."""

from __future__ import annotations

from controller.records import Change, Frame
from controller.settings_records import CameraSettings
from wire.reasons import Reason


class Eyes:
    """Judges frames by their age and by their noise; a camera that claims to work proves nothing."""

    def __init__(self, camera: CameraSettings) -> None:
        self._camera = camera
        self._fresh_s: float | None = None
        self._same_since_s: float | None = None

    def saw(self, frame: Frame, change: Change, now_s: float) -> bool:
        """A frame came; whether it can be used."""
        if not change.same:
            self._same_since_s = None
        elif self._same_since_s is None:
            self._same_since_s = frame.captured_s
        stale = now_s - frame.captured_s > self._camera.max_age_s
        if stale or self._frozen(frame.captured_s):
            return False
        self._fresh_s = frame.captured_s
        return True

    def trouble(self, now_s: float, reported: Reason | None) -> Reason | None:
        """Why there are no pictures to trust, None while there are. reported: what the camera says of itself."""
        if self._fresh_s is None:
            return reported or Reason.CAMERA_LOST
        age_s = now_s - self._fresh_s
        if reported is not None and age_s > self._camera.grace_s:
            return reported
        return Reason.CAMERA_STALE if age_s > self._camera.max_age_s else None

    def _frozen(self, captured_s: float) -> bool:
        """A sensor's noise never repeats itself for seconds; recorded and drawn pictures may."""
        if not self._camera.live or self._same_since_s is None:
            return False
        return captured_s - self._same_since_s >= self._camera.frozen_after_s
