// Headless Firefox as a peer. It gathers nothing on loopback, nor without a default route.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { load } from './lines.mjs';
import { PagePeer } from './page.mjs';

const prefs = {
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.gmp-manager.url': '', // it downloads nothing
  'app.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

const launch = more => {
  const puppeteer = load('puppeteer-core');
  return puppeteer.launch({
    browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, ...more,
    extraPrefsFirefox: { ...prefs, ...more.extraPrefsFirefox },
  });
};
export const firefox = () => PagePeer.open('Firefox', () => launch({}));

// Debian's Firefox has no H.264 of its own, but decodes it with the system's libavcodec once it
// believes that the plug-in is there which others download: an empty library of that name.
export const firefoxWithH264 = () => {
  const plugin = `${process.env.ESP_PEER_BUILD}/interop_films/gmp-gmpopenh264/1.0`;
  fs.mkdirSync(plugin, { recursive: true });
  fs.writeFileSync(`${plugin}/gmpopenh264.info`, `Name: gmpopenh264
Description: a placeholder, by which H.264 is decoded by libavcodec
Version: 1.0
APIs: encode-video[h264], decode-video[h264]
`);
  execFileSync('cc', ['-shared', '-o', `${plugin}/libgmpopenh264.so`, '-x', 'c', '/dev/null']);
  return PagePeer.open('Firefox with H.264', () => launch({
    env: { ...process.env, MOZ_GMP_PATH: plugin },
    extraPrefsFirefox: {
      'media.navigator.mediadatadecoder_h264_enabled': true,
      'media.webrtc.hw.h264.enabled': true,
      'media.webrtc.encoder_creation_strategy': 1,
      'media.ffmpeg.encoder.enabled': true,
    },
  }));
};
