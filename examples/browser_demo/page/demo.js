// The browser's half: offers a connection, shows what comes, and says how it goes.
const $ = id => document.getElementById(id);
let call; // the connection there is, with what belongs to it

// A camera is welcome, and not needed.
async function openCamera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360, frameRate: 25 } });
  } catch (error) {
    $('arrived').textContent = `no camera: ${error.name}`;
    return null;
  }
}

// The offer goes out with all our candidates in it, or with those there are after two seconds.
async function describe(pc) {
  await pc.setLocalDescription();
  await new Promise(resolve => {
    const look = () => pc.iceGatheringState === 'complete' && resolve();
    pc.addEventListener('icegatheringstatechange', look);
    setTimeout(resolve, 2000);
    look();
  });
  return pc.localDescription.sdp;
}

async function post(offer) {
  const response = await fetch('offer', {
    method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: offer,
  });
  if (response.status === 503) throw new Error('others are here already; try again later');
  if (!response.ok) throw new Error(`the offer was refused (${response.status})`);
  return response.text();
}

async function start() {
  const pc = new RTCPeerConnection();
  const mine = call = { pc };
  $('start').textContent = 'Hang up';
  try {
    const camera = await openCamera();
    if (mine !== call) return camera?.getTracks().forEach(track => track.stop());
    mine.camera = $('camera').srcObject = camera;

    const received = new MediaStream();
    $('picture').srcObject = received;
    pc.ontrack = ({ track }) => received.addTrack(track);
    pc.onconnectionstatechange = () => {
      if (mine !== call) return;
      if (pc.connectionState === 'failed') hangUp('no connection; Firefox wants --network');
      else $('state').textContent = pc.connectionState;
    };
    pc.addTransceiver('audio', { direction: 'recvonly' });
    if (camera) pc.addTrack(camera.getVideoTracks()[0]);
    else pc.addTransceiver('video', { direction: 'recvonly' });
    openChat(pc);
    openStatistics(pc, camera);

    const answer = await post(await describe(pc));
    if (mine === call) await pc.setRemoteDescription({ type: 'answer', sdp: answer });
  } catch (error) {
    if (mine === call) hangUp(error.message);
  }
}

function hangUp(why) {
  const { pc, camera } = call;
  call = null;
  pc.close();
  camera?.getTracks().forEach(track => track.stop());
  $('picture').srcObject = $('camera').srcObject = null;
  $('decoded').textContent = $('arrived').textContent = $('asked').textContent = '–';
  $('level').value = 0;
  $('text').disabled = true;
  $('start').textContent = 'Start';
  $('state').textContent = why;
}

function openChat(pc) {
  const channel = pc.createDataChannel('chat');
  channel.onopen = () => { $('text').disabled = false; };
  channel.onclose = () => pc === call?.pc && hangUp('it has hung up');
  channel.onmessage = ({ data }) => note('its', data);
  $('say').onsubmit = event => {
    event.preventDefault();
    if (!$('text').value || channel.readyState !== 'open') return;
    channel.send($('text').value);
    note('mine', $('text').value);
    $('text').value = '';
  };
}

function note(whose, text) {
  const line = document.createElement('li');
  line.className = whose;
  line.textContent = text;
  $('said').append(line);
  line.scrollIntoView({ block: 'nearest' });
}

// Once a second it tells what has come of our camera.
function openStatistics(pc, camera) {
  pc.createDataChannel('statistics').onmessage = ({ data }) => {
    if (pc !== call?.pc) return;
    const { frames, bytes, keyframesAsked } = JSON.parse(data);
    if (camera) $('arrived').textContent = `${frames} frames/s, ${Math.round(bytes * 8 / 1000)} kbit/s`;
    $('asked').textContent = keyframesAsked;
  };
}

// What has come here, as the browser sees it.
setInterval(async () => {
  const pc = call?.pc;
  const rows = pc ? [...(await pc.getStats()).values()] : [];
  if (pc !== call?.pc) return;
  const of = kind => rows.find(row => row.type === 'inbound-rtp' && row.kind === kind);
  const audio = of('audio'), video = of('video');
  if (audio) $('level').value = audio.audioLevel ?? 0;
  if (video) {
    $('decoded').textContent = `${video.frameWidth ?? 0} × ${video.frameHeight ?? 0}, ` +
      `${video.framesPerSecond ?? 0} frames/s, ${video.framesDecoded} in all`;
  }
}, 250);

$('start').onclick = () => call ? hangUp('not connected') : start();
