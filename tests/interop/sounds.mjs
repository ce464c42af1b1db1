// A tone for the peers to play, made by ffmpeg once, and how loud ffmpeg finds what came of theirs.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { atLeast } from './common.mjs';
import { folder } from './films.mjs';

const run = promisify(execFile);

const seconds = 2; // a whole number of waves: it can be played in a loop
const amplitude = 0.25;
// What the tone brings into a receiver's totalAudioEnergy within that time. Browsers take the loudest
// sample of every ten milliseconds, and not the mean square that the standard has.
const energyOf = ms => amplitude ** 2 * ms / 1000;

const input = ['-v', 'error', '-y', '-f', 'lavfi', '-i', `aevalsrc='${amplitude}*sin(400*2*PI*t)':s=48000:d=${seconds}`,
  '-map', '0:a', '-ac', '1'];
const encoder = {
  // 160 bytes are twenty milliseconds.
  pcma: ['-ar', '8000', '-c:a', 'pcm_alaw', '-f', 'alaw'],
  pcmu: ['-ar', '8000', '-c:a', 'pcm_mulaw', '-f', 'mulaw'],
  // At a constant rate each packet has 80 bytes: so packets can be told apart in a bare file.
  opus: ['-c:a', 'libopus', '-vbr', 'off', '-b:a', '32k', '-frame_duration', '20', '-f', 'data'],
};

const made = {};
// The file of a tone in this codec.
export function sound(codec) {
  const file = path.join(folder, `tone.${codec}`);
  made[codec] ??= run('ffmpeg', [...input, ...encoder[codec], file]).then(() => file);
  return made[codec];
}

// For our peer: what it plays, and where it writes down what it hears.
let files = 0;
export async function withSound(codec, body) {
  const file = path.join(folder, `${++files}.ours.${codec}`);
  try {
    return await body(['--audio', codec, '--sound', await sound(codec), '--listen', file], file);
  } finally {
    fs.rmSync(file, { force: true });
  }
}

// That so many milliseconds of our tone, sent between two answers to `media`, were heard there. What
// merely counts packets would count noise as well.
export function checkTone(peer, before, after, ms) {
  const grown = what => {
    if (typeof after.audio[what] !== 'number') throw new Error(`${peer.name} does not tell ${what}`);
    return after.audio[what] - (before.audio[what] ?? 0);
  };
  if (peer.hears === 'packets') {
    atLeast(grown('intact'), ms / 20 * 0.8 - 10, `intact frames there, of ${ms / 20}`);
    return `${grown('intact')} intact`;
  }
  if (peer.hears === 'an echo') return peer.hears; // of it we hear ourselves
  if (peer.hears === undefined) throw new Error('peers.mjs does not say how it hears');
  const share = grown('energy') / energyOf(ms);
  const told = [`${Math.round(share * 100)} % of its energy`];
  if (!(share > 0.5 && share < 2)) throw new Error(`the peer hears ${told} of our tone`);
  if (peer.hears === 'and conceals') {
    const made = (grown('concealed') - grown('silent')) / grown('samples');
    told.push(`${Math.round(made * 100)} % made up`);
    if (!(made < 0.6)) throw new Error(`the peer hears ${told}`);
  }
  return told.join(', ');
}

// That what we have heard is a sound.
export async function checkLoud(file, codec) {
  const decibels = await loudest(file, codec);
  if (!(decibels > -40)) throw new Error(`what came is no sound: ${decibels} dB`);
  return `${decibels} dB`;
}

// What sound.hpp has written down; of the last frame some may still be missing.
function* framesOf(file) {
  const bytes = fs.readFileSync(file);
  for (let at = 0; at + 2 <= bytes.length; ) {
    const begin = at + 2;
    at = begin + bytes.readUInt16BE(at);
    if (at <= bytes.length) yield bytes.subarray(begin, at);
  }
}

// A page of an Ogg file [rfc3533#6], with one packet in it.
function oggPage(number, position, packet) {
  const sizes = [...Array(Math.floor(packet.length / 255)).fill(255), packet.length % 255];
  const head = Buffer.alloc(27);
  head.write('OggS');
  head[5] = number === 0 ? 2 : 0; // the first
  head.writeBigUInt64LE(BigInt(position), 6);
  head.writeUInt32LE(number, 18);
  head[26] = sizes.length;
  const page = Buffer.concat([head, Buffer.from(sizes), packet]);
  let crc = 0;
  for (const byte of page) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; ++bit) crc = crc << 1 ^ (crc < 0 ? 0x04c11db7 : 0);
  }
  page.writeUInt32LE(crc >>> 0, 22);
  return page;
}
// Opus in an Ogg file [rfc7845#5], frames of twenty milliseconds.
function ogg(frames) {
  const head = Buffer.from('OpusHead\x01\x02\0\0\0\0\0\0\0\0\0', 'latin1');
  head.writeUInt32LE(48000, 12);
  const tags = Buffer.from('OpusTags\0\0\0\0\0\0\0\0', 'latin1');
  return Buffer.concat([oggPage(0, 0, head), oggPage(1, 0, tags),
    ...frames.map((frame, i) => oggPage(i + 2, 960 * (i + 1), frame))]);
}

// How loud the loudest sample is in a file of sound.hpp, in decibels: 0 is as loud as can be.
async function loudest(file, codec) {
  const frames = [...framesOf(file)], plain = `${file}.plain`;
  fs.writeFileSync(plain, codec === 'opus' ? ogg(frames) : Buffer.concat(frames));
  const format = codec === 'opus' ? ['-f', 'ogg'] : ['-f', codec === 'pcma' ? 'alaw' : 'mulaw', '-ar', '8000'];
  try {
    const { stderr } = await run('ffmpeg', ['-hide_banner', '-nostats', '-xerror', ...format, '-i', plain,
      '-af', 'volumedetect', '-f', 'null', '-']);
    return Number(/max_volume: (\S+) dB/.exec(stderr)?.[1]);
  } finally {
    fs.rmSync(plain);
  }
}
