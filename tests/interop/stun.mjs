// A STUN server that sees everybody at port 9 of the address that asks [rfc8489#7.3.1], and says so
// when it is told to: a candidate that is found later than all others, and at which nobody is met.
import dgram from 'node:dgram';

const discard = 9, cookie = 0x2112a442;

function answer(request, address) {
  const response = Buffer.alloc(32);
  response.writeUInt16BE(0x0101, 0); // success of Binding
  response.writeUInt16BE(12, 2);
  request.copy(response, 4, 4, 20); // cookie and transaction
  response.writeUInt16BE(0x0020, 20); // XOR-MAPPED-ADDRESS
  response.writeUInt16BE(8, 22);
  response.writeUInt16BE(1, 24); // IPv4
  response.writeUInt16BE(discard ^ (cookie >>> 16), 26);
  const ip = address.split('.').reduce((n, byte) => n * 256 + Number(byte), 0);
  response.writeUInt32BE((ip ^ cookie) >>> 0, 28);
  return response;
}

export async function stunServer(address) {
  const socket = dgram.createSocket('udp4');
  let waiting = []; // until it is told to answer: a few, since requests are repeated slowly
  const say = ({ request, from }) => socket.send(answer(request, from.address), from.port, from.address);
  socket.on('message', (request, from) => {
    if (request.length < 20 || request.readUInt16BE(0) !== 1) return;
    if (waiting) waiting.push({ request, from });
    else say({ request, from });
  });
  await new Promise(r => socket.bind(0, address, r));
  return {
    url: `stun:${address}:${socket.address().port}`,
    answerNow() {
      waiting?.forEach(say);
      waiting = null;
    },
    close: () => socket.close(),
  };
}
