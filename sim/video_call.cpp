#include "sim/video_call.hpp"

#include <algorithm>
#include <utility>

namespace esp_peer::sim {

std::string picture(std::uint32_t pts, bool keyframe, std::size_t size) {
  const std::string code("\0\0\0\1", 4);
  std::string out;
  if (keyframe) out = code + "\x67\x42\xC0\x1F\xDA\x01" + code + "\x68\xCE\x3C\x80";
  out += code + (keyframe ? "\x65" : "\x41") + std::to_string(pts) + " ";
  while (out.size() < size) out += static_cast<char>('a' + out.size() % 26);
  return out;
}

Duration VideoCallReport::latency(double part) const {
  if (latencies.empty()) return Duration(0);
  const auto last = latencies.size() - 1;
  return latencies[std::min(last, static_cast<std::size_t>(part * double(latencies.size())))];
}

VideoCall::VideoCall(const VideoCallOptions& options) : options_(options), world_(options.seed) {
  PairOptions& pair = options_.pair;
  for (PeerOptions* peer : {&pair.left, &pair.right}) {
    auto& session = peer->session;
    session.video.codec = sdp::VideoCodec::h264;
    session.video_limits.receiver.buffer.longest_hold = options.hold;
    session.video_limits.receiver.buffer.most_bytes = options.cache;
    session.auto_reconnect = false;
  }
  pair_ = std::make_unique<Pair>(world_, pair);
  pair_->on_event = [this](Peer& peer, const peer::Event& event) {
    const auto* changed = std::get_if<peer::StateChanged>(&event);
    if (!changed || changed->state != peer::State::keyframe_wanted) return;
    eye_on(peer).keyframe_wanted = true;
    ++report_.keyframes_asked_for;
  };
  for (Peer* peer : {pair_->left.get(), pair_->right.get()}) {
    peer->on_video = [this, peer](const peer::VideoFrame& frame) { look(*peer, frame); };
  }
}

bool VideoCall::connect() {
  world_.time.allow_steps(10'000'000);
  pair_->connect();
  if (!pair_->run_until([this] {
        return pair_->left_ear.said(peer::State::connected) &&
               pair_->right_ear.said(peer::State::connected);
      })) {
    return false;
  }
  pair_->run_for(seconds(1));
  world_.network.set_default_link(options_.link);
  world_.network.for_each_link([this](LinkOptions& link) { link = options_.link; });
  memory_before_[0] = pair_->left->memory().live();
  memory_before_[1] = pair_->right->memory().live();
  return true;
}

void VideoCall::film(Duration length) {
  for (const Instant end = world_.time.now() + length; world_.time.now() < end; ++frames_) {
    shoot(*pair_->left);
    shoot(*pair_->right);
    weigh();
    // Without a remainder that adds up.
    pair_->run_for(Duration((frames_ + 1) * 1'000'000 / options_.frames_a_second -
                            frames_ * 1'000'000 / options_.frames_a_second));
    weigh();
  }
}

void VideoCall::shoot(Peer& from) {
  Eye& eye = eye_on(from);
  const bool keyframe = std::exchange(eye.keyframe_wanted, false);
  const auto size = static_cast<std::size_t>(options_.bytes_a_second / options_.frames_a_second) *
                    (keyframe ? options_.keyframe_factor : 1);
  const auto pts = static_cast<std::uint32_t>(1'000 + frames_ * 1'000 / options_.frames_a_second);
  ++report_.given;
  // What is refused is a picture too, which the next one refers to.
  eye.shots.push_back({pts, keyframe, size, world_.time.now()});
  if (!pair_->send_video(from, pts, picture(pts, keyframe, size))) {
    eye.keyframe_wanted = eye.keyframe_wanted || keyframe;
  }
}

// Frames come in their order, each once, as they were given, and behind a gap from a keyframe on.
void VideoCall::look(Peer& at, const peer::VideoFrame& frame) {
  Eye& eye = &at == pair_->left.get() ? eyes_[0] : eyes_[1];
  const std::size_t expected = eye.next;
  while (eye.next < eye.shots.size() && eye.shots[eye.next].pts != frame.pts) ++eye.next;
  if (eye.next == eye.shots.size()) {
    return world_.fail(at.name() + ": twice or out of order: " + std::to_string(frame.pts));
  }
  const Shot& shot = eye.shots[eye.next];
  if (eye.next++ != expected && !shot.keyframe) {
    world_.fail(at.name() + ": refers to a picture that never came: " + std::to_string(frame.pts));
  }
  if (as_text(frame.data.bytes()) != picture(shot.pts, shot.keyframe, shot.size)) {
    return world_.fail(at.name() + ": broken: " + std::to_string(frame.pts));
  }
  ++eye.whole;
  report_.latencies.push_back(world_.time.now() - shot.given);
}

void VideoCall::weigh() {
  Peer* const peers[] = {pair_->left.get(), pair_->right.get()};
  for (int i = 0; i < 2; ++i) {
    const std::size_t live = peers[i]->memory().live();
    report_.most_memory = std::max(report_.most_memory, live - std::min(live, memory_before_[i]));
  }
}

VideoCallReport VideoCall::report() {
  world_.network.for_each_link([](LinkOptions& link) { link.loss = link.burst_begin = 0; });
  pair_->run_for(seconds(2));
  if (world_.time.exhausted()) world_.fail("the call was longer than the simulation allows");
  report_.whole = eyes_[0].whole + eyes_[1].whole;
  std::sort(report_.latencies.begin(), report_.latencies.end());
  report_.failures = world_.failures;
  return report_;
}

}  // namespace esp_peer::sim
