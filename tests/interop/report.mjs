// What a run has found, as a table for a terminal and as docs/interop.md.
import fs from 'node:fs';

export function printTable(rows) {
  const cells = rows.map(r => [r.peer, r.weOffer ? 'we offer' : 'we answer', r.name, r.result,
    r.seconds ? `${r.seconds.toFixed(1)} s` : '', r.result === 'n/a' ? `n/a: ${r.detail}` : r.detail]);
  const widths = cells[0].map((_, i) => Math.max(...cells.map(c => c[i].length)));
  for (const row of cells) {
    console.log(row.map((cell, i) => (i < 5 ? cell.padEnd(widths[i]) : cell)).join('  ').trimEnd());
  }
  const again = rows.filter(r => r.result === 'ok, second try').length;
  if (again) console.log(`${again} only passed the second time`);
}

const preamble = `# Real peers

Written by \`./dev interop --write\`; not by hand. Every peer runs on this machine, in a network of its
own, against a program that uses the C API (\`tests/interop/interop_peer.cpp\`). A cell says what
happened when **we offered / we answered**: ✓ passed, ✓² passed the second time, – the peer cannot
(the reasons stand below), ✗ failed.

`;
const traps = `## Worth knowing about them

- Pion and werift end the connection when DTLS has agreed on no SRTP profile, for data alone too.
- Pion 3.1 drops an INIT with a parameter that it does not know, so zero checksums (0x8001) must not
  be offered to it; it says "connected" before DTLS is done.
- GStreamer's webrtcbin names no max-message-size and sends no more than the less of both sides':
  without one in its own description 64 KB, whatever the other side takes; \`send-data\` drops what is
  longer without a word, \`send-data-full\` says so. Our tests give it one, so it sends 256 KB. What is
  longer than 64 KB it hands over in pieces, each as a message.
- GStreamer's webrtcbin answers with the session number of the offer in its \`o=\` line, and is silent
  when it is closed: consent runs out after thirty seconds.
- Firefox gathers nothing on loopback, nor where there is no default route.
- Chromium gathers names of mDNS unless the page may use a camera; as answerer it is the DTLS client,
  and its first flight is a ClientHello in two datagrams. When the transceiver whose section a bundle
  is tagged by is stopped, it gives up the transport, DTLS and data channels with it: turn such a one
  inactive instead.
- Debian's Firefox brings no H.264. It decodes it with libavcodec once an empty library lies where it
  looks for the plug-in that others download, but sends none.
- GStreamer's rtph264pay sets parameter sets before every slice, so that a picture of several is none
  that ffmpeg takes; its offer says no packetization-mode when it is made before the encoder runs, and
  that means single units [rfc6184#8.1]. It sends no PLI for a film that begins in the middle.
- Pion's h264writer sees no keyframe behind an access unit delimiter.
- werift asks a STUN server on the internet when it is given none; as answerer it ends with an
  exception when the peer's INIT comes before it has begun SCTP; it cannot send empty messages. As
  DTLS server its Finished and a later record have the same number: the later one is dropped as a
  replay. It obeys a repeated stream reset as if it were new [rfc6525#5.2.1].
- aiortc offers one \`m=\` section only that others understand.
- Janus' echotest sets words before a text, and only answers; where Janus offers, a script of ours in
  its duktape plugin does (\`tests/interop/janus_offerer.js\`). A plugin may send data only once Janus
  has told it that it may, which can be after the first message has come.
`;

export function writePage(rows) {
  const sign = { ok: '✓', 'ok, second try': '✓²', 'n/a': '–', FAILED: '✗' };
  const peers = [...new Set(rows.map(r => r.peer))];
  const names = [...new Set(rows.map(r => r.name))];
  const cell = (peer, name) => [true, false].map(weOffer => {
    const row = rows.find(r => r.peer === peer && r.name === name && r.weOffer === weOffer);
    return row ? sign[row.result] : ' ';
  }).join(' / ');
  const lines = ['| |', '|---|'];
  for (const peer of peers) {
    lines[0] += ` ${peer} |`;
    lines[1] += ':-:|';
  }
  for (const name of names) lines.push(`| ${name} | ${peers.map(p => cell(p, name)).join(' | ')} |`);
  const reasons = peers.flatMap(peer => {
    const why = new Map();
    for (const r of rows.filter(r => r.peer === peer && r.result === 'n/a')) {
      why.set(r.detail, [...new Set([...(why.get(r.detail) ?? []), r.name])]);
    }
    return why.size === 0 ? [] : [`**${peer}**`, '',
      ...[...why].map(([detail, cases]) => `- ${detail}: no “${cases.join('”, “')}”`), ''];
  });
  const text = preamble + lines.join('\n') +
    '\n\n## What a peer cannot do\n\n' + reasons.join('\n') + '\n' + traps;
  const file = new URL('../../docs/interop.md', import.meta.url);
  fs.mkdirSync(new URL('.', file), { recursive: true });
  fs.writeFileSync(file, text);
}
