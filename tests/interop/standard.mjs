// A peer over the API that browsers have (and some others too), as commands and events of peer.mjs.
// It is carried into pages as text, so it uses nothing from outside.
export function standard(emit, { connection, audioTrack, camera, show, stall, binary = bytes => bytes }) {
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
  // This codec before others, or `only` it.
  const codecs = (kind, wanted, only) => {
    const all = RTCRtpReceiver.getCapabilities(kind).codecs;
    const first = all.filter(c => c.mimeType.toLowerCase() === `${kind}/${wanted}`);
    return only ? first : [...first, ...all.filter(c => !first.includes(c))];
  };
  const add = async ({ kind, codec, only, receive }) => {
    let added;
    if (receive) {
      added = pc.addTransceiver(kind, { direction: 'recvonly' });
    } else { // it is taken for an offer that is answered, too
      const sender = pc.addTrack(await (kind === 'video' ? camera() : audioTrack()));
      added = pc.getTransceivers().find(t => t.sender === sender);
    }
    added.setCodecPreferences(codecs(kind, codec, only));
  };
  const transceiver = kind => pc.getTransceivers().find(t => t.receiver.track.kind === kind && !t.stopped);
  const gathered = () => new Promise(resolve => {
    const look = () => pc.iceGatheringState === 'complete' && resolve();
    pc.addEventListener('icegatheringstatechange', look);
    look();
  });

  const commands = {
    async start(c) {
      const old = pc;
      pc = null; // nothing of it is told any more
      old?.getSenders?.().forEach(s => s.track?.stop());
      old?.close();
      channels = {};
      echo = false;
      const mine = pc = await connection();
      note = e => mine === pc && emit(e);
      pc.onconnectionstatechange = () => note({ event: 'state', state: mine.connectionState });
      pc.onicecandidate = e => note({ event: 'candidate', candidate: e.candidate ? e.candidate.candidate : '' });
      pc.ondatachannel = e => mine === pc && watch(e.channel, note);
      pc.ontrack = ({ track }) => mine === pc && show?.(track);
      if (c.audio) await add({ kind: 'audio', codec: c.audio });
      if (c.video) await add({ kind: 'video', codec: c.video, only: c.only });
    },
    add,
    turn({ kind, direction }) { transceiver(kind).direction = direction; },
    stop({ kind }) { transceiver(kind).stop(); },
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
    async media() {
      const sum = { audio: {}, video: {} };
      (await pc.getStats()).forEach(s => {
        const count = { 'outbound-rtp': {
          sent: 'packetsSent', encoded: 'framesEncoded', nacksHeard: 'nackCount', plisHeard: 'pliCount',
          sentAgain: 'retransmittedPacketsSent', keyframesSent: 'keyFramesEncoded',
        }, 'inbound-rtp': {
          received: 'packetsReceived', decoded: 'framesDecoded', freezes: 'freezeCount', nacks: 'nackCount',
          plis: 'pliCount', repaired: 'retransmittedPacketsReceived', keyframes: 'keyFramesDecoded',
          energy: 'totalAudioEnergy', samples: 'totalSamplesReceived', concealed: 'concealedSamples',
          silent: 'silentConcealedSamples',
        } }[s.type] ?? {};
        for (const [ours, theirs] of Object.entries(count)) { // what it does not tell is not 0
          if (s[theirs] !== undefined) sum[s.kind][ours] = (sum[s.kind][ours] ?? 0) + s[theirs];
        }
        if (s.type === 'inbound-rtp' && s.frameWidth) Object.assign(sum.video, { width: s.frameWidth, height: s.frameHeight });
      });
      return { ...sum, stall: stall?.() };
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
