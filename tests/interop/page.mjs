// A peer that is a page of a browser; who drives the browser has the same few methods everywhere.
import http from 'node:http';
import { Peer } from './peer.mjs';
import { standard } from './standard.mjs';

// Runs in the page: a tone, which needs no device and no permission.
function audioTrack() {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const out = context.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  return out.stream.getAudioTracks()[0];
}

export class PagePeer extends Peer {
  // `launch` gives a browser of Playwright or Puppeteer.
  static async open(name, launch) {
    const self = new PagePeer(command => {
      self.page.evaluate(c => { window.obey(c); }, command).catch(error => self.vanish(String(error)));
    });
    // WebRTC is for secure contexts only; 127.0.0.1 is one.
    self.server = http.createServer((_, r) => r.setHeader('content-type', 'text/html').end('<!doctype html>'));
    await new Promise(r => self.server.listen(0, '127.0.0.1', r));
    self.browser = await launch();
    self.name = `${name} ${(await self.browser.version()).replace(/^[a-z]+\//i, '')}`;
    self.page = await self.browser.newPage();
    await self.page.goto(`http://127.0.0.1:${self.server.address().port}/`);
    await self.page.exposeFunction('emit', line => self.hear(JSON.parse(line)));
    await self.page.evaluate(`window.obey = (${standard})(e => window.emit(JSON.stringify(e)),
      { connection: () => new RTCPeerConnection(), audioTrack: ${audioTrack} });`);
    return self;
  }
  async quit() {
    await this.browser.close();
    this.server.close();
  }
}
