// What video goes through with every peer, sound beside it.
import fs from 'node:fs';
import path from 'node:path';
import { atLeast, bothRoles, connect, echoes, equal, pause, weAnswer, withOurs } from './common.mjs';
import { film, folder, pictures } from './films.mjs';
import { state, videoCodec } from './ours.mjs';
import { Relay } from './relay.mjs';
import { checkLoud, checkTone, sound, withSound } from './sounds.mjs';

const fps = 30;
const notSupported = -4;
let files = 0;

// Our peer with a film to send and files for what comes, here and, from who cannot decode, there.
async function withFilm(weOffer, name, more, body) {
  const number = ++files;
  const ours = path.join(folder, `${number}.ours.${name}`), theirs = path.join(folder, `${number}.theirs.${name}`);
  const reel = await film(name);
  const options = ['--manual', '--video', name, '--film', reel, '--record', ours, ...more];
  const result = await withOurs(weOffer, options, o => body(o, { reel, ours, theirs }));
  for (const file of [ours, theirs]) fs.rmSync(file, { force: true });
  return result;
}
// The same with sound.
const withFilmAndSound = (weOffer, name, audio, body) => withSound(audio, (options, heard) =>
  withFilm(weOffer, name, options, (ours, file) => body(ours, { ...file, heard })));
async function told(ours, what, more) {
  await ours.must({ do: what, ...more });
  return ours.wait(what, e => e.event === what);
}
// Asks until the answer is as it has to be.
async function until(what, ask, fits, ms = 20000) {
  for (const end = Date.now() + ms; ;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (Date.now() > end) throw new Error(`no ${what} within ${ms} ms: ${JSON.stringify(answer)}`);
    await pause(100);
  }
}
const media = peer => peer.do({ do: 'media' });
const decodes = peer => until('picture there', () => media(peer), m => (m.video.decoded ?? m.video.received) > 0);

// A while of watching, in which no picture may stand still. While one of both stood still itself,
// for want of a processor, it says nothing: another begins.
async function watch(ours, peer, ms) {
  for (let attempt = 1; ; ++attempt) {
    const before = await media(peer);
    const filmed = await told(ours, 'filmed');
    await pause(ms);
    const after = await media(peer);
    const later = await told(ours, 'filmed');
    equal(later.refused, 0, 'pictures that esp_peer_send_video refused');
    // Who decodes in the way of browsers tells it; another does not know it.
    if (peer.freezes) equal(typeof after.video.freezes, 'number', 'the type of freezeCount');
    const freezes = peer.freezes ? after.video.freezes - (before.video.freezes ?? 0) : 0;
    const stalled = later.stall > 60 || (after.stall ?? 0) > 60;
    if (freezes > 0 && stalled && attempt < 4) continue;
    equal(freezes, 0, 'freezes');
    const sent = later.frames - filmed.frames;
    const decoded = after.video.decoded === undefined ? undefined : after.video.decoded - before.video.decoded;
    if (decoded !== undefined) atLeast(decoded, sent * 0.9 - 10, `pictures that were decoded there, of ${sent}`);
    return { sent, decoded };
  }
}

// Everything that came here is whole.
async function decode(ours, name, file) {
  const { frames } = await told(ours, 'seen', { end: true });
  equal(await pictures(file, name), frames, 'pictures that ffmpeg finds');
  return frames;
}
// The same, and not less than what the peer says that it sent.
async function check(ours, peer, name, file, ms) {
  const { video: { encoded } } = await media(peer);
  await pause(200); // what is on its way arrives
  const { first, last, took } = await told(ours, 'seen');
  const frames = await decode(ours, name, file);
  atLeast(frames, ms / 1000 * 8, 'pictures that came');
  // Their pts go on as the film does, in which a busy machine leaves out pictures, or as time does
  // where the film has no rate of its own.
  const spent = peer.fps ? (frames - 1) / peer.fps * 1000 : took;
  const most = peer.fps ? spent * 1.6 : spent * 1.1 + 500, least = peer.fps ? spent * 0.95 : spent * 0.9 - 500;
  if (!(last - first >= least && last - first <= most)) {
    throw new Error(`pts of ${frames} pictures went on by ${last - first} ms instead of ${spent}`);
  }
  if (encoded) atLeast(frames, encoded * 0.95 - 15, `pictures that came, of ${encoded}`);
  return { good: frames };
}

const bothWays = (name, audio, short) => ({
  needs: [name, audio],
  short,
  run: (peer, weOffer) => withFilmAndSound(weOffer, name, audio, async (ours, file) => {
    const ms = weOffer ? 3000 : peer.watches ?? 3000;
    await connect(ours, peer, weOffer, {
      audio, sound: await sound(audio), video: name, film: file.reel, record: file.theirs,
    });
    equal((await ours.wait('agreement on video', e => e.event === 'video', 3000)).codec, videoCodec[name], 'codec');
    // It begins in the middle: who wants to see anything has to ask for a keyframe.
    const asks = name === 'h264' && peer.asks;
    await ours.must({ do: 'film', from: asks ? 20 : 0 });
    if (asks) await ours.waitState(state.keyframeWanted);
    await decodes(peer);
    const silent = await media(peer);
    await ours.must({ do: 'play', frames: Math.ceil(ms / 20) });
    const { sent, decoded } = await watch(ours, peer, ms);
    const { good } = peer.cannot.encode ? {} : await check(ours, peer, name, file.ours, ms);
    const there = await media(peer);
    const tone = checkTone(peer, silent, there, ms);
    await ours.must({ do: 'heard' });
    const heard = await ours.wait('what was heard', e => e.event === 'heard');
    atLeast(heard.frames, ms / 20 * 0.7, 'frames of audio that we received');
    atLeast(there.audio.received, ms / 20 * 0.8 - 10, 'packets of audio that the peer received');
    await checkLoud(file.heard, audio);
    await ours.must({ do: 'cut' });
    let recorded;
    if (there.video.decoded === undefined) {
      await peer.do({ do: 'leave' });
      recorded = await pictures(file.theirs, name);
      atLeast(recorded, sent * 0.9, `pictures that ffmpeg finds in what the peer received, of ${sent}`);
    }
    return `${decoded ?? recorded} pictures decoded there${decoded === undefined ? '' : ` of ${sent}`}, ` +
      `${good ?? 'none'} here, ${heard.frames} frames of audio, ${tone}`;
  }),
});

async function renegotiate(ours, peer) {
  const offer = await peer.do({ do: 'describe', type: 'offer' });
  ours.events = ours.events.filter(e => e.event !== 'sdp');
  await ours.must({ do: 'sdp', sdp: offer.sdp });
  const answer = await ours.wait('answer', e => e.event === 'sdp');
  await peer.do({ do: 'remote', type: 'answer', sdp: answer.sdp });
  return answer.sdp;
}
// What passes, each way, within a short time.
async function flow(ours, peer) {
  await pause(200); // what was under way has come
  const before = [(await told(ours, 'seen')).frames, (await media(peer)).video.received ?? 0];
  await pause(500);
  return { here: (await told(ours, 'seen')).frames - before[0], there: ((await media(peer)).video.received ?? 0) - before[1] };
}
async function passes(ours, peer, here, there) {
  await until(`video ${here ? 'here' : 'not here'} and ${there ? 'there' : 'not there'}`, () => flow(ours, peer),
    f => f.here > 0 === here && f.there > 0 === there);
}

export const videoCases = {
  'H.264 and Opus both ways': bothWays('h264', 'opus', { chromium: bothRoles, all: weAnswer }),
  'H.264 and PCMU both ways': bothWays('h264', 'pcmu', {}),
  'MJPEG and Opus both ways': bothWays('mjpeg', 'opus', { gstreamer: weAnswer }),
  'video of another codec is refused, all else lives': {
    needs: ['otherVideo'],
    short: { chromium: weAnswer, firefox: weAnswer },
    run: (peer, weOffer) => withFilmAndSound(weOffer, 'h264', 'opus', async ours => {
      await connect(ours, peer, weOffer, { audio: 'opus', video: 'vp8', only: peer.cannot.h264 === undefined });
      await ours.must({ do: 'film' });
      await ours.must({ do: 'play', frames: 50 });
      await ours.wait('end of what we play', e => e.event === 'played');
      await echoes(ours, peer);
      const filmed = await told(ours, 'filmed');
      equal(filmed.result, notSupported, 'esp_peer_send_video');
      equal((await told(ours, 'seen')).frames, 0, 'pictures that came');
      atLeast((await media(peer)).audio.received, 40, 'packets of audio that the peer received');
      await ours.must({ do: 'heard' });
      atLeast((await ours.wait('what was heard', e => e.event === 'heard')).frames, 30, 'frames of audio that we received');
    }),
  },
  'they add, turn and take away video and audio': {
    needs: ['renegotiate', 'h264', 'encode'],
    short: { chromium: weAnswer },
    run: (peer, weOffer) => withFilmAndSound(weOffer, 'h264', 'opus', async ours => {
      await connect(ours, peer, weOffer);
      await ours.must({ do: 'film' });
      await peer.do({ do: 'add', kind: 'video', codec: 'h264' });
      await renegotiate(ours, peer);
      await ours.waitState(state.videoAdded);
      await passes(ours, peer, true, true);
      await peer.do({ do: 'turn', kind: 'video', direction: 'recvonly' });
      await renegotiate(ours, peer);
      await ours.waitState(state.videoRemoved);
      await passes(ours, peer, false, true);
      await peer.do({ do: 'turn', kind: 'video', direction: 'sendonly' });
      await renegotiate(ours, peer);
      await ours.waitState(state.videoAdded);
      await passes(ours, peer, true, false);
      await peer.do({ do: 'turn', kind: 'video', direction: 'inactive' });
      await peer.do({ do: 'add', kind: 'audio', codec: 'opus' });
      await renegotiate(ours, peer);
      await ours.waitState(state.videoRemoved);
      await ours.waitState(state.audioAdded);
      await passes(ours, peer, false, false);
      await peer.do({ do: 'turn', kind: 'video', direction: 'sendrecv' });
      await renegotiate(ours, peer);
      await ours.waitState(state.videoAdded);
      await passes(ours, peer, true, true);
      await peer.do({ do: 'stop', kind: 'video' });
      await renegotiate(ours, peer);
      await ours.waitState(state.videoRemoved);
      await passes(ours, peer, false, false);
      await ours.must({ do: 'play', frames: 50 });
      await ours.wait('end of what we play', e => e.event === 'played');
      atLeast((await media(peer)).audio.received, 40, 'packets of audio that the peer received');
      await peer.do({ do: 'add', kind: 'video', codec: 'h264' }); // in the place of the old one
      await renegotiate(ours, peer);
      await ours.waitState(state.videoAdded);
      await passes(ours, peer, true, true);
      // Chromium gives up the transport with the section that it is tagged by, which is the first one.
      if (weOffer) await peer.do({ do: 'turn', kind: 'audio', direction: 'inactive' });
      else await peer.do({ do: 'stop', kind: 'audio' });
      await renegotiate(ours, peer);
      await ours.waitState(state.audioRemoved);
      await passes(ours, peer, true, true);
      await echoes(ours, peer);
    }),
  },
  'they add, turn and take away video that they only receive': {
    needs: ['renegotiate', 'h264'],
    short: { firefox_h264: weAnswer },
    run: (peer, weOffer) => withFilmAndSound(weOffer, 'h264', 'opus', async (ours, file) => {
      await connect(ours, peer, weOffer);
      await ours.must({ do: 'film' });
      const pictures = async () => {
        let stood = (await media(peer)).video.decoded ?? 0;
        await until('picture there', () => media(peer), m => {
          if (m.video.decoded < stood) stood = 0; // of another track
          return m.video.decoded > stood + 5;
        });
      };
      await peer.do({ do: 'add', kind: 'video', codec: 'h264', receive: true });
      await renegotiate(ours, peer);
      await passes(ours, peer, false, true);
      await pictures();
      await peer.do({ do: 'turn', kind: 'video', direction: 'inactive' });
      await peer.do({ do: 'add', kind: 'audio', codec: 'opus' });
      await renegotiate(ours, peer);
      await ours.waitState(state.audioAdded);
      await passes(ours, peer, false, false);
      const silent = await media(peer);
      await ours.must({ do: 'play', frames: 50 });
      await ours.wait('end of what we play', e => e.event === 'played');
      await pause(300);
      const tone = checkTone(peer, silent, await media(peer), 1000);
      await told(ours, 'heard');
      await checkLoud(file.heard, 'opus');
      await peer.do({ do: 'turn', kind: 'video', direction: 'recvonly' });
      await renegotiate(ours, peer);
      await passes(ours, peer, false, true);
      await pictures();
      // Chromium gives up the transport with the first section: see above.
      if (weOffer) {
        await peer.do({ do: 'turn', kind: 'audio', direction: 'inactive' });
      } else {
        await peer.do({ do: 'stop', kind: 'audio' });
      }
      await renegotiate(ours, peer);
      await ours.waitState(state.audioRemoved);
      await passes(ours, peer, false, true);
      await peer.do({ do: 'stop', kind: 'video' });
      await renegotiate(ours, peer);
      await passes(ours, peer, false, false);
      await peer.do({ do: 'add', kind: 'video', codec: 'h264', receive: true }); // in the place of the old one
      await renegotiate(ours, peer);
      await passes(ours, peer, false, true);
      await pictures();
      await echoes(ours, peer);
      return tone;
    }),
  },
  'keyframes at an interval that we set': {
    needs: ['h264', 'encode', 'tellPlis'],
    short: { chromium: weAnswer },
    run: (peer, weOffer) => withFilm(weOffer, 'h264', ['--pli', '400'], async (ours, file) => {
      await connect(ours, peer, weOffer, { video: 'h264', film: file.reel, record: file.theirs });
      await until('picture', () => told(ours, 'seen'), s => s.frames > 0);
      const before = await media(peer);
      await pause(3000);
      const after = await media(peer);
      const asked = after.video.plisHeard - before.video.plisHeard;
      atLeast(asked, 4, 'keyframes that the peer was asked for'); // 7, with a processor to itself
      if (asked > 10) throw new Error(`the peer was asked for ${asked} keyframes in three seconds`);
      await decode(ours, 'h264', file.ours);
      if (after.video.keyframesSent === undefined) return `${asked} asked for`;
      const given = after.video.keyframesSent - before.video.keyframesSent;
      atLeast(given, 3, `keyframes that the peer made, of ${asked}`);
      return `${asked} asked for, ${given} made`;
    }),
  },
  'H.264 over a path that loses and reorders': {
    needs: ['h264', 'repairs'],
    short: { chromium: weAnswer },
    run: (peer, weOffer) => withFilm(weOffer, 'h264', ['--hold', '300'], async (ours, file) => {
      const relay = await Relay.open();
      try {
        await connect(ours, peer, weOffer, { video: 'h264', film: file.reel, record: file.theirs, relay });
        await ours.must({ do: 'film' });
        await decodes(peer);
        const before = { there: await media(peer), filmed: await told(ours, 'filmed'), seen: await told(ours, 'seen') };
        relay.hurt();
        await pause(6000);
        const after = { there: await media(peer), filmed: await told(ours, 'filmed'), seen: await told(ours, 'seen') };
        // Of what has never happened Chromium does not tell.
        const grown = what => after.there.video[what] - (before.there.video[what] ?? 0);
        const sent = after.filmed.frames - before.filmed.frames;
        const seen = after.seen.frames - before.seen.frames;
        atLeast(relay.counts.lost, 20, 'packets that the relay lost');
        // There: it asks, we send again, and it sees nearly everything.
        atLeast(grown('nacks'), 1, 'NACKs of the peer');
        atLeast(grown('repaired'), 1, 'packets that we sent again');
        atLeast(grown('decoded'), sent * 0.8, `pictures that were decoded there, of ${sent}`);
        // Here: the same.
        atLeast(grown('nacksHeard'), 1, 'our NACKs');
        atLeast(grown('sentAgain'), 1, 'packets that the peer sent again');
        atLeast(seen, grown('encoded') * 0.8, 'pictures that came');
        // What is lost for good: a second of silence, longer than we wait. Both begin anew.
        relay.heal();
        relay.silence(true);
        await pause(1000);
        relay.silence(false);
        const asked = after.there.video.plisHeard;
        await until('PLI of ours', () => media(peer), m => m.video.plisHeard > asked);
        await passes(ours, peer, true, true);
        const stood = await media(peer);
        await until('picture there', () => media(peer), m => m.video.decoded > stood.video.decoded + 10);
        const good = await decode(ours, 'h264', file.ours);
        return `${relay.counts.lost} packets lost of ${relay.counts.lost + relay.counts.passed}; there ${grown('decoded')} pictures ` +
          `of ${sent} with ${grown('nacks')} NACKs, ${grown('repaired')} packets again; here ${seen} of ${grown('encoded')} ` +
          `with ${grown('nacksHeard')} NACKs, ${grown('sentAgain')} packets again; ffmpeg decodes ${good}`;
      } finally {
        relay.close();
      }
    }),
  },
};
