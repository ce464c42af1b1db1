// Statistics of a source as RFC 3550 defines them, through losses, wraps and new beginnings.
#include "rtp/receiver.hpp"

#include <gtest/gtest.h>

#include "rtp/sender.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::rtp {
namespace {

using test::at_ms;

constexpr ClockRate rate = 8000;

// A packet every 20 ms whose timestamp follows.
struct Source {
  Receiver receiver{Ssrc{1}, rate};
  std::int64_t ms = 1000;

  std::optional<Receiver::Accepted> hear(std::uint16_t sequence) {
    ms += 20;
    Header header;
    header.ssrc = Ssrc{1};
    header.sequence = sequence;
    header.timestamp = static_cast<std::uint32_t>(ms * 8);
    return receiver.on_packet(at_ms(ms), header);
  }
};

TEST(RtpReceiver, numbers_are_counted_on_over_ten_wraps) {
  Source source;
  std::uint64_t before = 0;
  std::uint16_t sequence = 65'530;
  for (int i = 0; i < 10 * 65'536; ++i) {
    const auto accepted = source.hear(sequence++);
    ASSERT_TRUE(accepted);
    ASSERT_EQ(accepted->restarted, i == 0);
    if (i > 0) {
      ASSERT_EQ(accepted->sequence, before + 1);
    }
    before = accepted->sequence;
  }
  const ReportBlock block = source.receiver.report(at_ms(source.ms));
  EXPECT_EQ(block.lost, 0);
  EXPECT_EQ(block.fraction_lost, 0);
  EXPECT_EQ(block.jitter, 0u);
  EXPECT_EQ(block.highest_sequence, 65'529u + (10u << 16));
}

TEST(RtpReceiver, what_is_lost_is_told_in_all_and_since_the_last_report) {
  Source source;
  for (std::uint16_t s = 0; s < 100; ++s) {
    if (s % 4 != 1) source.hear(s);
  }
  ReportBlock block = source.receiver.report(at_ms(source.ms));
  EXPECT_EQ(block.lost, 25);
  EXPECT_EQ(block.fraction_lost, 64);
  for (std::uint16_t s = 100; s < 200; ++s) source.hear(s);
  block = source.receiver.report(at_ms(source.ms));
  EXPECT_EQ(block.lost, 25);
  EXPECT_EQ(block.fraction_lost, 0);
  EXPECT_EQ(source.receiver.report(at_ms(source.ms)).fraction_lost, 0);  // nothing came at all
}

TEST(RtpReceiver, packets_before_the_first_one_count_as_negative_loss) {
  Source source;
  source.hear(10);
  ASSERT_TRUE(source.hear(9));
  EXPECT_EQ(source.receiver.report(at_ms(source.ms)).lost, -1);
}

TEST(RtpReceiver, reordering_over_the_wrap_keeps_the_order_of_numbers) {
  Source source;
  const std::uint64_t first = source.hear(65'534)->sequence;
  EXPECT_EQ(source.hear(1)->sequence, first + 3);
  EXPECT_EQ(source.hear(65'535)->sequence, first + 1);
  EXPECT_EQ(source.hear(0)->sequence, first + 2);
}

TEST(RtpReceiver, one_leap_is_an_error_and_two_in_a_row_are_a_new_beginning) {
  Source source;
  const std::uint64_t first = source.hear(100)->sequence;
  EXPECT_FALSE(source.hear(30'000));
  EXPECT_EQ(source.hear(101)->sequence, first + 1);
  EXPECT_FALSE(source.hear(30'000));
  const auto anew = source.hear(30'001);
  ASSERT_TRUE(anew && anew->restarted);
  EXPECT_GT(anew->sequence, first + 1);
  EXPECT_EQ(source.hear(30'002)->sequence, anew->sequence + 1);
  EXPECT_EQ(source.receiver.report(at_ms(source.ms)).lost, 0);
  // Backwards too: its numbers are still larger than all before.
  source.hear(5);
  EXPECT_GT(source.hear(6)->sequence, anew->sequence + 1);
}

// 8 Mbit/s are 800 packets a second, of which a buffer holds 300 ms and more.
TEST(RtpReceiver, what_is_sent_again_at_a_high_rate_is_late_and_no_new_beginning) {
  Source source;
  const std::uint64_t first = source.hear(65'000)->sequence;
  for (std::uint16_t i = 1; i <= 2'000; ++i) {
    if (i != 10 && i != 11) source.hear(static_cast<std::uint16_t>(65'000 + i));
  }
  for (const unsigned lost : {10u, 11u}) {
    const auto again = source.hear(static_cast<std::uint16_t>(65'000 + lost));
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->restarted);
    EXPECT_EQ(again->sequence, first + lost);
  }
  EXPECT_EQ(source.hear(static_cast<std::uint16_t>(67'001))->sequence, first + 2'001);
}

TEST(RtpReceiver, jitter_is_a_sixteenth_of_the_change_in_transit_time) {
  Receiver receiver(Ssrc{1}, rate);
  Header header;
  header.ssrc = Ssrc{1};
  receiver.on_packet(at_ms(1000), header);
  ++header.sequence;
  header.timestamp += 160;
  receiver.on_packet(at_ms(1030), header);  // 10 ms late: 80 ticks
  EXPECT_EQ(receiver.report(at_ms(1030)).jitter, 5u);
  ++header.sequence;
  header.timestamp += 160;
  receiver.on_packet(at_ms(1040), header);  // 10 ms early again
  EXPECT_EQ(receiver.report(at_ms(1040)).jitter, 9u);
}

TEST(RtpReceiver, a_report_says_when_the_last_sender_report_came) {
  Source source;
  source.hear(1);
  EXPECT_EQ(source.receiver.report(at_ms(5000)).last_report, 0u);
  source.receiver.on_sender_report(at_ms(6000), 0x1111'2222'3333'4444, 0);
  const ReportBlock block = source.receiver.report(at_ms(7500));
  EXPECT_EQ(block.last_report, 0x2222'3333u);
  EXPECT_EQ(block.since_last_report, 0x1'8000u);
}

// [rfc3550#6.4.1] What audio and video are brought together by.
TEST(RtpReceiver, a_senders_report_puts_its_timestamps_into_wall_time) {
  Source source;
  source.hear(1);
  EXPECT_EQ(source.receiver.wall_time_of(0), 0u) << "nobody has said";
  constexpr std::uint64_t noon = 0x1111'2222'8000'0000;  // and a half
  source.receiver.on_sender_report(at_ms(6000), noon, 0xFFFF'FF00);
  EXPECT_EQ(source.receiver.wall_time_of(0xFFFF'FF00), noon);
  EXPECT_EQ(source.receiver.wall_time_of(0xFFFF'FF00 + 4000), noon + 0x8000'0000)
      << "over the wrap";
  EXPECT_EQ(source.receiver.wall_time_of(0xFFFF'FF00 - 8000), noon - (std::uint64_t{1} << 32));
  // Also as far away as timestamps reach.
  EXPECT_LT(source.receiver.wall_time_of(0x7FFF'FF00), noon);
  source.receiver.on_sender_report(at_ms(7000), 0, 8000);  // a sender without a clock
  EXPECT_EQ(source.receiver.wall_time_of(8000), 0u);
}

// covers: bug 59
TEST(RtpSender, counts_wrap_as_the_report_has_them) {
  test::TestEnv env;
  Sender sender(Ssrc{1}, 48'000, env.env.random, {0xFFFF'FFFE, 0xFFFF'FF00});
  for (int i = 0; i < 4; ++i) (void)sender.next(at_ms(1000 + 20 * i), 111, 960u * unsigned(i), 100);
  const SenderInfo info = sender.report(at_ms(1060 + 500));
  EXPECT_EQ(info.packets, 2u);
  EXPECT_EQ(info.octets, 144u);
  // The clock of the media goes on between packets.
  EXPECT_EQ(info.timestamp, 3u * 960 + 24'000);
  EXPECT_EQ(info.ntp, ntp_of(at_ms(1560)));
}

// covers: bug 50
// [rfc3550#4] 1 March 2024, in seconds since 1900, on a machine that began a second before.
TEST(RtpSender, tells_the_wall_time_where_it_is_known_under_each_of_its_names) {
  test::TestEnv env;
  constexpr std::int64_t wall = 3'918'240'000;
  Sender sender(Ssrc{1}, 8000, env.random, {}, seconds(wall - 1));
  sender.next(at_ms(1000), 8, 0, 160);
  EXPECT_EQ(sender.report(at_ms(1000)).ntp, std::uint64_t(wall) << 32);
  sender.rename(env.random);
  EXPECT_EQ(sender.report(at_ms(1500)).ntp, std::uint64_t(wall) << 32 | 0x8000'0000u);
}

TEST(RtpSender, begins_where_a_missed_start_cannot_hide_a_wrap) {
  test::TestEnv env;
  for (int i = 0; i < 1000; ++i) {
    Sender sender(Ssrc{1}, 8000, env.env.random);
    EXPECT_LT(sender.next(at_ms(0), 0, 0, 1).sequence, 0x8000);
  }
}

TEST(RtpSender, is_one_as_long_as_it_sent_since_the_last_report_but_one) {
  test::TestEnv env;
  Sender sender(Ssrc{1}, 8000, env.env.random);
  EXPECT_FALSE(sender.active());
  (void)sender.next(at_ms(0), 0, 0, 1);
  EXPECT_TRUE(sender.active());
  sender.note_report();
  EXPECT_TRUE(sender.active());
  sender.note_report();
  EXPECT_FALSE(sender.active());
}

}  // namespace
}  // namespace esp_peer::rtp
