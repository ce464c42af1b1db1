// Real peers against ours: every case with every peer in both roles. A case may run twice; the
// second try is counted and shown. A peer that cannot start fails the run.
//
//   run.mjs [--short] [--no-video] [--write] [PEER…]
//   --short   nearly all cases with Chromium, a few with everybody else
//   --write   writes docs/interop.md
import { cases } from './cases.mjs';
import { bothRoles } from './common.mjs';
import { peers } from './peers.mjs';
import { printTable, writePage } from './report.mjs';
import { videoCases } from './video_cases.mjs';

const options = process.argv.slice(2).filter(a => a.startsWith('--'));
const short = options.includes('--short');
const wanted = process.argv.slice(2).filter(a => !a.startsWith('--'));
const video = !options.includes('--no-video');
const only = process.env.ESP_PEER_CASE ?? ''; // a part of a case's name
for (const name of wanted) if (!peers[name]) throw new Error(`no peer ${name}; there are ${Object.keys(peers)}`);

const rows = [];
const brief = error => {
  const text = String(error.message ?? error).replace(/\s+/g, ' ');
  return text.length > 700 ? `${text.slice(0, 700)}…` : text;
};
const seconds = began => (Date.now() - began) / 1000;

// One case in one role, at most twice.
async function trial(peer, name, weOffer) {
  const { needs = [], run } = cases[name];
  const lacks = [weOffer ? 'answer' : 'offer', ...needs].find(n => peer.cannot[n]);
  const row = { peer: peer.name, weOffer, name, detail: '', seconds: 0 };
  if (lacks) return { ...row, result: 'n/a', detail: peer.cannot[lacks] };
  const began = Date.now();
  for (let attempt = 1; attempt <= 2; ++attempt) {
    try {
      row.detail = await run(peer, weOffer) ?? '';
      row.result = attempt === 1 ? 'ok' : 'ok, second try';
      break;
    } catch (error) {
      row.detail = brief(error);
      row.result = 'FAILED';
      console.log(`  ${peer.name}, ${weOffer ? 'we offer' : 'we answer'}, "${name}", try ${attempt}: ${row.detail}`);
    }
  }
  row.seconds = seconds(began);
  return row;
}

const goesThrough = (peer, name) => name.includes(only) && (!peer.cases || peer.cases[name]) &&
  (video || !videoCases[name]);
const rolesOf = (key, { short: roles = { chromium: bothRoles } }) =>
  (short ? roles[key] ?? roles.all ?? [] : bothRoles);

for (const [key, { open, ...traits }] of Object.entries(peers)) {
  if (wanted.length > 0 && !wanted.includes(key)) continue;
  const began = Date.now();
  let peer;
  try {
    peer = Object.assign(await open(), traits);
  } catch (error) {
    rows.push({ peer: key, weOffer: true, name: 'starts', result: 'FAILED', detail: brief(error), seconds: seconds(began) });
    console.log(`  ${key} does not start: ${brief(error)}`);
    continue;
  }
  console.log(`${peer.name} is there after ${seconds(began).toFixed(1)} s`);
  for (const name of Object.keys(cases)) {
    if (!goesThrough(peer, name)) continue;
    for (const weOffer of rolesOf(key, cases[name])) {
      rows.push(await trial(peer, name, weOffer));
      if (!peer.gone) continue;
      console.log(`  ${peer.name} ended; it is started anew`);
      peer = Object.assign(await open(), traits);
    }
  }
  await peer.quit();
}

printTable(rows);
if (options.includes('--write')) writePage(rows);
const count = result => rows.filter(r => r.result === result).length;
const failed = count('FAILED');
const passed = count('ok') + count('ok, second try');
console.log(`${passed} passed, ${failed} failed, ${count('n/a')} skipped`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
