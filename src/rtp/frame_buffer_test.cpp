// Frames leave in their order, whole or not at all; what is missing is asked for while it may come.
#include "rtp/frame_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/test_env.hpp"

namespace esp_peer::rtp {
namespace {

using test::at_ms;
using Numbers = std::vector<std::uint16_t>;

// Packets of frames of three, numbered from 100 on: frame n has the timestamp n.
struct Receiving {
  test::TestEnv env;
  FrameBuffer buffer;
  std::int64_t ms = 0;
  struct Out {
    std::uint32_t timestamp;
    std::size_t packets;
    bool after_loss;
    friend bool operator==(const Out&, const Out&) = default;
  };
  std::vector<Out> out;
  std::vector<std::uint32_t> unsure;  // where their beginning was

  explicit Receiving(const FrameBufferOptions& options = {}) : buffer(options, env.memory) {}
  bool hear(std::uint64_t sequence, std::size_t size = 1000) {
    const auto frame = static_cast<std::uint32_t>((sequence - 100) / 3);
    return hear(sequence, frame, (sequence - 100) % 3 == 2, size);
  }
  bool hear(std::uint64_t sequence, std::uint32_t timestamp, bool marker, std::size_t size) {
    const std::vector<std::byte> payload(size, std::byte(sequence & 0xFF));
    const bool kept = buffer.insert(at_ms(ms), sequence, timestamp, marker, payload);
    drain();
    return kept;
  }
  void hear_frames(std::uint32_t from, std::uint32_t to) {
    for (std::uint64_t s = 100 + 3 * from; s < 100 + 3 * std::uint64_t{to}; ++s) hear(s);
  }
  void wait(std::int64_t by) {
    ms += by;
    buffer.on_deadline(at_ms(ms));
    const auto next = buffer.next_deadline();
    EXPECT_TRUE(!next || *next > at_ms(ms));
    drain();
  }
  void drain() {
    while (auto frame = buffer.take()) {
      out.push_back({frame->timestamp, frame->payloads.size(), frame->after_loss});
      if (frame->may_lack_beginning) unsure.push_back(frame->timestamp);
    }
  }
  Numbers requests(std::size_t most = 100) {
    Numbers numbers(most);
    numbers.resize(buffer.request(at_ms(ms), numbers));
    return numbers;
  }
  std::vector<std::uint32_t> timestamps() const {
    std::vector<std::uint32_t> all;
    for (const Out& frame : out) all.push_back(frame.timestamp);
    return all;
  }
};

TEST(FrameBuffer, a_frame_leaves_with_its_last_packet) {
  Receiving r;
  r.hear(100);
  r.hear(101);
  EXPECT_TRUE(r.out.empty());
  r.hear(102);
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 3, false}}));
  EXPECT_EQ(r.buffer.bytes(), 0u);
  EXPECT_FALSE(r.buffer.next_deadline());
}

TEST(FrameBuffer, packets_in_any_order_make_the_same_frames) {
  std::mt19937 random(5);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::uint64_t> order;
    for (std::uint64_t s = 101; s < 160; ++s) order.push_back(s);
    for (std::size_t i = 0; i + 6 < order.size(); i += 3) {
      std::shuffle(order.begin() + static_cast<std::ptrdiff_t>(i),
                   order.begin() + static_cast<std::ptrdiff_t>(i + 6), random);
    }
    Receiving r;
    r.hear(100);
    for (const std::uint64_t s : order) r.hear(s);
    ASSERT_EQ(r.out.size(), 20u);
    for (std::uint32_t f = 0; f < 20; ++f) {
      EXPECT_EQ(r.out[f], (Receiving::Out{f, 3, false}));
    }
  }
}

TEST(FrameBuffer, a_source_may_begin_in_the_wrong_order) {
  Receiving r;
  r.hear(101);
  r.hear(100);
  r.hear(102);
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 3, false}}));
  EXPECT_FALSE(r.hear(99));
}

TEST(FrameBuffer, a_packet_that_comes_twice_or_too_late_is_refused) {
  Receiving r;
  EXPECT_TRUE(r.hear(100));
  EXPECT_FALSE(r.hear(100));
  r.hear(101);
  r.hear(102);
  EXPECT_FALSE(r.hear(101));
  EXPECT_EQ(r.out.size(), 1u);
}

TEST(FrameBuffer, a_sender_without_markers_ends_a_frame_by_beginning_the_next) {
  Receiving r;
  r.hear(100, 0, false, 10);
  r.hear(101, 0, false, 10);
  EXPECT_TRUE(r.out.empty());
  r.hear(102, 1, false, 10);
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 2, false}}));
}

TEST(FrameBuffer, what_is_missing_is_asked_for_after_a_moment_and_again_while_it_does_not_come) {
  Receiving r;
  r.hear(100);
  r.hear(102);
  EXPECT_TRUE(r.requests().empty());  // it may only be late
  r.wait(19);
  EXPECT_TRUE(r.requests().empty());
  r.wait(1);
  EXPECT_EQ(r.requests(), (Numbers{101}));
  EXPECT_TRUE(r.requests().empty());
  r.wait(20);
  EXPECT_EQ(r.requests(), (Numbers{101}));
  r.hear(101);
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 3, false}}));
  EXPECT_FALSE(r.buffer.next_deadline());
}

TEST(FrameBuffer, it_learns_how_long_an_answer_takes) {
  FrameBufferOptions patient;
  patient.longest_hold = milliseconds(1000);
  Receiving r(patient);
  for (std::uint32_t f = 0; f < 30; ++f) {
    r.hear(100 + 3 * f);
    r.hear(102 + 3 * f);
    r.wait(20);
    EXPECT_EQ(r.requests().size(), 1u);
    r.wait(80);
    if (f > 0) {
      EXPECT_TRUE(r.requests().empty()) << "asked again before the answer could be here";
    }
    r.hear(101 + 3 * f);
  }
  EXPECT_EQ(r.out.size(), 30u);
}

// covers: bug 59
TEST(FrameBuffer, requests_are_counted_and_end) {
  FrameBufferOptions patient;
  patient.longest_hold = seconds(100);
  Receiving r(patient);
  r.hear(100);
  r.hear(3000);
  r.wait(20);
  EXPECT_EQ(r.requests(100).size(), 100u);  // as many as the room holds
  std::size_t asked = 100;
  for (int i = 0; i < 1000; ++i) {
    r.wait(20);
    asked += r.requests(100).size();
  }
  EXPECT_EQ(asked, 2899u * FrameBuffer::max_requests);
}

TEST(FrameBuffer, a_frame_that_cannot_be_whole_in_time_is_given_up_and_the_next_one_says_so) {
  Receiving r;
  r.hear_frames(0, 1);
  r.hear(103);
  r.hear(105);
  r.ms = 30;
  r.hear_frames(2, 4);
  EXPECT_EQ(r.timestamps(), (std::vector<std::uint32_t>{0}));
  r.wait(69);
  EXPECT_FALSE(r.buffer.lossy());
  r.wait(1);
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 3, false}, {2, 3, true}, {3, 3, false}}));
  EXPECT_FALSE(r.hear(104));
}

TEST(FrameBuffer, a_packet_lost_at_a_border_takes_no_frame_with_half_its_packets) {
  Receiving r;
  r.hear_frames(0, 1);
  r.hear(103);
  r.hear(104);
  // 105 ends frame 1 and 106 begins frame 2: nobody knows that when both are lost.
  r.hear(107);
  r.hear(108);
  r.hear_frames(3, 4);
  r.wait(100);
  // It is left to what the packets say of themselves.
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 3, false}, {2, 2, true}, {3, 3, false}}));
  EXPECT_EQ(r.unsure, std::vector<std::uint32_t>({0, 2}));
}

TEST(FrameBuffer, a_frame_that_is_whole_outlives_the_loss_of_the_last_packet_before_it) {
  Receiving r;
  r.hear_frames(0, 1);
  r.hear(103);
  r.hear(104);
  r.wait(40);
  r.hear_frames(2, 3);
  r.wait(60);
  r.wait(40);
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 3, false}, {2, 3, true}}));
  EXPECT_EQ(r.ms, 140) << "nor has it waited longer than anything may";
}

// A frame that is given up before its end is here is no frame later either.
TEST(FrameBuffer, the_rest_of_a_frame_that_was_given_up_is_dropped_when_it_comes) {
  for (const bool for_want_of_room : {false, true}) {
    FrameBufferOptions options;
    options.most_bytes = 5'000;
    Receiving r(options);
    r.hear_frames(0, 1);
    r.hear(103);
    r.hear(104);
    if (for_want_of_room) {
      r.hear(106, 4'000);
    } else {
      r.wait(1000);
      r.hear(106);
    }
    r.hear(105);
    EXPECT_EQ(r.timestamps(), std::vector<std::uint32_t>{0});
    r.hear(107, 100);
    r.hear(108, 100);
    r.hear_frames(3, 4);
    EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 3, false}, {2, 3, true}, {3, 3, false}}))
        << for_want_of_room;
    EXPECT_EQ(r.unsure, std::vector<std::uint32_t>{0}) << "the end of frame 1 was seen";
  }
}

// [rfc3550#5.1] Padding alone, as senders probe with, has the timestamp of the frame before it.
TEST(FrameBuffer, padding_is_no_frame_and_none_waits_for_it) {
  Receiving r;
  r.hear(100, 0, true, 1000);
  r.hear(101, 0, false, 0);
  r.hear(102, 0, false, 0);
  r.hear(103, 1, false, 1000);
  r.hear(104, 1, false, 0);
  r.hear(105, 1, true, 1000);
  r.hear(107, 2, true, 1000);
  r.hear(106, 1, false, 0);
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 1, false}, {1, 2, false}, {2, 1, false}}));
  EXPECT_EQ(r.buffer.bytes(), 0u);
}

// As a keyframe does from a sender with a pace, or over a path that carries little.
TEST(FrameBuffer, a_frame_that_lacks_nothing_may_come_as_slowly_as_it_likes) {
  Receiving r;
  r.hear_frames(0, 1);
  for (std::uint64_t s = 103; s < 203; ++s) {
    r.wait(15);
    r.hear(s, 1, s == 202, 1000);
  }
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 3, false}, {1, 100, false}}));
}

// What comes late behind a gap has waited less for it than what came first.
TEST(FrameBuffer, a_packet_that_is_lost_late_in_a_slow_frame_has_its_time_to_come_again) {
  Receiving r;
  for (std::uint64_t s = 100; s < 300; ++s) {
    if (s != 250) r.hear(s, 0, s == 299, 1000);
    r.wait(2);
  }
  EXPECT_TRUE(r.hear(250, 0, false, 1000)) << "98 ms after the one behind it";
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{0, 200, false}}));
}

TEST(FrameBuffer, the_end_of_a_frame_is_taken_for_lost_when_nothing_comes_any_more) {
  Receiving r;
  r.hear_frames(0, 1);
  r.hear(103);
  r.wait(999);
  EXPECT_FALSE(r.buffer.lossy());
  r.wait(1);
  EXPECT_TRUE(r.buffer.lossy());
  EXPECT_EQ(r.buffer.held(), 0u);
}

TEST(FrameBuffer, nothing_is_held_longer_than_it_may_be) {
  std::mt19937 random(11);
  Receiving r;
  for (std::uint64_t s = 100; s < 3100; ++s) {
    if (random() % 5 != 0) r.hear(s);
    r.wait(4);
    const auto next = r.buffer.next_deadline();
    if (r.buffer.held() > 0) {
      bool lacks = false;
      for (std::uint64_t back = 0; back < 100 && back <= s - 100; ++back) {
        lacks = lacks || r.buffer.lacks(s - back);
      }
      ASSERT_TRUE(next);
      EXPECT_LE(*next, at_ms(r.ms + (lacks ? 100 : 1000)));
    }
  }
  r.wait(1000);
  EXPECT_EQ(r.buffer.held(), 0u);
  EXPECT_TRUE(std::is_sorted(r.out.begin(), r.out.end(), [](const auto& a, const auto& b) {
    return a.timestamp < b.timestamp;
  }));
  for (const auto& frame : r.out) {
    const bool unsure = std::count(r.unsure.begin(), r.unsure.end(), frame.timestamp) == 1;
    EXPECT_TRUE(frame.packets == 3 || (unsure && (frame.after_loss || frame.timestamp == 0)));
  }
}

// covers: bug 55, bug 72
TEST(FrameBuffer, memory_is_bounded_whatever_the_sender_claims) {
  FrameBufferOptions small;
  small.most_bytes = 20'000;
  small.longest_hold = seconds(100);
  Receiving r(small);
  for (std::uint64_t s = 0; s < 500; ++s) {
    r.hear(100 + s, 7, false, 1000);  // one frame without end
    EXPECT_LE(r.buffer.bytes(), 20'000u);
  }
  EXPECT_TRUE(r.buffer.lossy());
  r.hear(5000, 8, true, 10);  // and leaps
  EXPECT_LE(r.buffer.bytes(), 20'000u);
  EXPECT_LE(r.env.memory.live, 3 * 20'000u);
}

TEST(FrameBuffer, a_source_that_begins_anew_waits_for_nothing_old) {
  Receiving r;
  r.hear(100);
  r.buffer.restart(70'000);
  r.hear(70'000, 5, true, 10);
  EXPECT_EQ(r.out, (std::vector<Receiving::Out>{{5, 1, true}}));
}

TEST(FrameBuffer, without_memory_frames_are_lost_and_nothing_else) {
  for (std::size_t refused = 0; refused < 40; ++refused) {
    Receiving r;
    r.env.memory.fail_from = refused;
    r.hear_frames(0, 10);
    r.wait(100);
    r.env.memory.fail_from = static_cast<std::size_t>(-1);
    r.hear_frames(20, 22);
    r.wait(100);
    ASSERT_FALSE(r.out.empty());
    EXPECT_EQ(r.out.back().timestamp, 21u) << refused;
    for (const auto& frame : r.out) EXPECT_EQ(frame.packets, 3u);
  }
}

}  // namespace
}  // namespace esp_peer::rtp
