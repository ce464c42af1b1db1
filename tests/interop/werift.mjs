// werift: ICE, DTLS, SCTP and SRTP in TypeScript, from npm.
import { emit, load, serve, versionOf } from './lines.mjs';
import { standard } from './standard.mjs';

const { RTCPeerConnection } = load('werift');

// Two things of it stand in our way here, and not in that of a user on the internet.
function connection() {
  const pc = new RTCPeerConnection({ iceServers: [] });
  const prepare = () => {
    // Without a STUN server it asks one on the internet, and waits five seconds for it.
    for (const t of pc.iceTransports) t.connection.stunServer = undefined;
    // As answerer it may have the peer's INIT before it knows its own stream numbers, and would end
    // with an exception.
    const sctp = pc.sctpTransport;
    if (sctp) sctp.dataChannelId ??= sctp.isServer ? 0 : 1;
  };
  prepare();
  pc.signalingStateChange.subscribe(prepare);
  return pc;
}
serve(`werift ${versionOf('werift')}`, standard(emit, { connection, binary: Buffer.from }));
