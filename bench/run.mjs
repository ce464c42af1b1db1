// Runs every measurement with us and with node-datachannel in turn, and prints them side by side. The
// ratios of one run are the figures to trust; the machine may be busy.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const ours = { name: 'esp_peer', command: [`${process.env.ESP_PEER_BUILD}/bench/bench_peer`] };
const theirs = { name: 'libdatachannel', command: ['node', `${here}ndc_peer.mjs`] };

const alone = (who, ...args) => JSON.parse(execFileSync(who.command[0], [...who.command.slice(1), ...args.map(String)],
  { timeout: 240000, stdio: ['ignore', 'pipe', 'inherit'] }).toString());

// Two processes, each one's standard output the other's input.
async function transfer(who, size, count, cache) {
  const start = args => {
    const child = spawn(who.command[0], [...who.command.slice(1), ...args.map(String)], { timeout: 240000 });
    let said = '';
    child.stderr.on('data', d => { said += d; });
    child.result = new Promise((resolve, reject) => child.on('close', code => {
      const line = said.split('\n').find(l => l.startsWith('{'));
      if (code === 0 && line) resolve(JSON.parse(line)); else reject(new Error(`${who.name} ${args}: ${code} ${said}`));
    }));
    return child;
  };
  const sender = start(['send', size, count, cache]), receiver = start(['receive', count, cache]);
  sender.stdout.pipe(receiver.stdin);
  receiver.stdout.pipe(sender.stdin);
  const [s, r] = await Promise.all([sender.result, receiver.result]);
  return { seconds: r.seconds, cpu: s.cpu + r.cpu, bytes: size * count, count };
}

const rows = [];
const row = (what, unit, a, b, better) => {
  const ratio = better === 'more' ? a / b : b / a;
  rows.push([what, unit, a, b, ratio]);
  const text = v => v === undefined ? '-' : v < 10 ? v.toFixed(2) : v < 100 ? v.toFixed(1) : v.toFixed(0);
  console.log(`${what.padEnd(46)} ${text(a).padStart(9)} ${text(b).padStart(9)}  ${unit.padEnd(12)}` +
    (Number.isFinite(ratio) ? `${ratio.toFixed(1).padStart(7)} x` : ''));
};
console.log(`${''.padEnd(46)} ${'esp_peer'.padStart(9)} ${'libdatac.'.padStart(9)}  ${'unit'.padEnd(12)}  better`);

const c = [alone(ours, 'connect', 200), alone(theirs, 'connect', 200)];
row('connect, from nothing to a channel, median', 'ms', c[0].median_ms, c[1].median_ms);
row('connect, worst of 200', 'ms', c[0].worst_ms, c[1].worst_ms);
row('connect, CPU of both ends', 'ms', c[0].cpu_ms, c[1].cpu_ms);

const mb = 4 << 20;
const bulk = [await transfer(ours, 16384, 40000, mb), await transfer(theirs, 16384, 10000, 0)];
const rate = t => t.bytes / t.seconds / 1e6, perGb = t => t.cpu / t.bytes * 1e9;
row('16 KB messages, one way (cache 4 MiB)', 'MB/s', rate(bulk[0]), rate(bulk[1]), 'more');
row('16 KB messages, CPU of both ends', 's/GB', perGb(bulk[0]), perGb(bulk[1]));
const usual = await transfer(ours, 16384, 10000, 0);
row('16 KB messages, one way (default cache)', 'MB/s', rate(usual), rate(bulk[1]), 'more');
const small = [await transfer(ours, 64, 1000000, mb), await transfer(theirs, 64, 300000, 0)];
row('64-byte messages', '1000/s', small[0].count / small[0].seconds / 1e3, small[1].count / small[1].seconds / 1e3, 'more');
row('64-byte messages, CPU of both ends', 'us/message', small[0].cpu / small[0].count * 1e6, small[1].cpu / small[1].count * 1e6);

const p = [alone(ours, 'pingpong', 5000), alone(theirs, 'pingpong', 5000)];
row('ping-pong 64 bytes, median', 'us', p[0].p50_us, p[1].p50_us);
row('ping-pong 64 bytes, 99 %', 'us', p[0].p99_us, p[1].p99_us);

const m = [alone(ours, 'memory', 200), alone(theirs, 'memory', 200)];
row('memory of an idle connected peer, resident', 'KB', m[0].rss_kb, m[1].rss_kb);
row('memory of an idle connected peer, heap', 'KB', m[0].heap_kb, undefined);

mkdirSync(`${process.env.ESP_PEER_BUILD}/bench`, { recursive: true });
writeFileSync(`${process.env.ESP_PEER_BUILD}/bench/results.json`,
  JSON.stringify(rows.map(([what, unit, a, b, ratio]) => ({ what, unit, esp_peer: a, libdatachannel: b, ratio })), null, 1));
