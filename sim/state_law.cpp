#include "sim/state_law.hpp"

#include "peer/states.hpp"

namespace esp_peer::sim {

using peer::State;

std::string_view name_of(State state) {
  constexpr std::string_view names[] = {
      "closed",      "disconnected",  "new_connection",    "gathering",      "pairing",
      "paired",      "connecting",    "connected",         "connect_failed", "data_connected",
      "data_opened", "data_closed",   "data_disconnected", "audio_added",    "audio_removed",
      "video_added", "video_removed", "keyframe_wanted"};
  return names[static_cast<std::size_t>(state)];
}

std::optional<std::string> StateLaw::hear(const peer::Event& event) {
  const auto* changed = std::get_if<peer::StateChanged>(&event);
  if (owed_ && !(changed && changed->state == *owed_)) {
    return "not followed by " + std::string(name_of(*owed_));
  }
  if (changed) {
    if (changed->state > State::data_disconnected) return hear_media(changed->state);
    const bool of_data = changed->state >= State::data_connected;
    return of_data ? hear_data(changed->state) : hear_connection(changed->state);
  }
  if (const auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
    owed_ = State::data_opened;
    const auto id = static_cast<std::uint16_t>(opened->stream);
    if (!open_.insert(id).second) return "channel opened twice";
    used_.insert(id);
    if (!data_connected_) return "channel opened before data_connected";
  }
  if (const auto* closed = std::get_if<peer::ChannelClosed>(&event)) {
    owed_ = State::data_closed;
    // One that was not open was created here, and the peer did not open it.
    open_.erase(static_cast<std::uint16_t>(closed->stream));
    if (!data_connected_) return "channel closed before data_connected";
  }
  return std::nullopt;
}

std::optional<std::string> StateLaw::hear_connection(State next) {
  const State before = std::exchange(connection_, next);
  if (next == State::new_connection) {
    ++attempts_;
    used_.clear();
  }
  if (next == State::connected) data_ = audio_ = video_ = keyframe_ = next;
  if (next == State::disconnected) {
    if (!open_.empty()) return "disconnected with an open channel";
    if (data_connected_) return "disconnected before data_disconnected";
  }
  if (peer::may_follow(peer::transitions, before, next)) return std::nullopt;
  return std::string(name_of(next)) + " after " + std::string(name_of(before));
}

std::optional<std::string> StateLaw::hear_media(State next) {
  if (connection_ != State::connected) return "news of media while not connected";
  const auto follow = [next](State& last, const auto& table) -> std::optional<std::string> {
    const State before = std::exchange(last, next);
    if (peer::may_follow(table, before, next)) return std::nullopt;
    return std::string(name_of(next)) + " after " + std::string(name_of(before));
  };
  if (next == State::keyframe_wanted) return follow(keyframe_, peer::keyframe_transitions);
  const bool of_video = next == State::video_added || next == State::video_removed;
  return of_video ? follow(video_, peer::video_transitions)
                  : follow(audio_, peer::audio_transitions);
}

std::optional<std::string> StateLaw::hear_data(State next) {
  const bool owed = owed_.has_value();
  owed_.reset();
  const State before = std::exchange(data_, next);
  if (!peer::may_follow(peer::data_transitions, before, next)) {
    return std::string(name_of(next)) + " after " + std::string(name_of(before));
  }
  switch (next) {
    case State::data_connected:
      if (connection_ != State::connected) return "data_connected while not connected";
      if (std::exchange(data_connected_, true)) return "data_connected twice";
      return std::nullopt;
    case State::data_disconnected:
      if (!open_.empty()) return "data_disconnected with an open channel";
      if (!std::exchange(data_connected_, false)) return "data_disconnected, never connected";
      return std::nullopt;
    default:
      if (!owed) return std::string(name_of(next)) + " without a channel";
      return std::nullopt;
  }
}

}  // namespace esp_peer::sim
