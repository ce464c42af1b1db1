// The order in which a session may tell of its states, as an application is promised it.
#pragma once
#include <optional>
#include <set>
#include <string>

#include "peer/session_types.hpp"

namespace esp_peer::sim {

std::string_view name_of(peer::State state);

class StateLaw {
 public:
  // What is wrong with this event after those before it; nothing when all is well.
  std::optional<std::string> hear(const peer::Event& event);

  peer::State connection() const { return connection_; }
  std::size_t open_channels() const { return open_.size(); }
  int attempts() const { return attempts_; }

 private:
  std::optional<std::string> hear_connection(peer::State next);
  std::optional<std::string> hear_data(peer::State next);
  std::optional<std::string> hear_media(peer::State next);

  peer::State connection_ = peer::State::closed;
  // The last about each since it was connected.
  peer::State data_ = peer::State::closed, audio_ = peer::State::closed;
  peer::State video_ = peer::State::closed, keyframe_ = peer::State::closed;
  bool data_connected_ = false;
  int attempts_ = 0;
  std::set<std::uint16_t> open_, used_;
  std::optional<peer::State> owed_;  // the state that must come next
};

}  // namespace esp_peer::sim
