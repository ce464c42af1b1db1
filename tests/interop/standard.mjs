// A peer over the API that browsers have (and some others too), as commands and events of peer.mjs.
// It is carried into pages as text, so it uses nothing from outside.
export function standard(emit, { connection, audioTrack, binary = bytes => bytes }) {
  let pc, channels, echo, note;

  const sum = bytes => bytes.reduce((s, b) => (Math.imul(s, 31) + b) >>> 0, 0);
  const watch = (d, note) => {
    d.binaryType = 'arraybuffer';
    channels[d.label] = d;
    const opened = () => note({
      event: 'open', label: d.label, ordered: d.ordered,
      maxRetransmits: d.maxRetransmits, maxPacketLifeTime: d.maxPacketLifeTime,
    });
    if (d.readyState === 'open') opened(); else d.onopen = opened;
    d.onclose = () => note({ event: 'closed', label: d.label });
    d.onmessage = ({ data }) => {
      const bytes = typeof data === 'string' ? null : new Uint8Array(data);
      note(bytes ? { event: 'message', label: d.label, bytes: bytes.length, sum: sum(bytes) }
        : { event: 'message', label: d.label, text: data });
      if (echo) d.send(data);
    };
  };
  const codecs = wanted => {
    const all = RTCRtpReceiver.getCapabilities('audio').codecs;
    const first = all.filter(c => c.mimeType.toLowerCase() === `audio/${wanted}`);
    return [...first, ...all.filter(c => !first.includes(c))];
  };
  const gathered = () => new Promise(resolve => {
    const look = () => pc.iceGatheringState === 'complete' && resolve();
    pc.addEventListener('icegatheringstatechange', look);
    look();
  });

  const commands = {
    async start(c) {
      const old = pc;
      pc = null; // nothing of it is told any more
      old?.close();
      channels = {};
      echo = false;
      const mine = pc = await connection();
      note = e => mine === pc && emit(e);
      pc.onconnectionstatechange = () => note({ event: 'state', state: mine.connectionState });
      pc.onicecandidate = e => note({ event: 'candidate', candidate: e.candidate ? e.candidate.candidate : '' });
      pc.ondatachannel = e => mine === pc && watch(e.channel, note);
      if (c.audio) {
        const sender = pc.addTrack(await audioTrack());
        pc.getTransceivers().find(t => t.sender === sender).setCodecPreferences(codecs(c.audio));
      }
    },
    create({ label, ordered, maxRetransmits, maxPacketLifeTime }) {
      const options = { ordered: ordered ?? true };
      if (maxRetransmits !== undefined) options.maxRetransmits = maxRetransmits;
      if (maxPacketLifeTime !== undefined) options.maxPacketLifeTime = maxPacketLifeTime;
      watch(pc.createDataChannel(label, options), note);
    },
    async describe({ type, trickle }) {
      await pc.setLocalDescription(type === 'offer' ? await pc.createOffer() : await pc.createAnswer());
      if (!trickle) await gathered();
      const { sdp } = pc.localDescription;
      return { sdp: trickle ? sdp.split('\r\n').filter(l => !l.startsWith('a=candidate')).join('\r\n') : sdp };
    },
    remote({ type, sdp }) { return pc.setRemoteDescription({ type, sdp }); },
    remoteCandidate({ candidate }) {
      return candidate ? pc.addIceCandidate({ candidate, sdpMLineIndex: 0 }) : pc.addIceCandidate();
    },
    echo({ on }) { echo = on; },
    send({ label, text, bytes }) {
      channels[label].send(text ?? binary(Uint8Array.from({ length: bytes }, (_, i) => (i * 7) & 0xff)));
    },
    close({ label }) { channels[label].close(); },
    leave() { pc.close(); },
    async audio() {
      let sent = 0, received = 0;
      (await pc.getStats()).forEach(s => {
        if (s.type === 'outbound-rtp') sent += s.packetsSent ?? 0;
        if (s.type === 'inbound-rtp') received += s.packetsReceived ?? 0;
      });
      return { sent, received };
    },
  };
  return async c => {
    try {
      emit({ event: 'done', id: c.id, ...await commands[c.do](c) });
    } catch (error) {
      emit({ event: 'done', id: c.id, error: String(error) });
    }
  };
}
