"""A loopback RTSP server whose pictures carry the moment they were made; run by a Python that has GStreamer.

Usage: rtsp.py PORT [USER PASSWORD]. Prints "ready" once it serves rtsp://127.0.0.1:PORT/lane.
Each picture is as stamped_picture() of this package makes it, with CLOCK_MONOTONIC.
"""

import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtspServer  # noqa: E402, F401

WIDTH, HEIGHT, FRAMES_PER_S, BARS = 320, 240, 15, 32
STAMPED, STRIPE = 160, 10
RAW = f"video/x-raw,format=GRAY8,width={WIDTH},height={HEIGHT},framerate={FRAMES_PER_S}/1"
H264 = (
    "videoconvert ! video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 "
    "! rtph264pay name=pay0 pt=96"
)
JPEG = "videoconvert ! jpegenc ! rtpjpegpay name=pay0 pt=96"


def picture():
    stamp_ms = int(time.monotonic() * 1000) & 0xFFFFFFFF
    bar = WIDTH // BARS
    row = b"".join((b"\xe0" if stamp_ms >> (BARS - 1 - i) & 1 else b"\x20") * bar for i in range(BARS))
    stripes = b"".join((b"\x60" if y // STRIPE % 2 else b"\xa0") * WIDTH for y in range(STAMPED, HEIGHT))
    return row * STAMPED + stripes


def feed(source, started):
    source.set_property("do-timestamp", True)

    def push():
        return source.emit("push-buffer", Gst.Buffer.new_wrapped(picture())) == Gst.FlowReturn.OK

    GLib.timeout_add(1000 // FRAMES_PER_S, push)


def configure(factory, media):
    media.set_reusable(False)
    feed(media.get_element().get_child_by_name("pictures"), time.monotonic())


def protect(server, factory, user, password):
    auth = GstRtspServer.RTSPAuth.new()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions.new()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


def main():
    Gst.init(None)
    encoder = H264 if Gst.ElementFactory.find("x264enc") else JPEG
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(f"( appsrc name=pictures is-live=true format=time caps={RAW} ! {encoder} )")
    factory.set_shared(True)
    factory.connect("media-configure", configure)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    if len(sys.argv) > 3:
        protect(server, factory, sys.argv[2], sys.argv[3])
    server.get_mount_points().add_factory("/lane", factory)
    if not server.attach(None):
        sys.exit("port is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
