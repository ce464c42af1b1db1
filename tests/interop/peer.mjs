// What every peer is to the cases: commands that are answered, and events that are waited for.
//
// Commands of a foreign peer, each answered with {"event":"done","id":N} and "error" if it failed:
//   start [audio sound] [video only film record]   a new connection; what was before is closed, and
//                          forgotten. It has a track of each codec that is named, and takes `only`
//                          that codec for video if so asked. Who has no encoder sends the files
//                          `sound` and `film`, who has no decoder writes what comes into `record`
//   create label [ordered maxRetransmits maxPacketLifeTime]
//   describe type [trickle]   answers "sdp"; the candidates are in it, or come as events
//   remote type sdp
//   remoteCandidate candidate   "" says that there are no more
//   echo on                what comes is said back
//   send label text|bytes  bytes: a pattern of that size
//   close label
//   leave                  the connection is closed
//   media                  answers "audio" and "video", counts since the start as far as the peer
//                          has them: sent received (packets) decoded encoded (pictures) freezes
//                          nacks plis nacksHeard plisHeard sentAgain repaired energy (of what is
//                          heard, as browsers count it: see sounds.mjs) samples
//                          concealed silent (of the concealed ones) intact (packets with a frame of
//                          the file `sound`); and "stall", the longest time in ms that it stood
//                          still since it was asked last
//   add kind codec [receive] · turn kind direction · stop kind    for the next description;
//                          `receive` and nothing else
// Its events: ready name · state state · candidate candidate ("" is the end) · closed label ·
//   open label [ordered maxRetransmits maxPacketLifeTime] · message label text | bytes sum
import { spawn } from 'node:child_process';
import readline from 'node:readline';

// The sum by which both sides know a binary message again.
export const sum = bytes => bytes.reduce((s, b) => (Math.imul(s, 31) + b) >>> 0, 0);
export const pattern = size => Uint8Array.from({ length: size }, (_, i) => (i * 7) & 0xff);

const patience = Number(process.env.ESP_PEER_PATIENCE ?? 20000); // ms; only failures take so long
const talk = process.env.ESP_PEER_TALK; // shows all that is said

export class Peer {
  name = 'a peer';
  events = [];
  #waiting = [];
  #last = 0;
  #gone = null;

  // `deliver(command)` is what carries a command over.
  constructor(deliver) { this.deliver = deliver; }

  hear(event) {
    if (talk) console.log(`<- ${this.name}`, JSON.stringify(event));
    this.events.push(event);
    this.#waiting = this.#waiting.filter(look => !look());
  }
  // There is nobody any more: who waits waits in vain.
  vanish(why) {
    this.#gone = why;
    this.#waiting = this.#waiting.filter(look => !look());
  }
  get gone() { return this.#gone !== null; }
  forget() { this.events = []; }

  // The first event that fits, also one that has come already; each is given once.
  wait(what, fits, ms = patience) {
    return new Promise((resolve, reject) => {
      let timer;
      const fail = why => {
        clearTimeout(timer);
        reject(new Error(`no ${what} from ${this.name}: ${why}; heard ` +
          JSON.stringify(this.events.map(e => ({ ...e, sdp: e.sdp && '…' }))).slice(0, 800)));
        return true;
      };
      const look = () => {
        const i = this.events.findIndex(fits);
        if (i < 0) return this.#gone === null ? false : fail(this.#gone);
        clearTimeout(timer);
        resolve(this.events.splice(i, 1)[0]);
        return true;
      };
      if (look()) return;
      timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter(l => l !== look);
        fail(`${ms} ms have passed`);
      }, ms);
      this.#waiting.push(look);
    });
  }
  waitOpen(label) { return this.wait(`channel ${label}`, e => e.event === 'open' && e.label === label); }
  waitClosed(label, ms) {
    return this.wait(`end of channel ${label}`, e => e.event === 'closed' && e.label === label, ms);
  }
  waitMessage(ms) { return this.wait('message', e => e.event === 'message', ms); }

  // Gives a command and waits for its answer.
  async ask(command) {
    const id = ++this.#last;
    if (talk) console.log(`-> ${this.name}`, JSON.stringify(command));
    this.deliver({ ...command, id });
    return this.wait(`answer to ${command.do}`, e => e.event === 'done' && e.id === id);
  }
  async do(command) {
    const answer = await this.ask(command);
    if (answer.error) throw new Error(`${this.name}: ${command.do}: ${answer.error}`);
    return answer;
  }
  async quit() {}
}

// A peer that is a process of its own and reads and writes lines of JSON.
export class ProcessPeer extends Peer {
  constructor(program, ...args) {
    super(command => this.process.stdin.write(JSON.stringify(command) + '\n'));
    this.complaints = '';
    this.process = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.stdin.on('error', () => {}); // its end tells more
    this.process.stderr.on('data', text => {
      this.complaints = (this.complaints + text).slice(0, 4000);
    });
    readline.createInterface({ input: this.process.stdout }).on('line', line => {
      try { this.hear(JSON.parse(line)); } catch { this.complaints += line + '\n'; }
    });
    this.ended = new Promise(resolve => {
      const end = how => {
        this.vanish(`its program ended (${how}) and said: ${this.complaints.slice(0, 600)}`);
        resolve(how);
      };
      this.process.once('error', end);
      this.process.once('close', (code, signal) => end(signal ?? code));
    });
  }
  async ready() {
    this.name = (await this.wait('sign of life', e => e.event === 'ready', 60000)).name;
    return this;
  }
  // Ends it by closing its input, and says how it ended.
  async quit() {
    this.process.stdin.end();
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 10000);
    const how = await this.ended;
    clearTimeout(timer);
    return how;
  }
}
