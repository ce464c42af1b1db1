// One visitor of the page: a peer that shows a test picture and plays a tone, counts what comes of
// the visitor's camera, and answers in the chat.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "esp_peer_ext.h"
#include "test_picture.hpp"
#include "tone.hpp"

using Clock = std::chrono::steady_clock;

// What is due again and again. What is late comes in a burst, unless it is very late: then the
// clock has jumped, and what was missed is left out.
class Beat {
 public:
  explicit Beat(std::chrono::milliseconds interval) : interval_(interval) {}

  void start(Clock::time_point now) { next_ = now; }
  // When it was due, each time once.
  std::optional<Clock::time_point> poll(Clock::time_point now) {
    if (now < next_) return std::nullopt;
    if (now - next_ > std::chrono::seconds(1)) next_ = now;
    return std::exchange(next_, next_ + interval_);
  }

 private:
  Clock::duration interval_;
  Clock::time_point next_;
};

class Session {
 public:
  static constexpr auto longest = std::chrono::minutes(10);

  // `loopback_only`: it is reached from this machine alone.
  Session(const TestPicture& film, bool loopback_only)
      : loopback_only_(loopback_only), showing_(film) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The answer to a browser's offer; nothing when that is none which we understand. Once.
  std::optional<std::string> answer(std::string offer);
  // The visitor has left, or has been here for the longest time.
  bool is_over() const { return over_; }

 private:
  struct Counted {
    unsigned frames = 0;
    std::uint64_t bytes = 0;
  };

  bool open();
  void run(const std::stop_token& stop);
  void play(Clock::time_point now);
  void show_picture(std::uint32_t pts);
  void tell_statistics();
  void say(std::uint16_t channel, std::string text);

  void on_state(esp_peer_state_t state);
  void on_channel_open(std::string_view label, std::uint16_t channel);
  void on_data(std::uint16_t channel, std::string_view text);

  bool loopback_only_;
  esp_peer_handle_t peer_ = nullptr;
  std::string description_;  // ours, once it has been said
  std::atomic<bool> over_ = false;

  // Only the thread knows these.
  Clock::time_point began_;  // when the connection did
  bool connected_ = false;
  Beat pictures_{std::chrono::milliseconds(1000 / TestPicture::frames_per_second)};
  Beat sounds_{std::chrono::milliseconds(tone_frame_ms)};
  Beat seconds_{std::chrono::milliseconds(1000)};
  Showing showing_;
  ToneFrame tone_ = make_tone();
  unsigned keyframes_asked_ = 0;
  Counted camera_;  // within this second
  std::optional<std::uint16_t> chat_, statistics_;

  std::jthread thread_;
};
