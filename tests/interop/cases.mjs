// What every pair of peers goes through. A case names what it needs of the peer (peers.mjs says who
// lacks what), and in which roles it is in the short run, with whom: both with Chromium if it is silent.
import { atLeast, bothRoles, connect, echoes, equal, pause, withOurs } from './common.mjs';
import { codec, state } from './ours.mjs';
import { pattern, sum } from './peer.mjs';
import { checkLoud, checkTone, sound, withSound } from './sounds.mjs';
import { stunServer } from './stun.mjs';
import { videoCases } from './video_cases.mjs';

const large = 262144;
const overLimited = -7;

// Older peers say 65535 for a limit that is not there.
const unset = limit => (limit === null || limit === 65535 ? undefined : limit);

async function playBothWays(ours, peer, name, file) {
  const frames = 100;
  const before = await peer.do({ do: 'media' });
  const agreed = await ours.wait('agreement on audio', e => e.event === 'audio');
  equal(agreed.codec, codec[name], 'codec');
  await ours.must({ do: 'play', frames });
  const played = await ours.wait('end of what we play', e => e.event === 'played');
  equal(played.result, 0, 'esp_peer_send_audio');
  equal(played.frames, frames, 'frames that we sent');
  await pause(300); // what is on its way arrives
  // An echo counts nothing, and sends what it has received.
  const after = await peer.do({ do: 'media' });
  const { audio: { sent = frames, received } = {} } = after;
  await ours.must({ do: 'heard' });
  const heard = await ours.wait('what was heard', e => e.event === 'heard');
  // The first of them may come before the other side is ready; none is lost on this network.
  if (received !== undefined) atLeast(received, frames - 10, 'packets that the peer received');
  atLeast(heard.frames, 50, 'frames that we received');
  atLeast(heard.frames, sent - 20, `frames that we received, of ${sent}`);
  // Time is counted in milliseconds: twenty a frame, unless the peer has another packet time.
  const step = (heard.last - heard.first) / (heard.frames - 1);
  if (step < 9 || step > 61) throw new Error(`a frame lasts ${step} ms`);
  // G.711 is a byte a sample, 8000 of them a second: what was decrypted is whole.
  const bytes = heard.bytes / heard.frames;
  if (name !== 'opus') equal(Math.round(bytes / step), 8, 'bytes a millisecond');
  const there = checkTone(peer, before, after, frames * 20), here = await checkLoud(file, name);
  return `${received ?? 'some'} of ${frames} heard there (${there}), ${heard.frames} here (${here}), ${step.toFixed(1)} ms a frame`;
}
const audio = name => ({
  needs: [name],
  run: (peer, weOffer) => withSound(name, (options, file) => withOurs(weOffer, ['--manual', ...options], async ours => {
    await connect(ours, peer, weOffer, { audio: name, sound: await sound(name) });
    return playBothWays(ours, peer, name, file);
  })),
});

const reliabilities = {
  unordered: { ordered: false },
  retransmits: { ordered: true, maxRetransmits: 3 },
  'unordered-once': { ordered: false, maxRetransmits: 0 },
  lifetime: { ordered: false, maxPacketLifeTime: 500 },
};

export const cases = {
  'text, binary and empty messages, both ways': {
    short: { all: bothRoles },
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      const { ms, streams } = await connect(ours, peer, weOffer);
      await echoes(ours, peer);
      await ours.must({ do: 'addr' });
      return `connected in ${ms} ms, stream ${streams.chat}`;
    }),
  },
  'a 256 KB message to us': {
    needs: ['create', 'sendLarge'],
    run: (peer, weOffer) => withOurs(weOffer, ['--manual', '--large'], async ours => {
      await connect(ours, peer, weOffer);
      await peer.do({ do: 'send', label: 'chat', bytes: large });
      const message = await ours.waitMessage();
      equal(message.bytes, large, 'size');
      equal(message.sum, sum(pattern(large)), 'sum');
    }),
  },
  'a 256 KB message to them': {
    needs: ['receiveLarge'],
    run: (peer, weOffer) => withOurs(weOffer, ['--manual', '--large'], async ours => {
      await connect(ours, peer, weOffer);
      await ours.must({ do: 'send', bytes: large });
      const message = await peer.waitMessage();
      equal(message.bytes, large, 'size');
      equal(message.sum, sum(pattern(large)), 'sum');
    }),
  },
  'larger than announced: refused there': {
    needs: ['create', 'refuse'],
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      await connect(ours, peer, weOffer);
      const refused = await peer.do({ do: 'send', label: 'chat', bytes: large }).then(() => false, () => true);
      equal(refused, true, 'refused by the peer');
      await echoes(ours, peer);
    }),
  },
  'larger than can be: refused here': {
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      await connect(ours, peer, weOffer);
      equal(await ours.do({ do: 'send', bytes: large }), overLimited, 'OVER_LIMITED');
      await echoes(ours, peer);
    }),
  },
  'ten channels, made by both': {
    needs: ['create'],
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      const theirs = ['t0', 't1', 't2', 't3', 't4'], mine = ['o0', 'o1', 'o2', 'o3', 'o4'];
      await connect(ours, peer, weOffer, { channels: theirs });
      const streams = {};
      for (const label of mine) await ours.must({ do: 'create', label });
      for (const label of mine) {
        streams[label] = (await ours.waitOpen(label)).stream;
        await peer.waitOpen(label);
      }
      for (const label of mine) {
        await ours.must({ do: 'send', text: `on ${label}`, stream: streams[label] });
        const there = await peer.waitMessage();
        equal(there.text, `on ${label}`, 'text');
        equal(there.label, label, 'label');
        await peer.do({ do: 'send', label, text: `back on ${label}` });
        const here = await ours.waitMessage();
        equal(here.text, `back on ${label}`, 'text');
        equal(here.stream, streams[label], 'stream');
      }
      for (const label of theirs) {
        await peer.do({ do: 'send', label, text: label });
        equal((await ours.waitMessage()).text, label, 'text');
      }
    }),
  },
  'the automatic channel, and candidates one by one': {
    needs: ['create', 'trickle'],
    run: (peer, weOffer) => withOurs(weOffer, [], async ours => {
      await connect(ours, peer, weOffer, { trickle: true });
      await echoes(ours, peer);
      // It is the DTLS client that opens it; an offerer lets us be that.
      if (!weOffer) await peer.waitOpen('esp_channel');
    }),
  },
  'our candidates one by one': {
    needs: ['remoteCandidate'],
    run: async (peer, weOffer) => {
      const server = await stunServer('10.77.0.1'); // tools/own_network --interface
      try {
        await withOurs(weOffer, ['--manual', '--trickle', '--stun', server.url], async ours => {
          await connect(ours, peer, weOffer, { trickleOut: server });
          await echoes(ours, peer);
        });
      } finally {
        server.close();
      }
    },
  },
  'they make unreliable and unordered channels': {
    needs: ['create'],
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      await connect(ours, peer, weOffer);
      for (const [label, options] of Object.entries(reliabilities)) {
        await peer.do({ do: 'create', label, ...options });
        const { stream } = await ours.waitOpen(label);
        await peer.waitOpen(label);
        await echoes(ours, peer, { stream, label });
      }
    }),
  },
  'we make unreliable and unordered channels': {
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      await connect(ours, peer, weOffer);
      for (const [label, options] of Object.entries(reliabilities)) {
        await ours.must({ do: 'create', label, ...options });
        const { stream } = await ours.waitOpen(label);
        const there = peer.cannot.tellChannels ? {} : await peer.waitOpen(label);
        if (!peer.cannot.tellChannels && !peer.cannot.tellReliability) {
          equal(there.ordered, options.ordered, `${label}: ordered`);
          equal(unset(there.maxRetransmits), options.maxRetransmits, `${label}: maxRetransmits`);
          equal(unset(there.maxPacketLifeTime), options.maxPacketLifeTime, `${label}: maxPacketLifeTime`);
        }
        await echoes(ours, peer, { stream, label });
      }
    }),
  },
  'they close a channel': {
    needs: ['create', 'close'],
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      await connect(ours, peer, weOffer, { channels: ['chat', 'brief'] });
      await peer.do({ do: 'close', label: 'brief' });
      await ours.waitClosed('brief', 3000);
      await peer.waitClosed('brief', 3000);
      await peer.do({ do: 'create', label: 'again' });
      const { stream } = await ours.waitOpen('again');
      await peer.waitOpen('again');
      await echoes(ours, peer, { stream, label: 'again' });
      await echoes(ours, peer);
    }),
  },
  'we close a channel': {
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      await connect(ours, peer, weOffer, { channels: ['chat', 'brief'] });
      await ours.must({ do: 'close', label: 'brief' });
      if (!peer.cannot.tellChannels) await peer.waitClosed('brief', 3000);
      await ours.waitClosed('brief', 3000); // with its answer to our reset [rfc8831#6.7]
      await ours.must({ do: 'create', label: 'again' });
      const { stream } = await ours.waitOpen('again');
      if (!peer.cannot.tellChannels) await peer.waitOpen('again');
      await echoes(ours, peer, { stream, label: 'again' });
      await echoes(ours, peer);
    }),
  },
  'they leave': {
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      await connect(ours, peer, weOffer);
      const began = Date.now();
      await peer.do({ do: 'leave' });
      // Who does not say so is missed when consent has run out [rfc7675#5.1].
      await ours.waitState(state.disconnected, peer.cannot.sayGoodbye ? 45000 : 5000);
      return `noticed after ${Date.now() - began} ms`;
    }),
  },
  'we leave, and come back twice': {
    run: (peer, weOffer) => withOurs(weOffer, ['--manual'], async ours => {
      for (let round = 0; round < 3; ++round) {
        await connect(ours, peer, weOffer);
        await echoes(ours, peer);
        await ours.must({ do: 'disconnect' });
        await ours.waitState(state.disconnected, 1000);
        if (!peer.cannot.hearGoodbye) {
          await peer.wait('end', e => e.event === 'closed' ||
            (e.event === 'state' && ['closed', 'disconnected', 'failed'].includes(e.state)));
        }
      }
    }),
  },
  'PCMA both ways': audio('pcma'),
  'PCMU both ways': audio('pcmu'),
  'Opus both ways': audio('opus'),
  ...videoCases,
};
