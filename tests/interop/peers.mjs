// All foreign peers: how each is started, and what it cannot do, with the reason. What a case needs
// and a peer lacks is "n/a" in the table; `largest` is the longest message it says back. Roles: `offer` and `answer` are theirs, not ours.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chromium } from './chromium.mjs';
import { firefox } from './firefox.mjs';
import { janus } from './janus.mjs';
import { ProcessPeer } from './peer.mjs';

const here = name => fileURLToPath(new URL(name, import.meta.url));
const node = file => () => new ProcessPeer(process.execPath, here(file)).ready();
const python = file => () => new ProcessPeer('/usr/bin/python3', here(file)).ready();

const pion = () => new ProcessPeer(`${process.env.PION_PEER}`, debian('golang-github-pion-webrtc.v3-dev')).ready();
const debian = name => execFileSync('dpkg-query', ['-W', '-f=${Version}', name], { encoding: 'utf8' });

const noAudio = why => ({ pcma: why, pcmu: why, opus: why });

const tooOld = 'its send() takes any size';
const mute = 'has no call that tells';

export const peers = {
  chromium: { open: chromium, cannot: {} },
  firefox: { open: firefox, cannot: {} },
  wrtc: {
    open: node('wrtc.mjs'),
    cannot: { refuse: tooOld, ...noAudio('the media of libwebrtc is tried with Chromium') },
  },
  libdatachannel: {
    open: node('libdatachannel.mjs'),
    cannot: { tellReliability: mute, ...noAudio('brings no codecs, and no RTP of its own') },
  },
  werift: {
    open: node('werift.mjs'),
    cannot: {
      empty: 'sends nothing where a message is empty',
      receiveLarge: 'announces 64 KB',
      close: 'its answer to our reset has the record number of its Finished, and is lost; when we ask again, it ' +
        'closes whatever the stream is used for by then',
      sayGoodbye: 'closes without a word',
      ...noAudio('brings no codecs'),
    },
  },
  pion: {
    open: pion,
    largest: 65535,
    cannot: {
      sendLarge: 'sends 65,535 bytes a message at most',
      receiveLarge: 'announces no max-message-size, which means 64 KB [rfc8841#6.1]',
      refuse: 'has a limit of its own that is lower',
    },
  },
  aiortc: {
    open: python('aiortc_peer.py'),
    cannot: {
      trickle: 'gathers before it describes',
      refuse: 'looks at no max-message-size',
      receiveLarge: 'announces 64 KB',
    },
  },
  gstreamer: {
    open: python('gst_peer.py'),
    cannot: {
      empty: 'takes an empty text for bytes, and sends none itself',
      receiveLarge: 'announces no max-message-size, which means 64 KB [rfc8841#6.1], and would hand over more in pieces',
      sayGoodbye: 'closes without a word',
      hearGoodbye: 'does not tell that the other side has left',
    },
  },
  janus: {
    open: janus,
    largest: 60000, // its buffer is a little smaller than 64 KB
    prefix: 'Janus EchoTest here! You wrote: ',
    cannot: {
      offer: 'its echotest only answers (plugins of it that offer, as textroom, are not tried)',
      empty: 'says nothing back to an empty text',
      create: 'its echotest only speaks on channels of others',
      tellChannels: 'does not tell which channels there are',
      receiveLarge: 'does not tell what it receives',
    },
  },
};
