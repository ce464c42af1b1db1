// Headless Firefox as a peer. It gathers nothing on loopback, nor without a default route.
import { load } from './lines.mjs';
import { PagePeer } from './page.mjs';

const prefs = {
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.gmp-manager.url': '', // it downloads nothing
  'app.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

export const firefox = () => PagePeer.open('Firefox', () => {
  const puppeteer = load('puppeteer-core');
  return puppeteer.launch({
    browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, extraPrefsFirefox: prefs,
  });
});
