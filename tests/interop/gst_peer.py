"""GStreamer's webrtcbin as a peer: the commands and events of peer.mjs."""
import array
import json
import os
import re
import subprocess
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)

SOURCES = {
    "pcma": "audiotestsrc is-live=true samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 "
            "! alawenc ! rtppcmapay min-ptime=20000000 max-ptime=20000000 pt={pt}",
    "pcmu": "audiotestsrc is-live=true samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 "
            "! mulawenc ! rtppcmupay min-ptime=20000000 max-ptime=20000000 pt={pt}",
    "opus": "audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 "
            "! opusenc ! rtpopuspay pt={pt}",
    "h264": "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1,format=I420 "
            # rtph264pay sets parameter sets before every slice: so one slice makes a picture.
            "! x264enc threads=1 tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=600 "
            "! video/x-h264,profile=constrained-baseline "
            "! h264parse ! rtph264pay config-interval=-1 aggregate-mode=zero-latency mtu=1200 pt={pt}",
    "mjpeg": "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1,format=I420 "
             "! jpegenc ! rtpjpegpay mtu=1200 pt={pt}",
}
CAPS = {
    "pcma": "application/x-rtp,media=audio,encoding-name=PCMA,clock-rate=8000,payload={pt}",
    "pcmu": "application/x-rtp,media=audio,encoding-name=PCMU,clock-rate=8000,payload={pt}",
    "opus": "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,"
            "encoding-params=(string)2,payload={pt}",
    "h264": "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload={pt},"
            "packetization-mode=(string)1",  # an offer may go out before the encoder has begun
    "mjpeg": "application/x-rtp,media=video,encoding-name=JPEG,clock-rate=90000,payload={pt}",
}
PAYLOAD_TYPES = {"pcma": 8, "pcmu": 0, "opus": 111, "h264": 108, "mjpeg": 26}
DECODERS = {"H264": "rtph264depay ! h264parse ! avdec_h264 output-corrupt=false",
            "JPEG": "rtpjpegdepay ! jpegdec",
            "PCMA": "rtppcmadepay ! alawdec", "PCMU": "rtppcmudepay ! mulawdec",
            "OPUS": "rtpopusdepay ! opusdec"}
KIND = {"offer": GstWebRTC.WebRTCSDPType.OFFER, "answer": GstWebRTC.WebRTCSDPType.ANSWER}

output = threading.Lock()


def emit(**line):
    with output:
        print(json.dumps(line), flush=True)


def checksum(data):
    s = 0
    for byte in data:
        s = (s * 31 + byte) & 0xFFFFFFFF
    return s


def pattern(size):
    return bytes(i * 7 & 255 for i in range(size))


def payload_type_in(sdp, codec):
    """The number under which an offer has a codec; an answer has to use the same."""
    name = "jpeg" if codec == "mjpeg" else codec
    for line in sdp.splitlines():
        if line.lower().startswith("a=rtpmap:") and line.split()[1].lower().startswith(name + "/"):
            return int(line.split()[0].split(":")[1])
    return PAYLOAD_TYPES[codec]


def described_by(type, sdp):
    _, message = GstSdp.SDPMessage.new_from_text(sdp)
    return GstWebRTC.WebRTCSessionDescription.new(KIND[type], message)


def with_message_size(type, sdp):
    """webrtcbin names no size, and sends no more than the less of both sides': 64 KB, whatever the
    other one takes. What it is given as its own description may say more."""
    return described_by(type, re.sub("(a=sctp-port:[0-9]+\r\n)", "\\1a=max-message-size:262144\r\n", sdp))


def without_message_size(sdp):
    """Others are not told of it, since webrtcbin hands over what is longer than 64 KB in pieces."""
    return re.sub("a=max-message-size:[0-9]+\r\n", "", sdp)


class Connection:
    """One connection; what comes from an older one is told no more. Every answer goes through
    `answer`, since webrtcbin does nearly everything later."""

    def __init__(self, audio, video):
        self.old = False
        self.echo = False
        self.codecs = [codec for codec in (audio, video) if codec]
        self.counts = {"audio": {"sent": 0, "received": 0, "energy": 0.0},
                       "video": {"sent": 0, "received": 0, "decoded": 0}}
        self.channels = {}
        self.kept = []  # PyGObject crashes when promises and replies are dropped early
        self.gathered = None
        self.pipeline = Gst.Pipeline.new(None)
        self.bin = Gst.ElementFactory.make("webrtcbin")
        self.bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.bin)
        self.bin.connect("on-data-channel", lambda _, channel: self.watch(channel))
        self.bin.connect("on-ice-candidate", lambda _, line, text: self.candidate(text))
        self.bin.connect("notify::connection-state", lambda *_: self.note(
            event="state", state=self.bin.get_property("connection-state").value_nick))
        self.bin.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(self.look))
        self.bin.connect("pad-added", self.pad_added)
        self.pipeline.set_state(Gst.State.READY)

    def note(self, **line):
        if not self.old:
            emit(**line)

    def candidate(self, text):
        self.note(event="candidate", candidate=text)

    def complete(self):
        state = self.bin.get_property("ice-gathering-state")
        return state == GstWebRTC.WebRTCICEGatheringState.COMPLETE

    def look(self):
        if self.complete() and self.gathered:
            gathered, self.gathered = self.gathered, None
            self.note(event="candidate", candidate="")
            gathered()
        return False

    def watch(self, channel):
        label = channel.get_property("label")
        self.channels[label] = channel
        told = []

        def opened(*_):
            if told:
                return
            told.append(True)
            limit = channel.get_property("max-retransmits")
            lifetime = channel.get_property("max-packet-lifetime")
            self.note(event="open", label=label, ordered=channel.get_property("ordered"),
                      maxRetransmits=None if limit == -1 else limit,
                      maxPacketLifeTime=None if lifetime == -1 else lifetime)

        def text(_, data):
            data = data or ""  # NULL is an empty one
            self.note(event="message", label=label, text=data)
            if self.echo:
                channel.emit("send-string", data)

        def binary(_, data):
            body = data.get_data() if data else b""
            body = body or b""
            self.note(event="message", label=label, bytes=len(body), sum=checksum(body))
            if self.echo:
                channel.emit("send-data", GLib.Bytes.new(body) if body else None)

        channel.connect("on-message-string", text)
        channel.connect("on-message-data", binary)
        channel.connect("on-close", lambda _: self.note(event="closed", label=label))
        channel.connect("on-open", opened)
        if channel.get_property("ready-state") == GstWebRTC.WebRTCDataChannelState.OPEN:
            opened()

    # A tone and a picture go out; what comes in is counted, and pictures are decoded.
    def add_media(self, payload_type_of):
        for codec in self.codecs:
            payload_type = payload_type_of(codec)
            counts = self.counts["video" if codec in ("h264", "mjpeg") else "audio"]
            source = Gst.parse_bin_from_description(
                SOURCES[codec].format(pt=payload_type) + " ! " +
                CAPS[codec].format(pt=payload_type) + " ! identity name=out", True)
            self.pipeline.add(source)
            source.link(self.bin)
            self.count(source.get_static_pad("src"), counts, "sent")
            source.sync_state_with_parent()

    @staticmethod
    def count(pad, counts, what):
        counts[what] = 0

        def passes(*_):
            counts[what] += 1
            return Gst.PadProbeReturn.OK
        pad.add_probe(Gst.PadProbeType.BUFFER, passes)

    @staticmethod
    def listen(pad, counts):
        def passes(_, info):
            buffer = info.get_buffer()
            samples = array.array("h", buffer.extract_dup(0, buffer.get_size()))
            loudest = max(map(abs, samples), default=0) / 32768
            counts["energy"] += loudest ** 2 * buffer.duration / Gst.SECOND
            return Gst.PadProbeReturn.OK
        pad.add_probe(Gst.PadProbeType.BUFFER, passes)

    def pad_added(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        caps = pad.get_current_caps().get_structure(0)
        media = caps.get_string("media")
        counts = self.counts[media]
        self.count(pad, counts, "received")
        decoder = DECODERS[caps.get_string("encoding-name")]
        if media == "audio":
            decoder += " ! audioconvert ! audio/x-raw,format=S16LE"
        sink = Gst.parse_bin_from_description(
            decoder + " ! fakesink name=end sync=false", True)
        end = sink.get_by_name("end").get_static_pad("sink")
        if media == "audio":
            self.listen(end, counts)
        else:
            self.count(end, counts, "decoded")
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def describe(self, answer, type, trickle=False):
        if type == "offer":
            self.add_media(PAYLOAD_TYPES.get)
        self.pipeline.set_state(Gst.State.PLAYING)

        def described(promise, *_):
            promise.wait()
            reply = promise.get_reply()
            made = reply.get_value(type)
            description = with_message_size(type, made.sdp.as_text())
            self.kept += [promise, reply, made, description]

            def say():
                local = self.bin.get_property("local-description")
                answer(sdp=without_message_size(local.sdp.as_text()))
            if trickle:
                self.gathered = lambda: None
            else:
                self.gathered = say
            local = Gst.Promise.new_with_change_func(lambda *_: GLib.idle_add(self.look))
            self.kept.append(local)
            self.bin.emit("set-local-description", description, local)
            if trickle:
                answer(sdp=without_message_size(description.sdp.as_text()))
        self.bin.emit(f"create-{type}", None, Gst.Promise.new_with_change_func(described))

    def remote(self, answer, type, sdp):
        if type == "offer":
            self.add_media(lambda codec: payload_type_in(sdp, codec))
        self.pipeline.set_state(Gst.State.PLAYING)
        description = described_by(type, sdp)
        promise = Gst.Promise.new_with_change_func(lambda *_: answer())
        self.kept += [description, promise]
        self.bin.emit("set-remote-description", description, promise)

    def remoteCandidate(self, answer, candidate):
        self.bin.emit("add-ice-candidate", 0, candidate or None)
        answer()

    def create(self, answer, label, ordered=True, maxRetransmits=None, maxPacketLifeTime=None):
        options = Gst.Structure.new_empty("options")
        options.set_value("ordered", ordered)
        if maxRetransmits is not None:
            options.set_value("max-retransmits", maxRetransmits)
        if maxPacketLifeTime is not None:
            options.set_value("max-packet-lifetime", maxPacketLifeTime)
        self.watch(self.bin.emit("create-data-channel", label, options))
        answer()

    def send(self, answer, label, text=None, bytes=0):
        channel = self.channels[label]
        if text is not None:
            channel.send_string_full(text)
        else:
            channel.send_data_full(GLib.Bytes.new(pattern(bytes)) if bytes else None)
        answer()

    def set_echo(self, answer, on):
        self.echo = on
        answer()

    def close(self, answer, label):
        self.channels[label].emit("close")
        answer()

    def leave(self, answer):
        self.pipeline.set_state(Gst.State.NULL)
        answer()

    def media(self, answer):
        answer(**self.counts)


current = None


def obey(command):
    global current
    done, name = command.pop("id"), command.pop("do")

    def answer(**more):
        emit(event="done", id=done, **more)
    try:
        if name == "start":
            if current:
                current.old = True
                current.pipeline.set_state(Gst.State.NULL)
            current = Connection(command.get("audio"), command.get("video"))
            answer()
        else:
            getattr(current, {"echo": "set_echo"}.get(name, name))(answer, **command)
    except Exception as error:  # is told, whatever it is
        answer(error=repr(error))
    return False


def read():
    for line in sys.stdin:
        GLib.idle_add(obey, json.loads(line))
    os._exit(0)


nice = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "libnice10"], capture_output=True,
                      text=True, check=True).stdout
version = ".".join(str(n) for n in Gst.version()[:3])
emit(event="ready", name=f"GStreamer {version} (libnice {nice})")
threading.Thread(target=read, daemon=True).start()
GLib.MainLoop().run()
