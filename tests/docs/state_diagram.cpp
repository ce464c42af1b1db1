// Draws the states of a handle from the tables that the code has of them, for docs/migration.md.
#include <cstdio>

#include "peer/states.hpp"

namespace {

using esp_peer::peer::State;

const char* name_of(State state) {
  switch (state) {
    case State::closed:
      return "CLOSED";
    case State::disconnected:
      return "DISCONNECTED";
    case State::new_connection:
      return "NEW_CONNECTION";
    case State::gathering:
      return "CANDIDATE_GATHERING";
    case State::pairing:
      return "PAIRING";
    case State::paired:
      return "PAIRED";
    case State::connecting:
      return "CONNECTING";
    case State::connected:
      return "CONNECTED";
    case State::connect_failed:
      return "CONNECT_FAILED";
    case State::data_connected:
      return "DATA_CHANNEL_CONNECTED";
    case State::data_opened:
      return "DATA_CHANNEL_OPENED";
    case State::data_closed:
      return "DATA_CHANNEL_CLOSED";
    case State::data_disconnected:
      return "DATA_CHANNEL_DISCONNECTED";
    case State::audio_added:
      return "REMOTE_AUDIO_TRACK_ADDED";
    case State::audio_removed:
      return "REMOTE_AUDIO_TRACK_REMOVED";
    case State::video_added:
      return "REMOTE_VIDEO_TRACK_ADDED";
    case State::video_removed:
      return "REMOTE_VIDEO_TRACK_REMOVED";
    case State::keyframe_wanted:
      return "VIDEO_PLI_RECEIVED";
  }
  return "?";
}

template <class Table>
void draw(const Table& table) {
  for (const auto& t : table) std::printf("  %s --> %s\n", name_of(t.from), name_of(t.to));
}

template <class... Tables>
bool is_drawn(State state, const Tables&... tables) {
  const auto in = [&](const auto& table) {
    for (const auto& t : table) {
      if (t.to == state) return true;
    }
    return false;
  };
  return (in(tables) || ...);
}

}  // namespace

int main() {
  using namespace esp_peer::peer;
  std::puts("stateDiagram-v2\n  [*] --> CLOSED");
  draw(transitions);
  draw(data_transitions);
  draw(audio_transitions);
  draw(video_transitions);
  draw(keyframe_transitions);
  // A state that nothing leads to was forgotten in the tables.
  for (int i = 0; *name_of(State(i)) != '?'; ++i) {
    if (is_drawn(State(i), transitions, data_transitions, audio_transitions, video_transitions,
                 keyframe_transitions))
      continue;
    std::fprintf(stderr, "nothing leads to %s\n", name_of(State(i)));
    return 1;
  }
  return 0;
}
