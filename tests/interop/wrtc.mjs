// libwebrtc without a browser: the npm package @roamhq/wrtc.
import { emit, load, serve, versionOf } from './lines.mjs';
import { standard } from './standard.mjs';

const { RTCPeerConnection } = load('@roamhq/wrtc');
serve(`libwebrtc (@roamhq/wrtc ${versionOf('@roamhq/wrtc')})`,
  standard(emit, { connection: () => new RTCPeerConnection() }));
