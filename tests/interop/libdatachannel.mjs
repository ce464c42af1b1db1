// libdatachannel, through the npm package node-datachannel (its own API: its form of the standard's
// does not tell whether a channel is ordered).
import { emit, load, obeying, serve } from './lines.mjs';
import { pattern, sum } from './peer.mjs';

const { PeerConnection, getLibraryVersion } = load('node-datachannel');

let pc, channels, echo;
const send = (d, data) => {
  const sent = typeof data === 'string' ? d.sendMessage(data) : d.sendMessageBinary(data);
  if (!sent && d.bufferedAmount() === 0) throw new Error('not sent');
};
function watch(d, mine) {
  const label = d.getLabel();
  const note = e => mine === pc && emit({ label, ...e });
  channels[label] = d;
  d.onOpen(() => note({ event: 'open' }));
  d.onClosed(() => note({ event: 'closed' }));
  d.onMessage(data => {
    if (typeof data === 'string') note({ event: 'message', text: data });
    else note({ event: 'message', bytes: data.byteLength, sum: sum(new Uint8Array(data)) });
    if (echo) send(d, typeof data === 'string' ? data : Buffer.from(data));
  });
}
const commands = {
  start() {
    const old = pc;
    pc = null;
    old?.close();
    channels = {};
    echo = false;
    const mine = pc = new PeerConnection('peer', { iceServers: [], disableAutoNegotiation: true });
    const note = e => mine === pc && emit(e);
    pc.onStateChange(state => note({ event: 'state', state }));
    pc.onLocalCandidate(candidate => note({ event: 'candidate', candidate: candidate.replace(/^a=/, '') }));
    pc.onDataChannel(d => mine === pc && watch(d, mine));
  },
  create({ label, ordered = true, maxRetransmits, maxPacketLifeTime }) {
    const options = { unordered: !ordered };
    if (maxRetransmits !== undefined) options.maxRetransmits = maxRetransmits;
    if (maxPacketLifeTime !== undefined) options.maxPacketLifeTime = maxPacketLifeTime;
    watch(pc.createDataChannel(label, options), pc);
  },
  async describe({ type, trickle }) {
    const described = new Promise(r => pc.onLocalDescription(sdp => r(sdp)));
    const mine = pc;
    const gathered = new Promise(r => {
      mine.onGatheringStateChange(s => {
        if (s !== 'complete') return;
        // The last candidates are told by another thread, and may come behind it.
        setTimeout(() => {
          if (mine === pc) emit({ event: 'candidate', candidate: '' });
          r();
        }, 100);
      });
    });
    pc.setLocalDescription(type);
    const sdp = await described;
    if (!trickle) await gathered;
    return { sdp: trickle ? sdp : mine.localDescription().sdp };
  },
  remote({ type, sdp }) { pc.setRemoteDescription(sdp, type); },
  remoteCandidate({ candidate }) { if (candidate) pc.addRemoteCandidate(candidate, '0'); },
  echo({ on }) { echo = on; },
  send({ label, text, bytes }) { send(channels[label], text ?? Buffer.from(pattern(bytes))); },
  close({ label }) { channels[label].close(); },
  leave() { pc.close(); },
};
serve(`libdatachannel ${getLibraryVersion()}`, obeying(commands));
