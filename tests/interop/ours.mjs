// Our peer as a process: lines of JSON both ways.
import { spawn } from 'node:child_process';
import readline from 'node:readline';

export const state = {
  disconnected: 1, paired: 5, connected: 7, failed: 8, dataConnected: 9, opened: 10,
};

// The sum by which both sides know a binary message again.
export const sum = bytes => bytes.reduce((s, b) => (Math.imul(s, 31) + b) >>> 0, 0);
export const pattern = size => Uint8Array.from({ length: size }, (_, i) => (i * 7) & 0xff);

export class Ours {
  constructor(...args) {
    this.events = [];
    this.waiting = [];
    this.process = spawn(`${process.env.ESP_PEER_BUILD}/tests/interop/interop_peer`, args,
      { stdio: ['pipe', 'pipe', 'inherit'] });
    readline.createInterface({ input: this.process.stdout }).on('line', line => {
      this.events.push(JSON.parse(line));
      this.waiting = this.waiting.filter(w => !w());
    });
  }
  // The first event that fits, also one that has come already; each is given once.
  wait(what, fits, ms = 10000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${what} from us in ${ms} ms; heard ` +
        JSON.stringify(this.events).slice(0, 800))), ms);
      const look = () => {
        const i = this.events.findIndex(fits);
        if (i < 0) return false;
        clearTimeout(timer);
        resolve(this.events.splice(i, 1)[0]);
        return true;
      };
      if (!look()) this.waiting.push(look);
    });
  }
  waitState(s, ms) { return this.wait(`state ${s}`, e => e.event === 'state' && e.state === s, ms); }
  waitMessage(ms) { return this.wait('message', e => e.event === 'message', ms); }
  // Gives a command and says its result.
  async do(command) {
    this.process.stdin.write(JSON.stringify(command) + '\n');
    return (await this.wait(`answer to ${command.do}`, e => e.event === 'done' && e.do === command.do)).result;
  }
  async must(command) {
    const result = await this.do(command);
    if (result !== 0) throw new Error(`${command.do} gave ${result}`);
  }
  async quit() {
    if (this.process.exitCode !== null) return;
    const gone = new Promise(r => this.process.once('exit', r));
    this.process.stdin.end(JSON.stringify({ do: 'quit' }) + '\n');
    const code = await gone;
    if (code !== 0) throw new Error(`our peer ended with ${code}`);
  }
}
