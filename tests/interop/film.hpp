// Video for the interop tests: a film that is sent in a loop, and what is seen of the peer's.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "esp_peer_ext.h"

namespace interop {

// The access units of an H.264 file, of which each begins with a delimiter, or the images of an
// MJPEG file. The first is a keyframe.
class Film {
 public:
  Film() = default;
  Film(const std::string& file, esp_peer_video_codec_t codec) {
    std::ifstream in(file, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    const std::string start = codec == ESP_PEER_VIDEO_CODEC_H264 ? std::string("\0\0\0\1\x09", 5)
                                                                 : std::string("\xFF\xD8\xFF", 3);
    for (auto at = bytes_.find(start); at != bytes_.npos; at = bytes_.find(start, at + 1))
      starts_.push_back(at);
  }
  std::size_t size() const { return starts_.size(); }
  std::span<std::uint8_t> frame(std::size_t i) {
    const std::size_t end = i + 1 < starts_.size() ? starts_[i + 1] : bytes_.size();
    return {reinterpret_cast<std::uint8_t*>(bytes_.data()) + starts_[i], end - starts_[i]};
  }

 private:
  std::string bytes_;
  std::vector<std::size_t> starts_;
};

// Sends a film thirty times a second. Who asks for a keyframe gets it with the next frame.
class Projector {
 public:
  static constexpr std::uint32_t frames_per_second = 30;

  void load(Film film) { film_ = std::move(film); }
  void start(esp_peer_handle_t peer, std::size_t first) {
    running_ =
        std::jthread([this, peer, first](const std::stop_token& stop) { run(peer, first, stop); });
  }
  void stop() { running_ = {}; }  // says so, and waits
  void want_keyframe() { keyframe_wanted_ = true; }

  int sent() const { return sent_; }
  int refused() const { return refused_; }
  int result() const { return result_; }  // of the last frame
  // By how many milliseconds a frame was late, at most, since this was asked last: so long this
  // machine had no time for us.
  int take_stall() { return stall_.exchange(0); }

 private:
  void run(esp_peer_handle_t peer, std::size_t next, const std::stop_token& stop) {
    using namespace std::chrono;
    const auto began = steady_clock::now();
    for (std::uint32_t i = 0; film_.size() != 0 && !stop.stop_requested(); ++i) {
      const auto due = began + microseconds(std::uint64_t{i} * 1'000'000 / frames_per_second);
      std::this_thread::sleep_until(due);
      const auto late = duration_cast<milliseconds>(steady_clock::now() - due).count();
      if (late > stall_) stall_ = static_cast<int>(late);
      if (keyframe_wanted_.exchange(false)) next = 0;
      const auto data = film_.frame(next % film_.size());
      esp_peer_video_frame_t frame{};
      frame.pts = static_cast<std::uint32_t>(std::uint64_t{pictures_++} * 1000 / frames_per_second);
      frame.data = data.data();
      frame.size = static_cast<int>(data.size());
      result_ = esp_peer_send_video(peer, &frame);
      if (result_ == ESP_PEER_ERR_NONE) {
        ++sent_, ++next;
      } else {  // what follows would build on what is missing
        ++refused_, next = 0;
      }
    }
  }

  Film film_;
  std::uint32_t pictures_ = 0;
  std::atomic<bool> keyframe_wanted_{false};
  std::atomic<int> sent_{0}, refused_{0}, result_{0}, stall_{0};
  std::jthread running_;
};

// Counts what comes, and writes it into a file that a decoder can read.
class Screen {
 public:
  struct Seen {
    std::uint64_t frames = 0, bytes = 0;
    std::uint32_t first = 0, last = 0;  // pts
    std::chrono::milliseconds took{0};  // from the first to the last, by our clock
  };
  void record(const std::string& file) { out_.open(file, std::ios::binary | std::ios::trunc); }
  void show(const esp_peer_video_frame_t& frame) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (seen_.frames++ == 0) {
      seen_.first = frame.pts;
      began_ = now;
    }
    seen_.last = frame.pts;
    seen_.took = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_);
    seen_.bytes += static_cast<std::uint64_t>(frame.size);
    out_.write(reinterpret_cast<const char*>(frame.data), frame.size);
  }
  Seen seen(bool end_of_recording) {
    const std::lock_guard lock(mutex_);
    if (end_of_recording) out_.close();
    return seen_;
  }

 private:
  std::mutex mutex_;
  Seen seen_;
  std::chrono::steady_clock::time_point began_;
  std::ofstream out_;
};

}  // namespace interop
