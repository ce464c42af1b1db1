// Headless Chromium as a peer.
import { load } from './lines.mjs';
import { PagePeer } from './page.mjs';

const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-device-for-media-stream',
  // Both have it gather plain addresses, not names of mDNS.
  '--use-fake-ui-for-media-stream', '--disable-features=WebRtcHideLocalIpsWithMdns'];

export const launchChromium = (...more) => load('playwright-core').chromium.launch({
  executablePath: '/usr/bin/chromium', headless: true, args: [...flags, ...more],
  ignoreDefaultArgs: ['--headless', '--headless=old'],
});
export const chromium = () => PagePeer.open('Chromium', launchChromium);
