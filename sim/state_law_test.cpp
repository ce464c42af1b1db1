#include "sim/state_law.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace esp_peer::sim {
namespace {

using peer::ChannelClosed;
using peer::ChannelOpened;
using peer::State;
using peer::StateChanged;

// What is wrong with the last of these events; empty when all is well with all of them.
std::string verdict(const std::vector<peer::Event>& events) {
  StateLaw law;
  std::string last;
  for (const auto& event : events) last = law.hear(event).value_or("");
  return last;
}
peer::Event opened(std::uint16_t stream) {
  ChannelOpened event{};
  event.stream = sctp::StreamId{stream};
  return event;
}
peer::Event closed(std::uint16_t stream) {
  ChannelClosed event{};
  event.stream = sctp::StreamId{stream};
  return event;
}
std::vector<peer::Event> connected_and(std::vector<peer::Event> more) {
  std::vector<peer::Event> events;
  for (const State state : {State::new_connection, State::gathering, State::pairing, State::paired,
                            State::connecting, State::connected, State::data_connected}) {
    events.push_back(StateChanged{state});
  }
  events.insert(events.end(), more.begin(), more.end());
  return events;
}

TEST(StateLaw, a_whole_life_is_lawful) {
  EXPECT_EQ(verdict(connected_and(
                {opened(1), StateChanged{State::data_opened}, closed(1),
                 StateChanged{State::data_closed}, StateChanged{State::data_disconnected},
                 StateChanged{State::disconnected}, StateChanged{State::new_connection}})),
            "");
}

TEST(StateLaw, no_state_may_be_skipped_or_come_twice) {
  EXPECT_NE(verdict({StateChanged{State::gathering}}), "");
  EXPECT_NE(verdict({StateChanged{State::new_connection}, StateChanged{State::pairing}}), "");
  EXPECT_NE(verdict({StateChanged{State::new_connection}, StateChanged{State::new_connection}}),
            "");
  EXPECT_NE(verdict({StateChanged{State::disconnected}}), "");
  EXPECT_NE(verdict(connected_and({StateChanged{State::connect_failed}})), "");
  EXPECT_NE(verdict(connected_and({StateChanged{State::data_connected}})), "");
}

TEST(StateLaw, a_channel_opens_and_closes_once_inside_the_connection) {
  EXPECT_NE(verdict({opened(1)}), "");
  EXPECT_NE(verdict({closed(1)}), "");
  EXPECT_EQ(verdict(connected_and({closed(1), StateChanged{State::data_closed}})), "")
      << "created here, and never opened there";
  EXPECT_NE(verdict(connected_and({opened(1), StateChanged{State::data_opened}, opened(1)})), "");
  EXPECT_NE(verdict(connected_and({opened(1), StateChanged{State::data_closed}})), "");
  EXPECT_NE(verdict(connected_and({StateChanged{State::data_opened}})), "");
}

TEST(StateLaw, what_is_said_of_media_comes_while_connected_and_in_turns) {
  const auto added = StateChanged{State::video_added}, removed = StateChanged{State::video_removed};
  const auto wanted = StateChanged{State::keyframe_wanted};
  EXPECT_EQ(verdict(connected_and({removed, wanted, added, wanted, wanted, removed})), "");
  EXPECT_EQ(verdict(connected_and({added, StateChanged{State::audio_removed}, added})),
            "video_added after video_added");
  EXPECT_EQ(verdict({wanted}), "news of media while not connected");
}

TEST(StateLaw, nothing_is_left_open_at_the_end) {
  EXPECT_NE(verdict(connected_and({StateChanged{State::disconnected}})), "");
  EXPECT_NE(verdict(connected_and({opened(1), StateChanged{State::data_opened},
                                   StateChanged{State::data_disconnected}})),
            "");
}

}  // namespace
}  // namespace esp_peer::sim
