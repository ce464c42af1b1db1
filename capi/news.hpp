// What the application is to be told, in its order, and the calls that tell it.
#pragma once
#include <array>
#include <cstdint>
#include <utility>

#include "base/containers.hpp"
#include "capi/api.hpp"
#include "peer/session_types.hpp"

namespace esp_peer::capi {

struct News {
  enum class Kind : std::uint8_t {
    state,
    description,
    candidate,
    channel_open,
    channel_close,
    message,
    audio_info,
    audio,
    video_info,
    video,
    writable,
    count,
  };
  Kind kind = Kind::state;
  peer::State state = peer::State::closed;  // of state
  peer::Failure why = peer::Failure::none;  // of a state that ends a connection
  bool is_string = false;                   // of message
  std::uint16_t stream = 0;                 // of the channels and message
  std::uint32_t pts = 0;                    // of audio and video
  std::uint64_t ntp = 0;                    // the same in wall time of the peer; 0 = not known
  peer::AudioOptions audio{};               // of audio_info
  peer::VideoOptions video{};               // of video_info
  Buffer body{};                            // SDP, candidate, label, message or frame
};

// Calls the callback for it, if the application has one. What that returns is not looked at.
void tell(const esp_peer_cfg_t& application, News& news);

class NewsQueue {
 public:
  explicit NewsQueue(Memory& memory) : news_(memory) {}

  void push(News news) {
    const News::Kind kind = news.kind;
    const std::size_t size = news.body.size();
    if (make_room() && news_.push_back(std::move(news))) bytes_of(kind) += size;
  }
  // A piece of news whose text could not be kept is lost too.
  void push_text(News news, bool kept) { kept ? push(std::move(news)) : void(no_memory_ = true); }
  // The next piece will not be lost.
  bool make_room() {
    const bool made = news_.make_room();
    no_memory_ = no_memory_ || !made;
    return made;
  }
  News pop() {
    News first = std::move(news_.front());
    news_.pop_front();
    bytes_of(first.kind) -= first.body.size();
    return first;
  }
  // Something could not be kept, since the last question.
  bool lacked_memory() { return std::exchange(no_memory_, false); }

  bool empty() const { return news_.empty(); }
  std::size_t size() const { return news_.size(); }
  std::size_t bytes(News::Kind kind) const { return bytes_[static_cast<std::size_t>(kind)]; }

 private:
  std::size_t& bytes_of(News::Kind kind) { return bytes_[static_cast<std::size_t>(kind)]; }

  // Holds what one round of receiving gave: no more than the receive window for each channel's
  // association, and a frame for each datagram; the next round waits until all of it is told. With
  // a background thread there are more rounds; DefaultPeer bounds them.
  Deque<News> news_;
  std::array<std::size_t, static_cast<std::size_t>(News::Kind::count)> bytes_{};
  bool no_memory_ = false;
};

}  // namespace esp_peer::capi
