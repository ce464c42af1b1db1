// The same measurements as bench_peer.cpp, of libdatachannel through node-datachannel.
import { createRequire } from 'node:module';
import readline from 'node:readline';

const ndc = createRequire(process.env.NODE_MODULES + '/')('node-datachannel');
const [what, ...numbers] = process.argv.slice(2);
const n = numbers.map(Number);
const config = { iceServers: [], bindAddress: '127.0.0.1', maxMessageSize: 262144 };
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1e6; };
const percentile = (v, p) => v.sort((a, b) => a - b)[Math.min(v.length - 1, Math.floor(p * v.length))];
const sleep = ms => new Promise(r => setTimeout(r, ms));

function pair() {
  const a = new ndc.PeerConnection('a', config), b = new ndc.PeerConnection('b', config);
  const p = { a, b, closed: false };
  const signal = (from, to) => {
    // Candidates may be told before the description that they belong to, and after the end.
    let early = [];
    const add = (c, mid) => {
      // One that has ended meanwhile throws, and needs none any more.
      try { if (!p.closed) to.addRemoteCandidate(c, mid); } catch { }
    };
    from.onLocalDescription((sdp, type) => {
      to.setRemoteDescription(sdp, type);
      for (const [c, mid] of early) add(c, mid);
      early = null;
    });
    from.onLocalCandidate((c, mid) => early ? early.push([c, mid]) : add(c, mid));
  };
  signal(a, b);
  signal(b, a);
  p.opened = new Promise(resolve => {
    let open = 0;
    const one = () => ++open === 2 && resolve();
    b.onDataChannel(d => { p.there = d; one(); });
    p_open = d => d.onOpen(one);
  });
  p.here = a.createDataChannel('bench');
  p_open(p.here);
  return p;
}
let p_open;

async function connect(count) {
  const ms = [], before = cpu();
  for (let i = 0; i < count; ++i) {
    const begin = performance.now();
    const p = pair();
    await p.opened;
    ms.push(performance.now() - begin);
    p.closed = true;
    p.a.close();
    p.b.close();
  }
  return { cpu_ms: (cpu() - before) * 1e3 / count, median_ms: percentile(ms, 0.5), worst_ms: percentile(ms, 1) };
}

async function pingpong(count) {
  const p = pair();
  await p.opened;
  const ball = Buffer.alloc(64), us = [];
  p.there.onMessage(m => p.there.sendMessageBinary(Buffer.from(m)));
  for (let i = 0; i < count; ++i) {
    const begin = performance.now();
    const back = new Promise(r => p.here.onMessage(r));
    p.here.sendMessageBinary(ball);
    await back;
    us.push((performance.now() - begin) * 1e3);
  }
  return { p50_us: percentile(us, 0.5), p99_us: percentile(us, 0.99) };
}

async function memory(count) {
  const pairs = [pair()];
  await pairs[0].opened;
  const before = process.memoryUsage().rss;
  for (let i = 0; i < count; ++i) {
    pairs.push(pair());
    await pairs.at(-1).opened;
  }
  return { rss_kb: (process.memoryUsage().rss - before) / 1024 / (2 * count) };
}

// Two processes; a description is a line of JSON.
async function transfer(role) {
  const [size, count] = role === 'send' ? n : [0, n[0]];
  const pc = new ndc.PeerConnection(role, config);
  const gathered = new Promise(r => pc.onGatheringStateChange(s => s === 'complete' && r()));
  const lines = readline.createInterface({ input: process.stdin });
  const remote = new Promise(r => lines.once('line', r));
  const say = async () => {
    await gathered;
    const { sdp, type } = pc.localDescription();
    process.stdout.write(JSON.stringify({ sdp, type }) + '\n');
  };
  let channel, received = 0, done;
  const finished = new Promise(r => { done = r; });
  if (role === 'send') {
    channel = pc.createDataChannel('bench');
    const open = new Promise(r => channel.onOpen(r));
    channel.onMessage(done);
    await say();
    const { sdp, type } = JSON.parse(await remote);
    pc.setRemoteDescription(sdp, type);
    await open;
    const begin = performance.now(), before = cpu(), body = Buffer.alloc(size, 7);
    for (let i = 0; i < count; ++i) {
      channel.sendMessageBinary(body);
      if (channel.bufferedAmount() > 1 << 20) while (channel.bufferedAmount() > 1 << 18) await sleep(0);
    }
    await finished;
    return { role, seconds: (performance.now() - begin) / 1e3, cpu: cpu() - before };
  }
  const open = new Promise(r => pc.onDataChannel(d => { channel = d; r(); }));
  const { sdp, type } = JSON.parse(await remote);
  pc.setRemoteDescription(sdp, type);
  await say();
  await open;
  const begin = performance.now(), before = cpu();
  channel.onMessage(() => { if (++received === count) done(); });
  await finished;
  const result = { role, seconds: (performance.now() - begin) / 1e3, cpu: cpu() - before };
  channel.sendMessageBinary(Buffer.alloc(1));
  await sleep(500);
  return result;
}

const run = { connect: () => connect(n[0]), pingpong: () => pingpong(n[0]), memory: () => memory(n[0]),
  send: () => transfer('send'), receive: () => transfer('receive') }[what];
const result = JSON.stringify(await run()) + '\n';
(what === 'send' || what === 'receive' ? process.stderr : process.stdout).write(result, () => process.exit(0));
