// A bad path between two peers: UDP that loses, delays and reorders. Seeded, so that two runs draw
// the same fates; which packet meets which of them, the traffic decides.
import dgram from 'node:dgram';

// Mulberry32.
function generator(seed) {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const address = '10.77.0.1'; // of tools/own_network; Chromium goes nowhere on loopback
const candidate = port => `candidate:1 1 udp 2130706431 ${address} ${port} typ host`;
// The first address over UDP that a candidate names.
const reachOf = text => text.match(/candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host/i)?.slice(1, 3);

// `loss` 0…1 of the packets of media that go each way, between `hurt` and `heal`; `delay` and
// `jitter` in ms: later ones overtake.
export class Relay {
  counts = { passed: 0, lost: 0 };
  #sides = [];
  #open = true;
  #hurt = false;
  #silent = false;

  static async open({ seed = 1, loss = 0.05, delay = 20, jitter = 10 } = {}) {
    const self = new Relay();
    const random = generator(seed);
    const side = () => ({ socket: dgram.createSocket('udp4'), reach: null });
    self.#sides = [side(), side()];
    self.#sides.forEach((here, i) => {
      const there = self.#sides[1 - i];
      here.socket.on('message', data => {
        if (!self.#open || !there.reach) return;
        const media = data[0] >= 128 && data[0] < 192; // [rfc7983#7]
        if (media && (self.#silent || (self.#hurt && random() < loss))) {
          ++self.counts.lost;
          return;
        }
        ++self.counts.passed;
        setTimeout(() => { if (self.#open) there.socket.send(data, there.reach[1], there.reach[0]); },
          delay + jitter * random());
      });
      here.socket.on('error', () => {}); // a port that is not open yet
    });
    await Promise.all(self.#sides.map(({ socket }) => new Promise(r => socket.bind(0, address, r))));
    return self;
  }
  hurt() { this.#hurt = true; }
  heal() { this.#hurt = false; }
  silence(on) { this.#silent = on; } // of media
  // A description of side `from` (0, 1) as the other side is to get it: with the relay in place of
  // who wrote it.
  describe(from, sdp) {
    const lines = sdp.split('\r\n');
    for (const line of lines) this.#sides[from].reach ??= reachOf(line) && [reachOf(line)[0], Number(reachOf(line)[1])];
    if (!this.#sides[from].reach) throw new Error('no address to relay to');
    let told = false;
    return lines.flatMap(line => {
      if (!line.startsWith('a=candidate:')) return [line];
      if (told) return [];
      told = true;
      return ['a=' + candidate(this.#sides[1 - from].socket.address().port)];
    }).join('\r\n');
  }
  close() {
    this.#open = false;
    for (const { socket } of this.#sides) socket.close();
  }
}
