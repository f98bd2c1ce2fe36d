"""Whether the lane's pictures can be trusted at this moment: fresh, and not the same one for ever."""

from __future__ import annotations

from controller.records import Change, Frame
from controller.settings_records import CameraSettings
from controller.watching.noise import NoiseWatch
from wire.reasons import Reason


class Freshness:
    """Judges frames by their age and by their noise; a camera that claims to work proves nothing."""

    def __init__(self, camera: CameraSettings) -> None:
        self._camera = camera
        self._fresh_s: float | None = None
        self._same_since_s: float | None = None
        self._noise = NoiseWatch(camera.frozen_after_s)

    def saw(self, frame: Frame, change: Change, now_s: float) -> bool:
        """A frame came; whether it can be used."""
        if not change.same:
            self._same_since_s = None
        elif self._same_since_s is None:
            self._same_since_s = frame.captured_s
        self._noise.saw(frame.captured_s, change)
        stale = now_s - frame.captured_s > self._camera.max_age_s
        if stale or change.blank or self._frozen(frame.captured_s):
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
        """A sensor's noise never repeats itself for seconds; recorded and drawn pictures may, compressed ones do.

        A dark, still scene at a low bit rate is the same picture from keyframe to keyframe, so a stream is frozen when
        it lost the noise that it had.
        """
        if not self._camera.live:
            return False
        if self._noise.frozen():
            return True
        repeats = self._same_since_s is not None and captured_s - self._same_since_s >= self._camera.frozen_after_s
        return repeats and not self._camera.compressed
