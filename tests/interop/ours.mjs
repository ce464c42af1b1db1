// Our peer as a process.
import { ProcessPeer } from './peer.mjs';

export const state = {
  disconnected: 1, paired: 5, connected: 7, failed: 8, dataConnected: 9, opened: 10,
  audioAdded: 13, audioRemoved: 14, videoAdded: 15, videoRemoved: 16, keyframeWanted: 17,
};
export const codec = { pcma: 1, pcmu: 2, opus: 3 };
export const videoCodec = { h264: 1, mjpeg: 2 };

export class Ours extends ProcessPeer {
  constructor(...args) {
    const program = process.env.ESP_PEER_INTEROP_PEER ?? 'interop_peer';
    super(`${process.env.ESP_PEER_BUILD}/tests/interop/${program}`, ...args);
    this.name = 'ours';
  }
  waitState(s, ms) { return this.wait(`state ${s}`, e => e.event === 'state' && e.state === s, ms); }
  // Gives a command and says what the function of the C API has answered.
  async do(command) { return (await this.ask(command)).result; }
  async must(command) {
    const result = await this.do(command);
    if (result !== 0) throw new Error(`${command.do} gave ${result}`);
  }
  async quit() {
    const how = await super.quit();
    if (how !== 0) throw new Error(`our peer ended with ${how}: ${this.complaints}`);
  }
}
