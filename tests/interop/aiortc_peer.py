"""aiortc as a peer: the commands and events of peer.mjs."""
import array
import asyncio
import json
import math
import sys

import aiortc
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp


def emit(**line):
    print(json.dumps(line), flush=True)


def checksum(data):
    s = 0
    for byte in data:
        s = (s * 31 + byte) & 0xFFFFFFFF
    return s


def pattern(size):
    return bytes(i * 7 & 255 for i in range(size))


class Tone(AudioStreamTrack):
    """400 Hz, of which eight waves fill a frame of twenty milliseconds."""

    async def recv(self):
        frame = await super().recv()
        samples = frame.samples
        wave = array.array("h", (int(8192 * math.sin(2 * math.pi * 8 * i / samples))
                                 for i in range(samples)))
        frame.planes[0].update(wave.tobytes())
        return frame


class Connection:
    """One connection; what comes from an older one is told no more."""

    def __init__(self, audio, video):
        self.old = False
        self.decoded = 0
        self.energy = 0.0
        self.echo = False
        self.channels = {}
        self.pc = RTCPeerConnection()
        self.pc.on("connectionstatechange",
                   lambda: self.note(event="state", state=self.pc.connectionState))
        self.pc.on("datachannel", lambda channel: self.watch(channel))
        self.pc.on("track", self.listen)
        if audio:
            self.add(Tone(), f"audio/{audio}")
        if video:
            self.add(VideoStreamTrack(), f"video/{video}")

    def add(self, track, codec):
        sender = self.pc.addTrack(track)
        transceiver = next(t for t in self.pc.getTransceivers() if t.sender == sender)
        transceiver.setCodecPreferences([
            c for c in RTCRtpSender.getCapabilities(track.kind).codecs
            if c.mimeType.lower() == codec])

    def note(self, **line):
        if not self.old:
            emit(**line)

    async def listen(self, track):
        try:
            while True:
                frame = await track.recv()
                if track.kind == "audio":
                    loudest = max(map(abs, array.array("h", bytes(frame.planes[0]))))
                    self.energy += (loudest / 32768) ** 2 * frame.samples / frame.sample_rate
                else:
                    self.decoded += 1
        except MediaStreamError:  # the end of it
            pass

    async def media(self, **_):
        stats = [s for s in (await self.pc.getStats()).values() if hasattr(s, "kind")]

        def count(kind):
            return {
                "sent": sum(s.packetsSent for s in stats
                            if s.type == "outbound-rtp" and s.kind == kind),
                "received": sum(s.packetsReceived for s in stats
                                if s.type == "inbound-rtp" and s.kind == kind)}
        return {"audio": {**count("audio"), "energy": self.energy}, "video": {**count("video"), "decoded": self.decoded}}

    def watch(self, channel):
        self.channels[channel.label] = channel

        def opened():
            self.note(event="open", label=channel.label, ordered=channel.ordered,
                      maxRetransmits=channel.maxRetransmits,
                      maxPacketLifeTime=channel.maxPacketLifeTime)

        def message(data):
            if isinstance(data, str):
                self.note(event="message", label=channel.label, text=data)
            else:
                self.note(event="message", label=channel.label, bytes=len(data), sum=checksum(data))
            if self.echo:
                channel.send(data)

        channel.on("message", message)
        channel.on("close", lambda: self.note(event="closed", label=channel.label))
        if channel.readyState == "open":
            opened()
        else:
            channel.on("open", opened)

    async def describe(self, type, trickle=False, **_):
        make = self.pc.createOffer if type == "offer" else self.pc.createAnswer
        await self.pc.setLocalDescription(await make())
        return {"sdp": self.pc.localDescription.sdp}  # all candidates are in it

    async def remote(self, type, sdp, **_):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, type))

    async def remoteCandidate(self, candidate, **_):
        if candidate:  # of an end it wants to hear nothing
            parsed = candidate_from_sdp(candidate.removeprefix("candidate:"))
            parsed.sdpMLineIndex = 0
            await self.pc.addIceCandidate(parsed)

    async def create(self, label, ordered=True, maxRetransmits=None, maxPacketLifeTime=None, **_):
        self.watch(self.pc.createDataChannel(label, ordered=ordered, maxRetransmits=maxRetransmits,
                                             maxPacketLifeTime=maxPacketLifeTime))

    async def send(self, label, text=None, bytes=0, **_):
        self.channels[label].send(text if text is not None else pattern(bytes))

    async def set_echo(self, on, **_):
        self.echo = on

    async def close(self, label, **_):
        self.channels[label].close()

    async def leave(self, **_):
        await self.pc.close()


async def main():
    emit(event="ready", name=f"aiortc {aiortc.__version__}")
    lines = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    current = None
    while line := await lines.readline():
        command = json.loads(line)
        done, name = command.pop("id"), command.pop("do")
        answer = {}
        try:
            if name == "start":
                if current:
                    current.old = True
                    await current.pc.close()
                current = Connection(command.get("audio"), command.get("video"))
            else:
                obey = getattr(current, {"echo": "set_echo"}.get(name, name))
                answer = await obey(**command) or {}
        except Exception as error:  # is told, whatever it is
            answer = {"error": repr(error)}
        emit(event="done", id=done, **answer)


asyncio.run(main())
