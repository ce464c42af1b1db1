// Draws the states of a connection from the table that the code has of them, for docs/migration.md.
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
  }
  return "?";
}

template <class Table>
void draw(const Table& table) {
  for (const auto& t : table) std::printf("  %s --> %s\n", name_of(t.from), name_of(t.to));
}

}  // namespace

int main() {
  std::puts("stateDiagram-v2\n  [*] --> CLOSED");
  draw(esp_peer::peer::transitions);
  draw(esp_peer::peer::data_transitions);
  return 0;
}
