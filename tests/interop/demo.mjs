// A person at the page of examples/browser_demo: starts it, looks, listens, chats, hangs up, comes
// again, and is told when the program ends. What is seen and heard is what Chromium has decoded.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import readline from 'node:readline';
import { load } from './lines.mjs';
import { launchChromium } from './chromium.mjs';
import { drawsPictures } from './mjpeg.mjs';

const patience = Number(process.env.ESP_PEER_PATIENCE ?? 60000); // ms; only failures take so long
const screenshot = process.env.ESP_PEER_SCREENSHOT;

const began = Date.now();
const tell = what => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${what}`);

// Looks again and again until `look` gives something true, and says what it was.
async function until(what, look) {
  const end = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (seen) return tell(seen === true ? what : `${what}: ${seen}`);
    if (Date.now() > end) throw new Error(`after ${patience} ms not yet: ${what}`);
    await new Promise(r => setTimeout(r, 100));
  }
}

// ---------------------------------------------------------------- the program

// How the program ends when it is called like this.
const endOf = (...words) => new Promise((resolve, reject) => {
  spawn(`${process.env.ESP_PEER_BUILD}/examples/browser_demo`, words, { stdio: 'ignore', timeout: patience })
    .on('error', reject).on('close', (code, signal) => resolve(signal ?? code));
});
async function refusesNonsense() {
  for (const words of [['eighty'], ['80x'], ['65536'], ['-1'], ['--netwrok']]) {
    assert.equal(await endOf(...words), 2, `browser_demo ${words}`);
  }
  tell('what is no port is refused');
}

async function startProgram() {
  const program = spawn(`${process.env.ESP_PEER_BUILD}/examples/browser_demo`, ['0'],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  readline.createInterface({ input: program.stdout }).once('line', line => {
    program.url = /http:\/\/\S+\//.exec(line)[0];
  });
  program.once('close', (code, signal) => { program.how = signal ?? code; });
  await until('the program begins', () => program.url ?? program.how !== undefined);
  if (program.url) return program;
  throw new Error(`it ended at once: ${program.how}`);
}

// A request that no page would make.
const post = (url, headers, body) => new Promise((resolve, reject) => {
  const options = { method: 'POST', headers, timeout: patience };
  const request = http.request(url, options, r => r.resume().on('end', () => resolve(r.statusCode)));
  request.on('timeout', () => request.destroy(new Error('no response'))).on('error', reject).end(body);
});

async function refusesStrangers(url) {
  const sdp = { 'Content-Type': 'application/sdp' };
  assert.equal(await post(`${url}offer`, { 'Content-Type': 'text/plain' }, 'v=0'), 415, 'another type');
  assert.equal(await post(`${url}offer`, { ...sdp, Host: 'evil.example' }, 'v=0'), 403, 'another host');
  assert.equal(await post(`${url}offer`, sdp, 'v=0\r\nnonsense'), 400, 'no offer');
  assert.equal(await post(`${url}offer`, sdp, 'x'.repeat(100_000)), 413, 'too much');
  tell('strangers and nonsense are refused');
}

// ---------------------------------------------------------------- the page

// Runs in the page before its own code: makes its connections known, and, once `askForKeyframes` is
// set, has a worker look at what comes, which asks for a keyframe three pictures behind each.
function watchConnections() {
  window.connections = [];
  window.gaps = []; // pictures from one keyframe to the next
  const code = `onrtctransform = ({ transformer }) => {
    let pictures = NaN;
    transformer.readable.pipeThrough(new TransformStream({ transform(frame, out) {
      if (frame.type === 'key') {
        if (pictures) postMessage(pictures);
        pictures = 0;
      }
      if (++pictures === 4) transformer.sendKeyFrameRequest();
      out.enqueue(frame);
    } })).pipeTo(transformer.writable);
  };`;
  const look = ({ track, receiver }) => {
    if (!window.askForKeyframes || track.kind !== 'video') return;
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
    worker.onmessage = ({ data }) => gaps.push(data);
    receiver.transform = new RTCRtpScriptTransform(worker);
  };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(config) {
      // Without that flag Chromium takes the transform and gives it nothing; with it nothing of the
      // camera is sent, which has none.
      super({ ...config, encodedInsertableStreams: window.askForKeyframes });
      connections.push(this);
      this.addEventListener('track', look);
    }
  };
}

const text = (page, id) => page.locator(`#${id}`).textContent();

// What the <video> shows now, as numbers.
const look = (page, id) => page.evaluate(id => {
  const video = document.getElementById(id);
  if (!video.videoWidth) return null;
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 64, 36);
  return [...context.getImageData(0, 0, 64, 36).data];
}, id);

const inbound = (page, kind) => page.evaluate(async kind => {
  const rows = [...(await window.connections.at(-1).getStats()).values()];
  return rows.find(row => row.type === 'inbound-rtp' && row.kind === kind) ?? {};
}, kind);

// The loudest frequency of what the page plays, or nothing while it is silent.
const loudest = page => page.evaluate(async () => {
  window.ear ??= new AudioContext({ sampleRate: 8000 });
  const analyser = ear.createAnalyser();
  analyser.fftSize = 2048;
  const source = ear.createMediaStreamSource(document.getElementById('picture').srcObject);
  source.connect(analyser);
  await new Promise(r => setTimeout(r, 500));
  const decibels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(decibels);
  source.disconnect();
  const peak = decibels.indexOf(Math.max(...decibels));
  return decibels[peak] > -60 ? Math.round(peak * 8000 / 2048) : 0;
});

async function connects(page) {
  await page.click('#start');
  await until('connected', async () => await text(page, 'state') === 'connected');
}

async function pictureMoves(page) {
  await until('the picture is decoded', async () => {
    const { framesDecoded, frameWidth, frameHeight, decoderImplementation } = await inbound(page, 'video');
    return framesDecoded > 50 && `${framesDecoded} frames of ${frameWidth} × ${frameHeight} by ${decoderImplementation}`;
  });
  const before = await look(page, 'picture');
  await until('it moves', async () => {
    const now = await look(page, 'picture');
    const changed = now.filter((value, i) => Math.abs(value - before[i]) > 40).length;
    return changed > 50 && `${changed} values of ${now.length} differ`;
  });
  // Seven bars of colour at the top: what is decoded is the test picture, and no noise.
  const row = (await look(page, 'picture')).slice(0, 64 * 4);
  const at = x => row.slice(x * 4, x * 4 + 3);
  const near = (pixel, colour) => pixel.every((value, i) => Math.abs(value - colour[i]) < 60);
  assert.ok(near(at(4), [0, 0, 0]) && near(at(60), [255, 255, 255]), `bars at the edges: ${at(4)}, ${at(60)}`);
  await until('the page says so', async () => /^640 × 360, .* in all$/.test(await text(page, 'decoded')));
}

// By itself the film has a keyframe in every 25 pictures.
async function keyframeComesWhenAsked(page) {
  await until('a keyframe comes when it is asked for', async () => {
    const gaps = await page.evaluate(() => gaps);
    return Math.min(...gaps) < 22 && `after ${gaps} pictures`;
  });
  await until('the peer counts it', async () => Number(await text(page, 'asked')) > 0);
}

async function toneIsHeard(page) {
  await until('the tone is heard', async () => {
    const { audioLevel } = await inbound(page, 'audio');
    return audioLevel > 0 && `level ${audioLevel.toFixed(3)}`;
  });
  await until('it is one of 400 Hz', async () => {
    const hertz = await loudest(page);
    return Math.abs(hertz - 400) < 10 && `${hertz} Hz`;
  });
  await until('the page shows it', async () => await page.locator('#level').evaluate(meter => meter.value) > 0.01);
}

async function cameraArrives(page) {
  await until('the camera arrives', async () => {
    const said = await text(page, 'arrived');
    return /^[1-9]\d* frames\/s, [1-9]\d* kbit\/s$/.test(said) && said;
  });
}

async function chatAnswers(page, said) {
  await page.fill('#text', said);
  await page.press('#text', 'Enter');
  await until('the chat answers', async () => {
    const answer = (await page.locator('#said .its').allTextContents()).find(line => line.includes(said));
    return answer;
  });
}

// A fifth visitor is told to come later. None of these ever takes the answer.
async function isFullSoon(page) {
  const answers = await page.evaluate(async () => {
    const codes = [];
    for (let i = 0; i < 5; ++i) {
      const pc = new RTCPeerConnection();
      pc.createDataChannel('chat');
      await pc.setLocalDescription();
      const { status } = await fetch('offer', {
        method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp,
      });
      codes.push(status);
      pc.close();
    }
    return codes;
  });
  assert.equal(answers[0], 200, `the first of ${answers}`);
  assert.equal(answers.at(-1), 503, `the last of ${answers}`);
  tell(`a fifth visitor waits: ${answers}`);
}

// ---------------------------------------------------------------- the visit

await refusesNonsense();
const program = await startProgram();
let browser;
try {
  await refusesStrangers(program.url);
  browser = await launchChromium('--use-fake-device-for-media-stream');
  const page = await browser.newPage({ viewport: { width: 1000, height: 740 } });
  page.setDefaultTimeout(patience);
  page.on('pageerror', error => tell(`the page: ${error}`));
  await page.addInitScript(watchConnections);
  await page.goto(program.url);

  await connects(page);
  await pictureMoves(page);
  await toneIsHeard(page);
  await cameraArrives(page);
  await chatAnswers(page, 'Is anybody there?');
  await page.screenshot({ path: screenshot });
  tell(`screenshot: ${screenshot}`);

  await page.click('#start');
  assert.equal(await text(page, 'state'), 'not connected');
  await page.evaluate(() => { window.askForKeyframes = true; });
  await connects(page);
  await keyframeComesWhenAsked(page);
  await chatAnswers(page, 'I am back');
  await isFullSoon(page);

  program.kill('SIGSTOP'); // Ctrl-Z, and fg
  program.kill('SIGCONT');
  await chatAnswers(page, 'Are you still there?');
  assert.equal(program.how, undefined, 'it ended when it went on');
  const other = await browser.newPage();
  await other.goto(program.url);
  await drawsPictures(other, until);

  program.kill('SIGINT'); // Ctrl-C
  await until('the program ends', () => program.how !== undefined);
  assert.equal(program.how, 0, 'how the program ended');
  await until('the page hears of the end', async () => (await text(page, 'state')) !== 'connected');
  tell(`all works in Chromium ${browser.version()}`);
} finally {
  program.kill('SIGKILL');
  await browser?.close();
}
