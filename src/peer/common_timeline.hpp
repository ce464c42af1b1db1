// Puts video onto the timeline of audio: the reports of one sender say which moments of both are
// the same [rfc3550#6.4.1].
#pragma once
#include <cstdint>
#include <optional>

namespace esp_peer::peer {

// Moments are pts in milliseconds, with the sender's wall time beside it; 0 = not known.
class CommonTimeline {
 public:
  void on_audio(std::uint32_t pts, std::uint64_t ntp) {
    if (!audio_ && ntp != 0) shift_.reset();
    if (ntp != 0) {
      audio_ = {pts, ntp};
    } else {
      audio_.reset();  // another source, of which no report has come yet
    }
  }
  // The pts of a picture. It is moved once, at the first picture of which it is known how far, for
  // reports differ by a little; and once more when a source of which nothing is known takes its
  // place, or that of the sound, and somebody says when its moments are.
  std::uint32_t on_video(std::uint32_t pts, std::uint64_t ntp) {
    if (ntp == 0) shift_.reset();
    if (ntp != 0 && !shift_ && audio_) {
      shift_ = audio_->pts + milliseconds_between(audio_->ntp, ntp) - pts;
    }
    return pts + shift_.value_or(0);
  }

 private:
  struct Moment {
    std::uint32_t pts;
    std::uint64_t ntp;
  };
  // Rounded to the nearest; mod 2^32, as pts is.
  static std::uint32_t milliseconds_between(std::uint64_t from, std::uint64_t to) {
    const std::uint64_t elapsed = to - from;  // its upper half wraps as the result does
    const std::uint64_t fraction = (elapsed & 0xFFFF'FFFF) * 1000 + 0x8000'0000;
    return static_cast<std::uint32_t>((elapsed >> 32) * 1000 + (fraction >> 32));
  }

  std::optional<Moment> audio_;  // the latest
  std::optional<std::uint32_t> shift_;
};

}  // namespace esp_peer::peer
