#include "sctp/tx/new_reno.hpp"

#include <gtest/gtest.h>

namespace esp_peer::sctp {
namespace {

// covers: must rfc9260#7.2
TEST(NewReno, forgets_half_the_window_with_every_idle_rto) {
  constexpr std::size_t mtu = 1'000;
  constexpr Duration rto = seconds(1);
  NewReno reno(mtu);
  while (reno.cwnd() < 64 * mtu) reno.on_progress(reno.cwnd(), reno.cwnd());
  reno.on_idle(rto, rto);
  EXPECT_EQ(reno.cwnd(), 64 * mtu);
  reno.on_idle(rto + milliseconds(1), rto);
  EXPECT_EQ(reno.cwnd(), 32 * mtu);
  reno.on_idle(2 * rto + milliseconds(1), rto);
  EXPECT_EQ(reno.cwnd(), 8 * mtu);
  reno.on_idle(seconds(3'600), rto);
  EXPECT_EQ(reno.cwnd(), 4 * mtu);
  reno.on_timeout();
  reno.on_idle(seconds(3'600), rto);
  EXPECT_EQ(reno.cwnd(), mtu) << "it never grows so";
}

TEST(NewReno, remembers_as_threshold_how_large_the_window_was_before_it_was_idle) {
  constexpr std::size_t mtu = 1'000;
  NewReno reno(mtu);
  while (reno.cwnd() < 64 * mtu) reno.on_progress(reno.cwnd(), reno.cwnd());
  reno.on_idle(seconds(100), seconds(1));
  EXPECT_EQ(reno.cwnd(), 4 * mtu);
  EXPECT_EQ(reno.ssthresh(), 64 * mtu) << "[rfc9260#7.2.1]";
}

// covers: must rfc9260#7.2
TEST(NewReno, grows_by_one_packet_a_round_trip_above_the_threshold_and_only_if_all_of_it_is_used) {
  constexpr std::size_t mtu = 1'000;
  NewReno reno(mtu);
  while (reno.cwnd() < 20 * mtu) reno.on_progress(mtu, reno.cwnd());
  reno.on_fast_retransmit(1);
  EXPECT_EQ(reno.cwnd(), reno.ssthresh());
  reno.on_progress(5 * mtu, reno.cwnd());
  const std::size_t halved = reno.cwnd();
  EXPECT_EQ(halved, reno.ssthresh()) << "not during recovery";
  reno.leave_recovery();
  reno.on_progress(mtu, reno.cwnd());
  ASSERT_EQ(reno.cwnd(), halved + mtu);
  // Avoidance: less than a window acknowledged, or less than a window out, is not enough.
  reno.on_progress(reno.cwnd() - 1, reno.cwnd());
  EXPECT_EQ(reno.cwnd(), halved + mtu);
  reno.on_progress(mtu, reno.cwnd() - 1);
  EXPECT_EQ(reno.cwnd(), halved + mtu);
  reno.on_progress(mtu, reno.cwnd());
  EXPECT_EQ(reno.cwnd(), halved + 2 * mtu);
  // What was counted is forgotten once everything has been acknowledged.
  reno.on_all_acknowledged();
  reno.on_progress(reno.cwnd() - 1, reno.cwnd());
  EXPECT_EQ(reno.cwnd(), halved + 2 * mtu);
}

// covers: must rfc9260#7.2
TEST(NewReno, a_loss_soon_after_a_timeout_does_not_make_the_window_larger) {
  constexpr std::size_t mtu = 1'000;
  NewReno reno(mtu);
  reno.on_timeout();
  ASSERT_EQ(reno.cwnd(), mtu);
  reno.on_fast_retransmit(1);
  EXPECT_EQ(reno.cwnd(), mtu);
}

}  // namespace
}  // namespace esp_peer::sctp
