"""Every error of the lane, in one tree under the root that all parts share.

GreenlaneError
  SettingsError        a setting is unknown, missing or out of range; names file, line and key
  HardwareError
    CameraLost         no frame can be had now; reading again reconnects
    EndOfVideo         a recorded video is over
      VideoDamaged     over too early: cut off, or no video at all
    LampFault          the lamp cannot be driven
    DispenserFault     the dispenser cannot be driven
  ReaderError          weights missing, altered or unusable
  ClientError          the balance service gave no usable answer
    ServiceSilent      no answer within the deadline, or no connection
    ServiceFault       it answered, with an error of its own (5xx) or nonsense
      NotValidNow      its certificate has expired or is not valid yet, by this machine's clock
      ServiceFailed    it is there and failed at this message: its own error record, and not 503
    Rejected           it refused this message for good (4xx); carries its reason code
"""

from __future__ import annotations

from wire.errors import GreenlaneError


class SettingsError(GreenlaneError):
    pass


class HardwareError(GreenlaneError):
    pass


class CameraLost(HardwareError):
    pass


class EndOfVideo(HardwareError):
    pass


class VideoDamaged(EndOfVideo):
    pass


class LampFault(HardwareError):
    pass


class DispenserFault(HardwareError):
    pass


class ReaderError(GreenlaneError):
    pass


class ClientError(GreenlaneError):
    pass


class ServiceSilent(ClientError):
    pass


class ServiceFault(ClientError):
    pass


class NotValidNow(ServiceFault):
    pass


class ServiceFailed(ServiceFault):
    pass


class Rejected(ClientError):
    """The service will never take this message; reason is its code (wire.reasons.ErrorCode value)."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
