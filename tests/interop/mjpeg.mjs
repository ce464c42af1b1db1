// JPEG pictures over a data channel, as examples/mjpeg_channel.c has it: a browser with that example's own
// lines draws what our peer sends.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ours, state } from './ours.mjs';

const example = fs.readFileSync(new URL('../../examples/mjpeg_channel.c', import.meta.url), 'utf8');
const lines = /A real browser shows what comes like this:\n \*\n([^]*?)\n \*\n \* \(/.exec(example)[1].replace(/^ \* {0,3}/gm, '');
const pictures = ['smpte_420.jpg', 'smpte_422.jpg'];

// Runs in the page, behind the lines of the example: answers an offer.
const answer = `async offer => {
  const image = document.body.appendChild(new Image());
  image.id = 'drawn';
  ${lines}
  window.camera = pc;
  await pc.setRemoteDescription({ type: 'offer', sdp: offer });
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== 'complete') await new Promise(r => setTimeout(r, 20));
  return pc.localDescription.sdp;
}`;
// Runs in the page: size and colours of what it draws, along the upper third.
const look = async () => {
  const image = document.getElementById('drawn');
  if (!image.complete || !image.naturalWidth) return null;
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const at = x => [...context.getImageData(x * width, height / 3, 1, 1).data.slice(0, 3)];
  return { source: image.src, width, height, colours: [0, 1, 2, 3, 4, 5, 6].map(i => at((i + 0.5) / 7)) };
};
// Of the test picture's seven bars.
const bars = [[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1]].map(c => c.map(v => v * 240));

export async function drawsPictures(page, until) {
  const ours = new Ours('--offer', '--manual');
  try {
    await ours.must({ do: 'connect' });
    const offer = await ours.wait('offer', e => e.event === 'sdp');
    await ours.must({ do: 'sdp', sdp: await page.evaluate(`(${answer})(${JSON.stringify(offer.sdp)})`) });
    await ours.waitState(state.dataConnected);
    await ours.must({ do: 'create', label: 'mjpeg', ordered: false, maxPacketLifeTime: 100 });
    const { stream } = await ours.waitOpen('mjpeg');
    let shown = '';
    for (const name of pictures) {
      const file = fileURLToPath(new URL(`../media/${name}`, import.meta.url));
      await until(`a browser draws ${name} that came through a channel`, async () => {
        await ours.must({ do: 'send', file, stream }); // which may be given up
        const drawn = await page.evaluate(look);
        if (!drawn || drawn.source === shown) return false;
        const off = Math.max(...drawn.colours.flatMap((c, i) => c.map((value, k) => Math.abs(value - bars[i][k]))));
        assert.ok(off < 60, `colours ${JSON.stringify(drawn.colours)}`);
        shown = drawn.source;
        return `${drawn.width} × ${drawn.height}, colours at most ${off} off`;
      });
    }
    await page.evaluate(() => window.camera.close());
  } finally {
    await ours.quit();
  }
}
