// What cases are made of: our peer, a connection to the other one, and words about what went wrong.
import { Ours, state } from './ours.mjs';
import { pattern, sum } from './peer.mjs';

// Whether we offer.
export const bothRoles = [true, false], weAnswer = [false];

export function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
}
export function atLeast(actual, least, what) {
  if (!(actual >= least)) throw new Error(`${what}: ${actual}, which is less than ${least}`);
}
export const pause = ms => new Promise(r => setTimeout(r, ms));

// Runs `body` with a peer of ours that ends with it. Channels are made by hand unless asked for.
export async function withOurs(weOffer, options, body) {
  const ours = new Ours(weOffer ? '--offer' : '--answer', ...options);
  let result;
  try {
    result = await body(ours);
  } catch (error) {
    await ours.quit().catch(() => {});
    throw error;
  }
  await ours.quit();
  return result;
}

// With --trickle: what stands in our description, and what is said after it until there are no more.
async function ourCandidates(ours, sdp, server) {
  const found = sdp.split('\r\n').filter(l => l.startsWith('a=candidate')).map(l => l.slice(2));
  atLeast(found.length, 1, 'candidates in our description');
  equal(sdp.includes('end-of-candidates'), false, 'an end in our description');
  server.answerNow();
  for (let said = 0; ; ++said) {
    const { candidate } = await ours.wait('candidate', e => e.event === 'candidate');
    if (candidate === 'end-of-candidates') {
      equal(said, 1, 'candidates that we said');
      return [...found, ''];
    }
    equal(candidate.includes(' typ srflx'), true, `"${candidate}" is what the server has seen`);
    found.push(candidate);
  }
}
const withoutCandidates = sdp => sdp.split('\r\n').filter(l => !l.startsWith('a=candidate')).join('\r\n');

// Brings ours and the peer together; `weOffer` says who begins, `channels` are made by the peer.
// A peer that makes none leaves it to us. `trickleOut` is the STUN server of ours that trickles,
// `tracks` are what start takes, `relay` stands between.
export async function connect(ours, peer, weOffer,
  { trickle = false, trickleOut = null, channels = ['chat'], relay, ...tracks } = {}) {
  const made = peer.cannot.create ? [] : channels;
  await peer.do({ do: 'start', ...tracks });
  peer.forget();
  const began = Date.now();
  let late = []; // candidates of ours that the peer is told one by one
  const here = async sdp => {
    if (!trickleOut) return relay?.describe(0, sdp) ?? sdp;
    late = await ourCandidates(ours, sdp, trickleOut);
    return withoutCandidates(sdp);
  };
  const there = sdp => relay?.describe(1, sdp) ?? sdp;
  if (weOffer) {
    await ours.must({ do: 'connect' });
    const offer = await ours.wait('offer', e => e.event === 'sdp');
    await peer.do({ do: 'remote', type: 'offer', sdp: await here(offer.sdp) });
    for (const label of made) await peer.do({ do: 'create', label });
    await ours.must({ do: 'sdp', sdp: there((await peer.do({ do: 'describe', type: 'answer', trickle })).sdp) });
  } else {
    for (const label of made) await peer.do({ do: 'create', label });
    const offer = await peer.do({ do: 'describe', type: 'offer', trickle });
    await ours.must({ do: 'connect' });
    await ours.must({ do: 'sdp', sdp: there(offer.sdp) });
    const answer = await ours.wait('answer', e => e.event === 'sdp');
    await peer.do({ do: 'remote', type: 'answer', sdp: await here(answer.sdp) });
  }
  for (const candidate of late) await peer.do({ do: 'remoteCandidate', candidate });
  if (trickle) {
    let taken = 0;
    for (;;) {
      const { candidate } = await peer.wait('candidate', e => e.event === 'candidate');
      if (candidate === '') break;
      const result = await ours.do({ do: 'candidate', candidate });
      if (result === 0) ++taken;
      else equal(result, -4, `candidate ${candidate}`); // TCP and the like are not for us
    }
    atLeast(taken, 1, 'candidates that we took');
  }
  await ours.waitState(state.connected);
  if (channels.length > 0) await ours.waitState(state.dataConnected);
  const streams = {};
  for (const label of channels) {
    if (!made.includes(label)) await ours.must({ do: 'create', label });
    streams[label] = (await ours.waitOpen(label)).stream;
    if (made.includes(label)) await peer.waitOpen(label);
  }
  return { ms: Date.now() - began, streams };
}

// What we say, the peer says back; and then it says something by itself.
export async function echoes(ours, peer, { stream, label = 'chat' } = {}) {
  await peer.do({ do: 'echo', on: true });
  const empty = peer.cannot.empty ? [] : [0];
  for (const text of ['hello', 'grüße, 世界', ...empty.map(() => '')]) {
    await ours.must({ do: 'send', text, stream });
    const said = (await ours.waitMessage()).text;
    equal(said, peer.prefix === undefined ? text : peer.prefix + text, 'echo');
  }
  for (const bytes of [...empty, 1, 1200, 20000, peer.largest ?? 65536]) {
    await ours.must({ do: 'send', bytes, stream });
    const message = await ours.waitMessage();
    equal(message.bytes, bytes, 'size of the echo');
    equal(message.sum, sum(pattern(bytes)), 'sum of the echo');
  }
  await peer.do({ do: 'echo', on: false });
  peer.events = peer.events.filter(e => e.event !== 'message');
  if (peer.cannot.create) return; // it only ever answers
  await peer.do({ do: 'send', label, text: 'from the peer' });
  equal((await ours.waitMessage()).text, 'from the peer', 'text');
}
