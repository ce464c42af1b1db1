// Headless Chromium as a peer: a page with one RTCPeerConnection at a time.
import { createRequire } from 'node:module';
import http from 'node:http';

const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns'];

// Runs in the page.
function inPage() {
  window.log = [];
  const note = e => window.log.push(e);
  window.start = () => {
    window.log = [];
    window.channels = {};
    const pc = window.pc = new RTCPeerConnection();
    pc.onconnectionstatechange = () => note({ event: 'state', state: pc.connectionState });
    pc.onicecandidate = e => note({ event: 'candidate', candidate: e.candidate ? e.candidate.candidate : '' });
    pc.ondatachannel = e => window.watch(e.channel);
  };
  window.watch = d => {
    d.binaryType = 'arraybuffer';
    window.channels[d.label] = d;
    const opened = () => note({ event: 'open', label: d.label, id: d.id });
    if (d.readyState === 'open') opened(); else d.onopen = opened;
    d.onclose = () => note({ event: 'closed', label: d.label });
    d.onmessage = e => {
      const text = typeof e.data === 'string';
      const bytes = text ? null : new Uint8Array(e.data);
      note({
        event: 'message', label: d.label, text: text ? e.data : undefined,
        bytes: text ? e.data.length : bytes.length,
        sum: text ? undefined : bytes.reduce((s, b) => (Math.imul(s, 31) + b) >>> 0, 0),
      });
      if (window.echo) d.send(e.data);
    };
  };
  window.gathered = () => new Promise(resolve => {
    const look = () => window.pc.iceGatheringState === 'complete' && resolve();
    window.pc.addEventListener('icegatheringstatechange', look);
    look();
  });
  window.describe = async (kind, trickle) => {
    const pc = window.pc;
    await pc.setLocalDescription(kind === 'offer' ? await pc.createOffer() : await pc.createAnswer());
    const sdp = pc.localDescription.sdp;
    if (trickle) return sdp.split('\r\n').filter(l => !l.startsWith('a=candidate')).join('\r\n');
    await window.gathered();
    return pc.localDescription.sdp;
  };
}

export class Chromium {
  static async launch() {
    const { chromium } = createRequire(process.env.NODE_MODULES + '/')('playwright-core');
    const self = new Chromium();
    self.server = http.createServer((_, r) => r.setHeader('content-type', 'text/html').end('<!doctype html>'));
    await new Promise(r => self.server.listen(0, '127.0.0.1', r));
    self.browser = await chromium.launch({
      executablePath: '/usr/bin/chromium', headless: true, args: flags,
      ignoreDefaultArgs: ['--headless', '--headless=old'],
    });
    self.name = `chromium ${self.browser.version()}`;
    self.page = await self.browser.newPage();
    await self.page.goto(`http://127.0.0.1:${self.server.address().port}/`);
    await self.page.evaluate(`(${inPage})()`);
    return self;
  }
  run(code, argument) { return this.page.evaluate(code, argument); }
  start() { return this.run(() => window.start()); }
  stop() { return this.run(() => window.pc && window.pc.close()); }
  create(label, options = {}) {
    return this.run(([l, o]) => window.watch(window.pc.createDataChannel(l, o)), [label, options]);
  }
  describe(kind, trickle = false) { return this.run(([k, t]) => window.describe(k, t), [kind, trickle]); }
  remote(type, sdp) { return this.run(d => window.pc.setRemoteDescription(d), { type, sdp }); }
  echo(on) { return this.run(v => { window.echo = v; }, on); }
  text(label, text) { return this.run(([l, t]) => window.channels[l].send(t), [label, text]); }
  binary(label, size) {
    return this.run(([l, n]) => window.channels[l].send(Uint8Array.from({ length: n }, (_, i) => (i * 7) & 0xff)), [label, size]);
  }
  // The first event that fits; each is given once.
  async wait(what, field, value, ms = 10000) {
    const end = Date.now() + ms;
    for (;;) {
      const found = await this.run(([f, v]) => {
        const i = window.log.findIndex(e => e[f] === v);
        return i < 0 ? null : window.log.splice(i, 1)[0];
      }, [field, value]);
      if (found) return found;
      if (Date.now() > end) {
        throw new Error(`no ${what} from the browser in ${ms} ms; heard ` +
          JSON.stringify(await this.run(() => window.log)).slice(0, 800));
      }
      await new Promise(r => setTimeout(r, 10));
    }
  }
  async close() {
    await this.browser.close();
    this.server.close();
  }
}
