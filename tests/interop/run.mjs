// Real peers against ours. Each case runs in both roles; a case may run twice, and the second try is
// counted and shown. A peer that cannot run fails the test.
import { Chromium } from './chromium.mjs';
import { Ours, pattern, state, sum } from './ours.mjs';

const equal = (actual, expected, what) => {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
};
const large = 262144;

// Brings ours and the browser together; `weOffer` says who begins.
async function connect(ours, browser, weOffer, { trickle = false, channels = ['chat'] } = {}) {
  await browser.start();
  const began = Date.now();
  if (weOffer) {
    await ours.must({ do: 'connect' });
    const offer = await ours.wait('offer', e => e.event === 'sdp');
    await browser.remote('offer', offer.sdp);
    for (const label of channels) await browser.create(label);
    await ours.must({ do: 'sdp', sdp: await browser.describe('answer', trickle) });
  } else {
    for (const label of channels) await browser.create(label);
    const offer = await browser.describe('offer', trickle);
    await ours.must({ do: 'connect' });
    await ours.must({ do: 'sdp', sdp: offer });
    await browser.remote('answer', (await ours.wait('answer', e => e.event === 'sdp')).sdp);
  }
  if (trickle) {
    for (let given = 0; ;) {
      const { candidate } = await browser.wait('candidate', 'event', 'candidate');
      if (candidate === '') break;
      const result = await ours.do({ do: 'candidate', candidate });
      if (result === 0) ++given;
      // TCP candidates are not for us.
      else equal(result, -4, `candidate ${candidate}`);
    }
  }
  await ours.waitState(state.connected);
  for (const label of channels) {
    await ours.wait(`channel ${label}`, e => e.event === 'open' && e.label === label);
    await browser.wait(`channel ${label}`, 'label', label);
  }
  return Date.now() - began;
}

const cases = {
  async 'text, binary and empty messages, both ways'(browser, weOffer) {
    const ours = new Ours(weOffer ? '--offer' : '--answer', '--manual');
    const ms = await connect(ours, browser, weOffer);
    const stream = (await echoes(ours, browser)).stream;
    await ours.must({ do: 'addr' });
    await ours.quit();
    return `connected in ${ms} ms, stream ${stream}`;
  },
  async 'a 256 KB message, both ways'(browser, weOffer) {
    const ours = new Ours(weOffer ? '--offer' : '--answer', '--manual', '--large');
    await connect(ours, browser, weOffer);
    await browser.binary('chat', large);
    const message = await ours.waitMessage(20000);
    equal(message.bytes, large, 'size');
    equal(message.sum, sum(pattern(large)), 'sum');
    await ours.must({ do: 'send', bytes: large });
    const back = await browser.wait('message', 'event', 'message', 20000);
    equal(back.bytes, large, 'size');
    equal(back.sum, sum(pattern(large)), 'sum');
    await ours.quit();
  },
  async 'messages above what was announced are refused, here and there'(browser, weOffer) {
    const ours = new Ours(weOffer ? '--offer' : '--answer', '--manual');
    await connect(ours, browser, weOffer);
    equal(await ours.do({ do: 'send', bytes: large }), -7, 'OVER_LIMITED');
    const refused = await browser.binary('chat', large).then(() => false, () => true);
    equal(refused, true, 'refused by the browser');
    await echoes(ours, browser);
    await ours.quit();
  },
  async 'ten channels, made by both'(browser, weOffer) {
    const ours = new Ours(weOffer ? '--offer' : '--answer', '--manual');
    const theirs = ['b0', 'b1', 'b2', 'b3', 'b4'], mine = ['o0', 'o1', 'o2', 'o3', 'o4'];
    await connect(ours, browser, weOffer, { channels: theirs });
    const streams = {};
    for (const label of mine) await ours.must({ do: 'create', label });
    for (const label of mine) {
      streams[label] = (await ours.wait(label, e => e.event === 'open' && e.label === label)).stream;
      await browser.wait(label, 'label', label);
    }
    for (const label of mine) {
      await ours.must({ do: 'send', text: `on ${label}`, stream: streams[label] });
      equal((await browser.wait(label, 'text', `on ${label}`)).label, label, 'label');
      await browser.text(label, `back on ${label}`);
      const message = await ours.waitMessage();
      equal(message.text, `back on ${label}`, 'text');
      equal(message.stream, streams[label], 'stream');
    }
    for (const label of theirs) {
      await browser.text(label, label);
      equal((await ours.waitMessage()).text, label, 'text');
    }
    await ours.quit();
  },
  async 'the automatic channel, and candidates one by one'(browser, weOffer) {
    const ours = new Ours(weOffer ? '--offer' : '--answer');
    await connect(ours, browser, weOffer, { trickle: true });
    // It is the DTLS client that opens it; as offerer the browser lets us be that.
    if (!weOffer) await browser.wait('esp_channel', 'label', 'esp_channel');
    await echoes(ours, browser);
    await ours.quit();
  },
  async 'the browser leaves'(browser, weOffer) {
    const ours = new Ours(weOffer ? '--offer' : '--answer', '--manual');
    await connect(ours, browser, weOffer);
    await browser.stop();
    await ours.waitState(state.disconnected, 3000);
    await ours.quit();
  },
  async 'we leave, and come back'(browser, weOffer) {
    const ours = new Ours(weOffer ? '--offer' : '--answer', '--manual');
    for (let round = 0; round < 3; ++round) {
      await connect(ours, browser, weOffer);
      await echoes(ours, browser);
      await ours.must({ do: 'disconnect' });
      await ours.waitState(state.disconnected, 1000);
      const closed = await browser.wait('end of the channel', 'event', 'closed', 5000);
      equal(closed.label, 'chat', 'label');
    }
    await ours.quit();
  },
};

// What each says, the other says back.
async function echoes(ours, browser) {
  await browser.echo(true);
  const texts = ['hello', 'grüße, 世界', ''];
  for (const text of texts) {
    await ours.must({ do: 'send', text });
    equal((await ours.waitMessage()).text, text, 'echo');
  }
  for (const bytes of [0, 1, 1200, 20000, 65536]) {
    await ours.must({ do: 'send', bytes });
    const message = await ours.waitMessage();
    equal(message.bytes, bytes, 'size of the echo');
    equal(message.sum, sum(pattern(bytes)), 'sum of the echo');
  }
  await browser.echo(false);
  await browser.run(() => { window.log = window.log.filter(e => e.event !== 'message'); });
  await browser.text('chat', 'from the browser');
  return ours.waitMessage();
}

const rows = [];
let failed = 0, retried = 0;
const browser = await Chromium.launch();
for (const [name, body] of Object.entries(cases)) {
  for (const weOffer of [true, false]) {
    const began = Date.now();
    let result = 'ok', detail = '';
    for (let attempt = 1; attempt <= 2; ++attempt) {
      try {
        detail = await body(browser, weOffer) ?? '';
        result = attempt === 1 ? 'ok' : 'ok, second try';
        break;
      } catch (error) {
        detail = String(error.message ?? error);
        result = 'FAILED';
        console.log(`  try ${attempt} of "${name}", ${weOffer ? 'we offer' : 'we answer'}: ${detail}`);
        if (attempt === 1) ++retried;
      }
    }
    failed += result === 'FAILED';
    rows.push([browser.name, weOffer ? 'we offer' : 'we answer', name, result,
      `${((Date.now() - began) / 1000).toFixed(1)} s`, result === 'FAILED' ? '' : detail]);
  }
}
await browser.close();
const widths = rows[0].map((_, i) => Math.max(...rows.map(r => r[i].length)));
for (const row of rows) console.log(row.map((cell, i) => cell.padEnd(widths[i])).join('  ').trimEnd());
console.log(`${rows.length - failed} passed, ${failed} failed` + (retried ? ` (${retried} tried twice)` : ''));
process.exit(failed ? 1 : 0);
