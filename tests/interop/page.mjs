// A peer that is a page of a browser; who drives the browser has the same few methods everywhere.
import http from 'node:http';
import { Peer } from './peer.mjs';
import { standard } from './standard.mjs';

// Runs in the page: the browser's imitation of a microphone, as it is.
async function microphone() {
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return (await navigator.mediaDevices.getUserMedia({ audio })).getAudioTracks()[0];
}
// Runs in the page: its imitation of a camera.
async function camera() {
  const video = { width: 320, height: 240, frameRate: 30 };
  return (await navigator.mediaDevices.getUserMedia({ video })).getVideoTracks()[0];
}
// Runs in the page: a track is played, as a user would see and hear it.
function show(track) {
  for (const old of document.querySelectorAll('audio, video')) {
    if (old.srcObject.getTracks().every(t => t.readyState === 'ended')) old.remove();
  }
  const element = document.createElement(track.kind);
  element.autoplay = true;
  element.srcObject = new MediaStream([track]);
  document.body.append(element);
}
// Runs in the page: for how many milliseconds nothing happened in it at most, since it was asked last.
function watchForStalls() {
  let last = performance.now(), longest = 0;
  setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 20);
    last = now;
  }, 20);
  return () => {
    const stall = longest;
    longest = 0;
    return Math.round(stall);
  };
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
      { connection: () => new RTCPeerConnection(), audioTrack: ${microphone}, camera: ${camera}, show: ${show},
        stall: (${watchForStalls})() });`);
    return self;
  }
  async quit() {
    await this.browser.close();
    this.server.close();
  }
}
