// In which order the states of a handle come: the tables, which the simulator holds every session
// to and docs/migration.md draws.
#pragma once
#include <array>

#include "peer/session_types.hpp"

namespace esp_peer::peer {

struct Transition {
  State from, to;
};

// Of the connection. Those about data channels come while it is connected, see below.
inline constexpr std::array transitions = {
    Transition{State::closed, State::new_connection},
    Transition{State::new_connection, State::gathering},
    Transition{State::new_connection, State::connect_failed},
    Transition{State::new_connection, State::disconnected},
    Transition{State::gathering, State::pairing},
    Transition{State::gathering, State::disconnected},
    Transition{State::pairing, State::paired},
    Transition{State::pairing, State::connect_failed},
    Transition{State::pairing, State::disconnected},
    Transition{State::paired, State::connecting},
    Transition{State::paired, State::connect_failed},
    Transition{State::paired, State::disconnected},
    Transition{State::connecting, State::connected},
    Transition{State::connecting, State::connect_failed},
    Transition{State::connecting, State::disconnected},
    Transition{State::connected, State::disconnected},
    Transition{State::disconnected, State::new_connection},
    Transition{State::connect_failed, State::new_connection},
    // A handle that is closed; what is connected then is disconnected first.
    Transition{State::disconnected, State::closed},
    Transition{State::connect_failed, State::closed},
};
// data_connected once in a connection, and again where data is refused and offered again while
// audio goes on; data_disconnected before that, and before the disconnected of a connection that
// had data_connected. Between them data_opened and data_closed once a channel each; data_closed
// alone of a channel that the peer closes instead of opening it.
inline constexpr std::array data_transitions = {
    Transition{State::connected, State::data_connected},
    Transition{State::data_connected, State::data_opened},
    Transition{State::data_connected, State::data_closed},
    Transition{State::data_connected, State::data_disconnected},
    Transition{State::data_opened, State::data_opened},
    Transition{State::data_opened, State::data_closed},
    Transition{State::data_closed, State::data_opened},
    Transition{State::data_closed, State::data_closed},
    Transition{State::data_closed, State::data_disconnected},
    Transition{State::data_disconnected, State::data_connected},
    Transition{State::data_disconnected, State::disconnected},
};
// By a renegotiation, while it is connected and whatever data does. The first of them depends on
// whether the first description had audio, or video.
constexpr auto track_transitions(State added, State removed) {
  return std::array{
      Transition{State::connected, added},
      Transition{State::connected, removed},
      Transition{added, removed},
      Transition{removed, added},
      Transition{added, State::disconnected},
      Transition{removed, State::disconnected},
  };
}
inline constexpr auto audio_transitions =
    track_transitions(State::audio_added, State::audio_removed);
inline constexpr auto video_transitions =
    track_transitions(State::video_added, State::video_removed);
// The peer may ask as often as its pictures are lost.
inline constexpr std::array keyframe_transitions = {
    Transition{State::connected, State::keyframe_wanted},
    Transition{State::keyframe_wanted, State::keyframe_wanted},
    Transition{State::keyframe_wanted, State::disconnected},
};

template <std::size_t n>
constexpr bool may_follow(const std::array<Transition, n>& table, State before, State next) {
  for (const Transition& t : table) {
    if (t.from == before && t.to == next) return true;
  }
  return false;
}

}  // namespace esp_peer::peer
