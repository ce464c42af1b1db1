// All foreign peers: how each is started, and what it cannot do, with the reason. What a case needs
// and a peer lacks is "n/a" in the table. Roles: `offer` and `answer` are theirs, not ours.
//   largest   the longest message it says back
//   asks      it asks for a keyframe when it cannot begin to decode
//   watches   for how many ms no picture may stand still
//   freezes   it tells when one did
//   fps       its film has so many pictures a second
//   hears     how it tells that it plays our sound: by its 'energy', 'and conceals' what is missing
//             and tells that too, by the 'packets' that are those we sent, or by 'an echo' of them
//   cases     those it goes through, if not all
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chromium } from './chromium.mjs';
import { firefox, firefoxWithH264 } from './firefox.mjs';
import { janus } from './janus.mjs';
import { ProcessPeer } from './peer.mjs';
import { videoCases } from './video_cases.mjs';

const here = name => fileURLToPath(new URL(name, import.meta.url));
const node = file => () => new ProcessPeer(process.execPath, here(file)).ready();
const python = file => () => new ProcessPeer('/usr/bin/python3', here(file)).ready();

const pion = () => new ProcessPeer(`${process.env.PION_PEER}`, debian('golang-github-pion-webrtc.v3-dev')).ready();
const debian = name => execFileSync('dpkg-query', ['-W', '-f=${Version}', name], { encoding: 'utf8' });

const noVideo = why => ({ h264: why, mjpeg: why, otherVideo: why });
const noMedia = why => ({ pcma: why, pcmu: why, opus: why, ...noVideo(why) });
const noMjpeg = 'has no MJPEG over RTP';
const withBrowsers = 'is tried with the browsers';
const withChromium = 'is tried with Chromium';

const tooOld = 'its send() takes any size';
const mute = 'has no call that tells';

export const peers = {
  chromium: { open: chromium, asks: true, watches: 10000, freezes: true, hears: 'and conceals', cannot: { mjpeg: noMjpeg } },
  firefox: { open: firefox, hears: 'and conceals', cannot: { h264: 'Debian\'s brings no H.264', mjpeg: noMjpeg } },
  firefox_h264: {
    open: firefoxWithH264,
    asks: true,
    freezes: true,
    hears: 'and conceals',
    cases: videoCases,
    cannot: {
      encode: 'negotiates H.264, and sends none', mjpeg: noMjpeg, repairs: withChromium,
      otherVideo: 'is tried with Firefox as it is',
    },
  },
  wrtc: {
    open: node('wrtc.mjs'),
    cannot: { refuse: tooOld, ...noMedia('the media of libwebrtc is tried with Chromium') },
  },
  libdatachannel: {
    open: node('libdatachannel.mjs'),
    cannot: { tellReliability: mute, ...noMedia('brings no codecs, and no RTP of its own') },
  },
  werift: {
    open: node('werift.mjs'),
    cannot: {
      empty: 'sends nothing where a message is empty',
      receiveLarge: 'announces 64 KB',
      close: 'its answer to our reset has the record number of its Finished, and is lost; when we ask again, it ' +
        'closes whatever the stream is used for by then',
      sayGoodbye: 'closes without a word',
      ...noMedia('brings no codecs'),
    },
  },
  pion: {
    open: pion,
    hears: 'packets',
    fps: 30,
    largest: 65535,
    asks: true,
    cannot: {
      mjpeg: noMjpeg, otherVideo: withBrowsers, renegotiate: withBrowsers, repairs: withChromium,
      sendLarge: 'sends 65,535 bytes a message at most',
      receiveLarge: 'announces no max-message-size, which means 64 KB [rfc8841#6.1]',
      refuse: 'has a limit of its own that is lower',
    },
  },
  aiortc: {
    open: python('aiortc_peer.py'),
    hears: 'energy',
    fps: 30,
    cannot: {
      mjpeg: noMjpeg, otherVideo: withBrowsers, renegotiate: withBrowsers, repairs: withChromium, tellPlis: mute,
      trickle: 'gathers before it describes',
      refuse: 'looks at no max-message-size',
      receiveLarge: 'announces 64 KB',
    },
  },
  gstreamer: {
    open: python('gst_peer.py'),
    fps: 30,
    hears: 'energy',
    cannot: {
      otherVideo: withBrowsers, renegotiate: withBrowsers, repairs: withChromium, tellPlis: mute,
      empty: 'takes an empty text for bytes, and sends none itself',
      receiveLarge: 'announces no max-message-size, which means 64 KB [rfc8841#6.1], and would hand over more in pieces',
      sayGoodbye: 'closes without a word',
      hearGoodbye: 'does not tell that the other side has left',
    },
  },
  janus: {
    open: janus,
    largest: 60000, // its buffer is a little smaller than 64 KB
    hears: 'an echo',
    cannot: {
      ...noVideo('its video is not tried'),
      empty: 'says nothing back to an empty text',
      create: 'its plugins only speak on channels of others',
      tellChannels: 'does not tell which channels there are',
      receiveLarge: 'does not tell what it receives',
    },
  },
};
