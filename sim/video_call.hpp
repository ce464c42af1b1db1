// A call with a camera at each end, over a network as bad as asked for: which of the frames arrive
// whole, and when.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/pair.hpp"

namespace esp_peer::sim {

// An access unit of H.264 that says which it is; a keyframe has its parameter sets in front.
std::string picture(std::uint32_t pts, bool keyframe, std::size_t size);

struct VideoCallOptions {
  std::uint64_t seed = 1;
  PairOptions pair{};                     // without what follows
  LinkOptions link{};                     // from the moment on that both are connected
  Duration hold = milliseconds(100);      // cache_timeout
  std::size_t cache = 400'000;            // cache_size
  std::int64_t bytes_a_second = 250'000;  // 2 Mbit/s
  std::int64_t frames_a_second = 30;
  std::size_t keyframe_factor = 3;  // so much larger than the others
};

// Of both directions together.
struct VideoCallReport {
  std::size_t given = 0, whole = 0;
  std::size_t keyframes_asked_for = 0;
  std::vector<Duration> latencies;  // of what arrived, sorted
  std::size_t most_memory = 0;      // of one peer, above what it had when it was connected
  std::vector<std::string> failures;

  double share() const { return given == 0 ? 0 : double(whole) / double(given); }
  // The latency that so large a part of the frames stays below.
  Duration latency(double part) const;
};

class VideoCall {
 public:
  explicit VideoCall(const VideoCallOptions& options);

  bool connect();
  // Both film for so long.
  void film(Duration length);
  // What is on its way arrives; then all that there is to say.
  VideoCallReport report();

  World& world() { return world_; }
  Pair& pair() { return *pair_; }
  // Of one end: how many frames of the other's camera have come whole.
  std::size_t came_to(const Peer& peer) const { return eye_of(peer).whole; }

 private:
  struct Shot {
    std::uint32_t pts;
    bool keyframe;
    std::size_t size;
    Instant given;
  };
  struct Eye {  // of one end, on the other's camera
    std::vector<Shot> shots;
    std::size_t next = 0, whole = 0;
    bool keyframe_wanted = true;
  };
  // On what this peer's camera shows, or what has come to it.
  Eye& eye_on(const Peer& sender) { return &sender == pair_->left.get() ? eyes_[1] : eyes_[0]; }
  const Eye& eye_of(const Peer& receiver) const {
    return &receiver == pair_->left.get() ? eyes_[0] : eyes_[1];
  }
  void shoot(Peer& from);
  void look(Peer& at, const peer::VideoFrame& frame);
  void weigh();

  VideoCallOptions options_;
  World world_;
  std::unique_ptr<Pair> pair_;
  Eye eyes_[2];
  VideoCallReport report_;
  std::int64_t frames_ = 0;
  std::size_t memory_before_[2] = {};
};

}  // namespace esp_peer::sim
