// Runs inside Janus, in its plugin "duktape": offers what it is told to offer, and says everything
// back that comes.
function getVersion() { return 1; }
function getVersionString() { return '1'; }
function getDescription() { return 'offers, and is an echo'; }
function getName() { return 'offerer'; }
function getAuthor() { return 'esp_peer'; }
function getPackage() { return 'janus.plugin.duktape'; }

// What is to be said back by whom; Janus lets nobody speak before it has said that data is ready.
var waiting = {};
function sayBack(id, how) {
  if (waiting[id]) waiting[id].push(how); else how();
}

function init() {}
function destroy() {}
function createSession(id) {
  waiting[id] = [];
  ['audio', 'data'].forEach(function (kind) {
    configureMedium(id, kind, 'in', true);
    configureMedium(id, kind, 'out', true);
  });
}
function destroySession() {}
function querySession() { return null; }
// The body says what to offer; the answer to it comes with a body that says nothing.
function handleMessage(id, transaction, body) {
  var offer = JSON.parse(body).offer;
  if (offer) pushEvent(id, transaction, '{}', JSON.stringify({ type: 'offer', sdp: offer }));
  return '{}';
}
function setupMedia(id) { addRecipient(id, id); }
function hangupMedia(id) { removeRecipient(id, id); }
function incomingTextData(id, text, size, label, protocol) {
  sayBack(id, function () { relayTextData(id, text, size, label, protocol); });
}
function incomingBinaryData(id, bytes, size, label, protocol) {
  sayBack(id, function () { relayBinaryData(id, bytes, size, label, protocol); });
}
function dataReady(id) {
  var late = waiting[id] || [];
  waiting[id] = null;
  late.forEach(function (how) { how(); });
}
function resumeScheduler() {}
