// Janus as a peer: a server of its own, which says everything back: to an offer with its plugin
// "echotest", and with a script of ours in its plugin "duktape" where it offers itself. Spoken to
// over HTTP on 127.0.0.1.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Peer } from './peer.mjs';

const port = 8188;
const configuration = {
  'janus.jcfg': `general: { session_timeout = 0 }
    transports: { disable = "libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so,libjanus_websockets.so" }`,
  'janus.plugin.duktape.jcfg': `general: { path = "/usr/share/janus/duktape"
    script = "${fileURLToPath(new URL('janus_offerer.js', import.meta.url))}" }`,
  'janus.transport.http.jcfg': `general: { http = true  port = ${port}  ip = "127.0.0.1"  https = false }`,
};

// What it offers, beside channels; Janus puts in how it is reached.
const formats = { pcma: '8 PCMA/8000', pcmu: '0 PCMU/8000', opus: '111 opus/48000/2' };
const section = (mid, m, ...attributes) =>
  [`m=${m}`, 'c=IN IP4 127.0.0.1', `a=mid:${mid}`, ...attributes.map(a => `a=${a}`)];
const offerOf = ({ audio }) => [
  'v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0',
  ...(audio ? section('sound', `audio 9 UDP/TLS/RTP/SAVPF ${parseInt(formats[audio])}`, 'sendrecv', `rtpmap:${formats[audio]}`) : []),
  ...section('data', 'application 9 UDP/DTLS/SCTP webrtc-datachannel', 'sctp-port:5000'),
].map(line => `${line}\r\n`).join('');

class Janus extends Peer {
  #tracks = {};
  #handle = '';
  #last = 0;

  constructor() {
    super(command => {
      Promise.resolve(this.#obey(command)).then(
        answer => this.hear({ event: 'done', id: command.id, ...answer }),
        error => this.hear({ event: 'done', id: command.id, error: String(error) }));
    });
  }
  async #say(where, what) {
    const transaction = String(++this.#last);
    const reply = await fetch(`http://127.0.0.1:${port}/janus${where}`,
      { method: 'POST', body: JSON.stringify({ ...what, transaction }) });
    const answer = await reply.json();
    if (answer.janus === 'error') throw new Error(answer.error.reason);
    return answer;
  }
  async #hearEvents(session) {
    while (!this.gone) {
      const reply = await fetch(`http://127.0.0.1:${port}/janus${session}?maxev=1`);
      const event = await reply.json();
      if (`${session}/${event.sender}` !== this.#handle) continue; // of an older one
      if (event.janus === 'hangup') this.hear({ event: 'state', state: 'closed' });
      if (event.jsep) this.hear({ event: 'described', sdp: event.jsep.sdp });
      if (event.plugindata?.data?.error) this.hear({ event: 'refused', why: event.plugindata.data.error });
    }
  }
  async open() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'janus-'));
    for (const [name, text] of Object.entries(configuration)) {
      fs.writeFileSync(path.join(this.folder, name), text);
    }
    let log = '';
    this.process = spawn('janus', ['-F', this.folder, '-i', '10.77.0.1', '-o', '-d', '3'],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const out of [this.process.stdout, this.process.stderr]) {
      out.on('data', text => { log = (log + text).slice(-2000); });
    }
    this.ended = new Promise(r => {
      this.process.once('close', code => { this.vanish(`it ended (${code}): ${log}`); r(); });
      this.process.once('error', error => { this.vanish(String(error)); r(); });
    });
    for (let tries = 0; ; ++tries) {
      try {
        const info = await (await fetch(`http://127.0.0.1:${port}/janus/info`)).json();
        this.name = `Janus ${info.version_string}`;
        break;
      } catch (error) {
        if (this.gone || tries === 200) throw new Error(`Janus does not answer: ${error}; ${log}`);
        await new Promise(r => setTimeout(r, 100));
      }
    }
    this.session = `/${(await this.#say('', { janus: 'create' })).data.id}`;
    this.#hearEvents(this.session).catch(error => this.vanish(String(error)));
    return this;
  }
  async #attach(plugin) {
    const { data } = await this.#say(this.session, { janus: 'attach', plugin });
    this.#handle = `${this.session}/${data.id}`;
  }
  async #obey({ do: what, type, sdp, candidate, ...tracks }) {
    switch (what) {
      case 'start':
        if (this.#handle) await this.#say(this.#handle, { janus: 'detach' }).catch(() => {});
        this.#handle = '';
        this.#tracks = tracks;
        return {};
      case 'remote':
        if (type === 'offer') {
          await this.#attach('janus.plugin.echotest');
          this.prefix = 'Janus EchoTest here! You wrote: ';
        }
        await this.#say(this.#handle, { janus: 'message', body: { audio: true, video: true }, jsep: { type, sdp } });
        return {};
      case 'describe':
        if (type === 'offer') {
          await this.#attach('janus.plugin.duktape');
          this.prefix = '';
          await this.#say(this.#handle, { janus: 'message', body: { offer: offerOf(this.#tracks) } });
        }
        return { sdp: (await this.wait(type, e => e.event === 'described')).sdp };
      case 'remoteCandidate':
        await this.#say(this.#handle, {
          janus: 'trickle', candidate: candidate ? { candidate, sdpMLineIndex: 0 } : { completed: true },
        });
        return {};
      case 'echo': // it always does
      case 'media': // counts nothing for us; what it received comes back
        return {};
      case 'leave':
        await this.#say(this.#handle, { janus: 'hangup' });
        return {};
      default:
        throw new Error(`cannot ${what}`);
    }
  }
  async quit() {
    this.process.kill('SIGTERM');
    await this.ended;
    fs.rmSync(this.folder, { recursive: true });
  }
}

export const janus = () => new Janus().open();
