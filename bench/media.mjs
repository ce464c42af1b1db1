// Video from frame to frame with us, over both of our SRTP backends, and with Pion: in turn, several
// times, of which the median counts. The ratios of one run are the figures to trust; the machine may be
// busy. What is measured stands at the top of bench_media.cpp.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

const { ESP_PEER_BUILD: build, PION_MEDIA: pion } = process.env;
const rounds = 5;
const run = (...command) => JSON.parse(execFileSync(command[0], command.slice(1).map(String),
  { timeout: 240000, stdio: ['ignore', 'pipe', 'inherit'] }).toString());
const ours = (...args) => run(`${build}/bench/bench_media`, ...args);
const median = values => values.sort((a, b) => a - b)[values.length >> 1];

// Every contestant once a round; for each figure its median.
function contest(...contestants) {
  const results = contestants.map(() => []);
  for (let i = 0; i < rounds; ++i) contestants.forEach((measure, who) => measure && results[who].push(measure()));
  return results.map(all => all.length === 0 ? {} : Object.fromEntries(Object.keys(all[0]).map(
    key => [key, median(all.map(one => one[key]))])));
}

const rows = [];
const text = v => v === undefined ? '-' : v < 10 ? v.toFixed(2) : v < 100 ? v.toFixed(1) : v.toFixed(0);
function row(what, unit, [a, b, c], goal, more) {
  // The better of ours beside the peer; without one, ours beside libsrtp.
  const best = more ? Math.max(a ?? 0, b ?? 0) : Math.min(a ?? Infinity, b ?? Infinity);
  const ratio = c !== undefined ? (more ? best / c : c / best) : b !== undefined ? a / b : undefined;
  rows.push({ what, unit, esp_peer_libsrtp: a, esp_peer_openssl: b, pion: c, ratio, goal });
  console.log(`${what.padEnd(40)} ${text(a).padStart(8)} ${text(b).padStart(8)} ${text(c).padStart(8)}  ` +
    `${unit.padEnd(10)} ${(Number.isFinite(ratio) && ratio > 0 ? `${ratio.toFixed(1)} x` : '').padStart(7)}  ${goal ?? ''}`);
}
console.log(`${''.padEnd(40)} ${'libsrtp'.padStart(8)} ${'openssl'.padStart(8)} ${'Pion'.padStart(8)}  ` +
  `${'unit'.padEnd(10)} ${'better'.padStart(7)}  goal`);

const names = { gcm: 'AES-128-GCM', gcm256: 'AES-256-GCM', cm: 'AES-CM, SHA1-80' };
for (const profile of ['gcm', 'gcm256', 'cm']) {
  const [a, b] = contest(...['libsrtp', 'openssl'].map(srtp => () => ours('seal', srtp, profile, 1200, 100000)));
  row(`seal + open 1200 B, ${names[profile]}`, 'us CPU', [a.cpu_us_per_packet, b.cpu_us_per_packet, undefined], '>= 2 x');
}
const frames = 2000;
for (const profile of ['gcm', 'cm']) {
  const all = contest(...['libsrtp', 'openssl'].map(srtp => () => ours('path', srtp, profile, frames)),
    () => run(pion, 'path', profile, frames));
  const of = key => all.map(one => one[key]);
  const what = `frames over UDP, ${names[profile]}`;
  row(what, 'packets/s', of('packets_per_second'), profile === 'gcm' ? '>= 600000' : undefined, true);
  row(`${what}, both ends`, 'us CPU', of('cpu_us_per_packet'), profile === 'gcm' ? '<= 2.5, >= 4 x' : undefined);
  row(`${what}, allocations`, 'a packet', of('allocations_per_packet'), '0');
}
// What is above is over memory that the runner keeps; peers of the C API ask the heap.
const heap = contest(...['libsrtp', 'openssl'].map(srtp => () => ours('path', srtp, 'gcm', frames, 'heap')));
row('the same over the heap, both ends', 'us CPU', [...heap.map(one => one.cpu_us_per_packet), undefined]);
row('the same over the heap, allocations', 'a packet', [...heap.map(one => one.allocations_per_packet), undefined]);
const paced = contest(...['libsrtp', 'openssl'].map(srtp => () => ours('path', srtp, 'gcm', frames, 'paced')));
row('the same, at the pace of 30 frames/s', 'us CPU', [...paced.map(one => one.cpu_us_per_packet), undefined]);

// The C API stands on the SRTP of this build, and that alone.
const whole = contest(() => ours('peers', 1500), undefined, () => run(pion, 'peers', 1500));
const which = process.env.ESP_PEER_SRTP === 'openssl' ? key => [undefined, whole[0][key], whole[2][key]]
  : key => [whole[0][key], undefined, whole[2][key]];
row('two whole peers', 'packets/s', which('packets_per_second'), undefined, true);
row('two whole peers, both ends', 'us CPU', which('cpu_us_per_packet'), '>= 4 x');
row('two whole peers, allocations', 'a packet', which('allocations_per_packet'));

mkdirSync(`${build}/bench`, { recursive: true });
writeFileSync(`${build}/bench/media.json`, JSON.stringify(rows, null, 1));
