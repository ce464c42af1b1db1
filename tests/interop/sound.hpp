// Sound for the interop tests: a tone that is played in a loop, and what is heard of the peer.
#pragma once
#include <cstdint>
#include <fstream>
#include <iterator>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "esp_peer_ext.h"

namespace interop {

// The frames of a file, twenty milliseconds each and all of the same size: sounds.mjs has made it
// so.
class Sound {
 public:
  Sound() = default;
  Sound(const std::string& file, esp_peer_audio_codec_t codec)
      : size_(codec == ESP_PEER_AUDIO_CODEC_OPUS ? 80 : 160) {
    std::ifstream in(file, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
  }
  // Of an empty sound every frame is empty, and is refused.
  std::span<std::uint8_t> frame(std::size_t i) {
    const std::size_t frames = bytes_.size() / size_;
    if (frames == 0) return {};
    return std::span(bytes_).subspan(i % frames * size_, size_);
  }

 private:
  std::size_t size_ = 160;
  std::vector<std::uint8_t> bytes_;
};

// Counts what comes, and writes it down, each frame behind its size in two bytes.
class Ear {
 public:
  struct Heard {
    std::uint64_t frames = 0, bytes = 0;
    std::uint32_t first = 0, last = 0;  // pts
  };
  void record(const std::string& file) { out_.open(file, std::ios::binary | std::ios::trunc); }
  void hear(const esp_peer_audio_frame_t& frame) {
    const std::lock_guard lock(mutex_);
    if (heard_.frames++ == 0) heard_.first = frame.pts;
    heard_.last = frame.pts;
    heard_.bytes += static_cast<std::uint64_t>(frame.size);
    out_.put(static_cast<char>(frame.size >> 8)).put(static_cast<char>(frame.size));
    out_.write(reinterpret_cast<const char*>(frame.data), frame.size);
  }
  Heard heard() {
    const std::lock_guard lock(mutex_);
    out_.flush();
    return heard_;
  }

 private:
  std::mutex mutex_;
  Heard heard_;
  std::ofstream out_;
};

}  // namespace interop
