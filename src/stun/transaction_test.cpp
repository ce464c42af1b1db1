#include "stun/transaction.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::stun {
namespace {

using test::at_ms;

TEST(StunRetransmission, sends_seven_times_and_gives_up_after_39500_ms) {
  Retransmission r;
  r.start(at_ms(0), {});
  std::vector<std::int64_t> sent{0};
  while (r.next_deadline() != Retransmission::never) {
    const Instant next = r.next_deadline();
    const auto ms = next.time_since_epoch().count() / 1000;
    if (r.on_deadline(next) == Retransmission::Step::timed_out) {
      EXPECT_EQ(ms, 39'500);
      break;
    }
    sent.push_back(ms);
  }
  EXPECT_EQ(sent, (std::vector<std::int64_t>{0, 500, 1500, 3500, 7500, 15'500, 31'500}));
  EXPECT_EQ(r.next_deadline(), Retransmission::never);
}

TEST(StunRetransmission, one_request_only_waits_rm_times_the_rto) {
  Retransmission r;
  r.start(at_ms(0), {.requests = 1, .last_wait = 3});
  EXPECT_EQ(r.next_deadline(), at_ms(1500));
  EXPECT_EQ(r.on_deadline(at_ms(1499)), Retransmission::Step::none);
  EXPECT_EQ(r.on_deadline(at_ms(1500)), Retransmission::Step::timed_out);
  EXPECT_EQ(r.on_deadline(at_ms(9999)), Retransmission::Step::none);
}

TEST(StunRetransmission, a_late_wake_up_sends_once_and_not_in_a_burst) {
  Retransmission r;
  r.start(at_ms(0), {});
  EXPECT_EQ(r.on_deadline(at_ms(10'000)), Retransmission::Step::send);
  EXPECT_EQ(r.next_deadline(), at_ms(11'000));
}

TEST(StunRetransmission, is_silent_once_stopped) {
  Retransmission r;
  r.start(at_ms(0), {});
  r.stop();
  EXPECT_EQ(r.next_deadline(), Retransmission::never);
  EXPECT_EQ(r.on_deadline(at_ms(99'999)), Retransmission::Step::none);
}

// covers: bug 27, must rfc8489#5b
TEST(StunTransactionId, never_repeats_in_a_million_and_every_bit_moves) {
  openssl::SystemRandom random;
  std::vector<TransactionId> seen;
  TransactionId any_one{}, all_ones;
  all_ones.fill(std::byte{0xFF});
  for (int i = 0; i < 1'000'000; ++i) {
    const auto id = new_transaction_id(random);
    for (std::size_t k = 0; k < id.size(); ++k) {
      any_one[k] |= id[k];
      all_ones[k] &= id[k];
    }
    seen.push_back(id);
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
  for (std::size_t k = 0; k < any_one.size(); ++k) {
    EXPECT_EQ(any_one[k], std::byte{0xFF});
    EXPECT_EQ(all_ones[k], std::byte{0});
  }
}

}  // namespace
}  // namespace esp_peer::stun
