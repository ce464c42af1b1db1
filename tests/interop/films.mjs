// Films for the peers to send, made by ffmpeg once, and what ffmpeg says of those that came.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const folder = path.join(process.env.ESP_PEER_BUILD, 'interop_films');
fs.mkdirSync(folder, { recursive: true });

const picture = ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=30', '-t', '3'];
const encoder = {
  // One keyframe, the first: who starts later has to ask for it. Delimiters say where a picture begins.
  h264: ['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-profile:v', 'baseline', '-level', '3.1', '-preset',
    'ultrafast', '-tune', 'zerolatency', '-g', '90', '-sc_threshold', '0', '-bf', '0', '-b:v', '600k',
    '-x264-params', 'repeat-headers=1:aud=1', '-f', 'h264'],
  // RTP carries no Huffman tables: they have to be the usual ones [rfc2435#4.2].
  mjpeg: ['-pix_fmt', 'yuvj420p', '-c:v', 'mjpeg', '-huffman', 'default', '-q:v', '8', '-f', 'mjpeg'],
};

const made = {};
// The file of a film in this codec.
export function film(codec) {
  const file = path.join(folder, `film.${codec}`);
  made[codec] ??= run('ffmpeg', [...picture, ...encoder[codec], file]).then(() => file);
  return made[codec];
}

// How many pictures a file of this codec has; whatever ffmpeg finds wrong is an error.
export async function pictures(file, codec) {
  const { stdout, stderr } = await run('ffmpeg', ['-v', 'warning', '-xerror', '-err_detect', 'explode', '-f', codec,
    '-i', file, '-fps_mode', 'passthrough', '-f', 'framecrc', '-'], { maxBuffer: 1 << 26 });
  const complaints = stderr.split('\n').filter(l => l && !/deprecated pixel format/.test(l));
  if (complaints.length > 0) throw new Error(`ffmpeg on ${file}: ${complaints.join('; ').slice(0, 300)}`);
  return stdout.split('\n').filter(l => l && !l.startsWith('#')).length;
}
