// Frames leave in packets, at a pace, and each packet may be asked for again.
#include "peer/video_sender.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <vector>

#include "codec/h264_depacketizer.hpp"
#include "rtp/packet.hpp"
#include "rtp/rtx.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;
using Octets = std::vector<std::byte>;

constexpr std::size_t max_packet = 1200;

Octets unit(int header, std::size_t size) {
  Octets out = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}, std::byte(header)};
  while (out.size() < 4 + size) out.push_back(static_cast<std::byte>(1 + out.size() % 250));
  return out;
}
Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
const Octets sets = unit(0x67, 20) + unit(0x68, 5);

NegotiatedVideo video(bool with_rtx) {
  NegotiatedVideo v;
  v.format.codec = sdp::VideoCodec::h264;
  v.format.payload_type = 102;
  if (with_rtx) v.format.rtx_payload_type = 103;
  v.direction = sdp::Direction::sendonly;
  v.local_ssrc = 7;
  v.local_rtx_ssrc = 8;
  return v;
}

struct Sent {
  Octets bytes;
  rtp::Packet packet;
};

struct Sending {
  test::TestEnv env;
  VideoSender sender;
  std::int64_t ms = 0;
  std::vector<Sent> out;

  explicit Sending(bool with_rtx = true, const VideoSenderOptions& options = {})
      : sender(video(with_rtx), options, max_packet, env.env) {
    if (!with_rtx) sender.allow_repeats();
  }
  Status give(const Octets& frame, std::uint32_t timestamp = 0) {
    return sender.send(at_ms(ms), timestamp, frame);
  }
  std::size_t fetch() {
    std::size_t count = 0;
    Octets room(max_packet);
    while (const std::size_t size = sender.write_packet(at_ms(ms), room)) {
      Sent sent{Octets(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)), {}};
      out.push_back(std::move(sent));
      out.back().packet = *rtp::parse_packet(out.back().bytes);
      ++count;
    }
    const auto next = sender.next_deadline();
    EXPECT_TRUE(!next || *next > at_ms(ms));
    return count;
  }
  // Until the pace has let everything go.
  void fetch_all() {
    fetch();
    for (int i = 0; i < 10'000 && sender.next_deadline(); ++i) {
      ++ms;
      fetch();
    }
    EXPECT_EQ(sender.waiting(), 0u);
  }
  Octets joined() {
    std::vector<Buffer> payloads;
    for (const Sent& sent : out) {
      payloads.push_back(Buffer::copy_of(env.memory, sent.packet.payload));
    }
    const auto frame = codec::join_h264(payloads, env.memory);
    return frame ? Octets(frame->bytes().begin(), frame->bytes().end()) : Octets();
  }
};

TEST(VideoSender, a_frame_leaves_in_packets_of_one_timestamp_the_last_of_them_marked) {
  Sending s;
  const Octets frame = sets + unit(0x65, 5000);
  ASSERT_TRUE(s.give(frame, 90'000));
  s.fetch_all();
  ASSERT_GT(s.out.size(), 4u);
  const auto first = s.out[0].packet.header.sequence;
  for (std::size_t i = 0; i < s.out.size(); ++i) {
    const rtp::Header& header = s.out[i].packet.header;
    EXPECT_EQ(header.ssrc, rtp::Ssrc{7});
    EXPECT_EQ(header.payload_type, 102);
    EXPECT_EQ(header.timestamp, 90'000u);
    EXPECT_EQ(header.sequence, static_cast<std::uint16_t>(first + i));
    EXPECT_EQ(header.marker, i + 1 == s.out.size());
    EXPECT_LE(s.out[i].bytes.size(), max_packet - rtp::rtx_header_size);  // RTX makes it larger
  }
  EXPECT_EQ(s.joined(), frame);
}

TEST(VideoSender, a_keyframe_that_comes_without_parameter_sets_gets_those_of_before) {
  Sending s;
  ASSERT_TRUE(s.give(sets + unit(0x65, 100)));
  s.fetch_all();
  s.out.clear();
  ASSERT_TRUE(s.give(unit(0x65, 200)));
  s.fetch_all();
  EXPECT_EQ(s.joined(), sets + unit(0x65, 200));
}

// covers: must rfc4588#4, changelog 25
TEST(VideoSender, a_lost_packet_is_repeated_in_a_stream_of_its_own) {
  Sending s;
  ASSERT_TRUE(s.give(unit(0x65, 3000), 1234));
  s.fetch_all();
  const auto originals = std::move(s.out);
  s.out.clear();
  for (const Sent& original : originals) s.sender.on_nack(original.packet.header.sequence);
  s.fetch_all();
  ASSERT_EQ(s.out.size(), originals.size());
  for (std::size_t i = 0; i < originals.size(); ++i) {
    EXPECT_EQ(s.out[i].packet.header.ssrc, rtp::Ssrc{8});
    EXPECT_EQ(s.out[i].packet.header.payload_type, 103);
    EXPECT_EQ(s.out[i].packet.header.sequence,
              static_cast<std::uint16_t>(s.out[0].packet.header.sequence + i));
    EXPECT_LE(s.out[i].bytes.size(), max_packet);
    const auto again = rtp::unwrap_rtx(s.out[i].packet, rtp::Ssrc{7}, 102);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->header.sequence, originals[i].packet.header.sequence);
    EXPECT_EQ(again->header.marker, originals[i].packet.header.marker);
    EXPECT_EQ(again->header.timestamp, 1234u);
    EXPECT_TRUE(equal(again->payload, originals[i].packet.payload));
  }
}

TEST(VideoSender, without_rtx_it_is_the_same_packet_to_the_last_bit) {
  Sending s(false);
  ASSERT_TRUE(s.give(unit(0x65, 3000), 1234));
  s.fetch_all();
  const auto originals = std::move(s.out);
  s.out.clear();
  for (const Sent& original : originals) s.sender.on_nack(original.packet.header.sequence);
  s.fetch_all();
  ASSERT_EQ(s.out.size(), originals.size());
  for (std::size_t i = 0; i < originals.size(); ++i) EXPECT_EQ(s.out[i].bytes, originals[i].bytes);
}

TEST(VideoSender, a_packet_is_repeated_bit_by_bit_also_where_payload_types_have_changed) {
  Sending s(false);
  ASSERT_TRUE(s.give(sets + unit(0x65, 3000)));
  s.fetch_all();
  const std::size_t sent = s.out.size();
  NegotiatedVideo other = video(false);
  other.format.payload_type = 110;
  s.sender.change(other);
  s.sender.on_nack(s.out[1].packet.header.sequence);
  s.fetch_all();
  ASSERT_EQ(s.out.size(), sent + 1);
  EXPECT_EQ(s.out.back().bytes, s.out[1].bytes);
  ASSERT_TRUE(s.give(unit(0x61, 100)));
  s.fetch_all();
  EXPECT_EQ(s.out.back().packet.header.payload_type, 110);
}

// What a receiver would get for a lost packet; nothing where it gets none.
std::optional<rtp::Header> repeated(Sending& s) {
  const std::size_t before = s.out.size();
  EXPECT_TRUE(s.give(unit(0x41, 100)));
  s.fetch_all();
  s.sender.on_nack(s.out.back().packet.header.sequence);
  s.fetch_all();
  EXPECT_LE(s.out.size(), before + 2);
  if (s.out.size() == before + 1) return std::nullopt;
  return s.out.back().packet.header;
}

TEST(VideoSender, rtx_ends_with_a_description_that_has_none_and_begins_with_one_that_has_it) {
  Sending s(true);
  EXPECT_EQ(repeated(s)->payload_type, 103);
  s.sender.change(video(false));
  // [rfc3711#9.1] Nobody has allowed these packets to be sealed again.
  EXPECT_FALSE(repeated(s));
  NegotiatedVideo other = video(true);
  other.format.rtx_payload_type = 127;
  s.sender.change(other);
  EXPECT_EQ(repeated(s)->payload_type, 127);

  Sending plain(false);
  EXPECT_EQ(repeated(plain)->ssrc, rtp::Ssrc{7});
  plain.sender.change(video(true));
  EXPECT_EQ(repeated(plain)->ssrc, rtp::Ssrc{8});
  EXPECT_EQ(repeated(plain)->payload_type, 103);
  plain.sender.change(video(false));
  EXPECT_EQ(repeated(plain)->ssrc, rtp::Ssrc{7});
}

TEST(VideoSender, what_was_asked_for_before_rtx_ended_is_not_sent) {
  Sending s(true);
  ASSERT_TRUE(s.give(unit(0x41, 100)));
  s.fetch_all();
  const std::size_t before = s.out.size();
  s.sender.on_nack(s.out.back().packet.header.sequence);
  s.sender.change(video(false));
  s.fetch_all();
  EXPECT_EQ(s.out.size(), before);
}

// [rfc6184#6.2] In mode 0 there are no fragments.
TEST(VideoSender, the_mode_of_a_later_description_counts) {
  Sending s;
  ASSERT_TRUE(s.give(unit(0x65, 3000)));
  s.fetch_all();
  NegotiatedVideo single = video(true);
  single.format.fragments = false;
  s.sender.change(single);
  EXPECT_EQ(s.give(unit(0x41, 3000)).error().code, Errc::unsupported);
  EXPECT_EQ(s.give(unit(0x41, 300)).error().code, Errc::would_block) << "it refers to that one";
  EXPECT_TRUE(s.sender.needs_keyframe());
  EXPECT_TRUE(s.give(unit(0x65, 300)));
  EXPECT_TRUE(s.give(unit(0x41, 300)));
  s.sender.change(video(true));
  EXPECT_TRUE(s.give(unit(0x41, 3000)));
}

TEST(VideoSender, nobody_gets_a_packet_more_often_than_max_resend_count) {
  Sending s;
  ASSERT_TRUE(s.give(unit(0x65, 500)));
  s.fetch_all();
  const auto sequence = s.out[0].packet.header.sequence;
  for (int i = 0; i < 100; ++i) {
    s.sender.on_nack(sequence);
    s.sender.on_nack(sequence);
    s.fetch_all();
  }
  EXPECT_EQ(s.out.size(), 1u + 3u);
}

TEST(VideoSender, what_was_never_sent_or_is_too_old_does_not_come_again) {
  VideoSenderOptions few;
  few.most_packets = 10;
  Sending s(true, few);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(s.give(unit(0x41, 100)));
  s.fetch_all();
  const auto last = s.out.back().packet.header.sequence;
  s.out.clear();
  s.sender.on_nack(static_cast<std::uint16_t>(last + 1));
  s.sender.on_nack(static_cast<std::uint16_t>(last - 10));
  EXPECT_EQ(s.fetch(), 0u);
  s.sender.on_nack(static_cast<std::uint16_t>(last - 9));
  EXPECT_EQ(s.fetch(), 1u);
}

TEST(VideoSender, what_is_kept_stays_inside_its_pool) {
  VideoSenderOptions small;
  small.most_bytes = 50'000;
  Sending s(true, small);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(s.give(unit(0x41, 4000)));
    s.fetch_all();
    EXPECT_LE(s.sender.bytes(), 50'000u);
  }
  EXPECT_LE(s.env.memory.live, 70'000u);
}

TEST(VideoSender, a_keyframe_of_a_megabyte_is_taken_when_nothing_waits_and_leaves_at_a_pace) {
  Sending s;
  ASSERT_TRUE(s.give(unit(0x65, 1'000'000)));
  s.fetch();
  EXPECT_LE(s.out.size(), 12u);
  EXPECT_TRUE(s.sender.next_deadline());
  // Behind it no second one has room.
  EXPECT_EQ(s.give(unit(0x41, 1000)).error().code, Errc::would_block);
  s.fetch_all();
  EXPECT_GT(s.ms, 100);
  EXPECT_LT(s.ms, 600);
  EXPECT_FALSE(s.give(unit(0x41, 1000))) << "it refers to the one that had no room";
  EXPECT_TRUE(s.sender.needs_keyframe());
  EXPECT_TRUE(s.give(unit(0x65, 1000)));
  EXPECT_FALSE(s.sender.needs_keyframe());
  EXPECT_TRUE(s.give(unit(0x41, 1000)));
  EXPECT_LE(s.sender.bytes(), 400'000u);
}

// An application that gives ten times what the peer wants, and obeys: it leaves out what is
// refused, and gives a keyframe when one is needed.
// covers: must rfc8834#7.1b
TEST(VideoSender, above_the_limit_frames_are_refused_and_none_leaves_that_refers_to_them) {
  for (const bool with_rtx : {true, false}) {
    Sending s(with_rtx);
    NegotiatedVideo limited = video(with_rtx);
    limited.bandwidth.transport = 37'500;
    s.sender.change(limited);
    bool whole = true;  // all since the last keyframe were taken
    int taken = 0, keyframes = 0;
    std::int64_t longest = 0;
    for (int i = 0; i < 900; ++i) {
      const bool keyframe = i == 0 || s.sender.needs_keyframe();
      const Octets frame = keyframe ? sets + unit(0x65, 10'000) : unit(0x41, 4'000);
      const bool takes = static_cast<bool>(s.give(frame, static_cast<std::uint32_t>(i * 3'000)));
      EXPECT_FALSE(takes && !keyframe && !whole) << i;
      whole = takes ? whole || keyframe : false;
      taken += takes;
      keyframes += takes && keyframe;
      longest = std::max<std::int64_t>(longest, static_cast<std::int64_t>(s.sender.waiting()));
      for (int ms = 0; ms < 33; ++ms, ++s.ms) {
        s.fetch();
        // The receiver asks again for one of them.
        if (s.ms % 100 == 0 && !s.out.empty()) {
          s.sender.on_nack(s.out.back().packet.header.sequence);
        }
      }
    }
    std::size_t bytes = 0;
    for (const Sent& sent : s.out) bytes += sent.bytes.size() + 20 + 48;  // sealed, over IPv6
    EXPECT_LE(bytes, 37'500u * 297 / 10);
    EXPECT_GE(bytes, 37'500u * 297 / 10 * 9 / 10);
    EXPECT_GT(taken, 100);
    EXPECT_LT(taken, 250);
    EXPECT_GT(keyframes, 10);
    EXPECT_LT(keyframes, taken / 2) << "a keyframe finds room for those behind it";
    EXPECT_LE(longest, 37'500 / 2 + 2 * 10'100) << "half a second, a keyframe and one frame";
  }
}

TEST(VideoSender, below_the_limit_every_frame_is_taken) {
  Sending s;
  NegotiatedVideo limited = video(true);
  limited.bandwidth = {37'500, 35'000};
  s.sender.change(limited);
  for (int i = 0; i < 300; ++i) {
    EXPECT_TRUE(s.give(unit(0x41, 800), static_cast<std::uint32_t>(i * 3'000)));
    for (int ms = 0; ms < 33; ++ms, ++s.ms) s.fetch();
    EXPECT_EQ(s.sender.waiting(), 0u);
  }
  limited.bandwidth = {};
  s.sender.change(limited);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(s.give(unit(0x65, 10'000)));
}

// A program that calls the loop, sleeps 20 ms, and so on.
TEST(VideoSender, whoever_looks_seldom_holds_no_frame_up) {
  for (const std::size_t size : {30'000u, 60'000u}) {
    Sending s;
    std::vector<std::int64_t> given;
    std::size_t gone = 0;
    std::int64_t worst = 0;
    const auto look = [&] {
      s.fetch();
      for (const Sent& sent : s.out) {
        if (!sent.packet.header.marker) continue;
        const std::int64_t latency = s.ms - given.at(gone);
        if (gone++ >= 30) worst = std::max(worst, latency);  // it knows what to expect by then
      }
      s.out.clear();
    };
    for (; given.size() < 200; ++s.ms) {
      if (s.ms % 33 == 0) {
        given.push_back(s.ms);
        EXPECT_TRUE(s.give(sets + unit(0x65, size))) << size << " " << given.size();
        look();  // what may go goes at once
      }
      if (s.ms % 20 == 0) look();
    }
    EXPECT_GE(gone, 198u);
    EXPECT_LE(worst, 40) << size << ": two turns";
  }
}

// A receiver could not tell its end from the beginning of the one before.
TEST(VideoSender, a_frame_of_more_packets_than_half_of_the_numbers_is_refused_before_it_is_copied) {
  Sending s;
  EXPECT_EQ(s.give(Octets(std::size_t{0x8000} * max_packet, std::byte{1})).code(),
            Errc::over_limit);
  EXPECT_LT(s.env.memory.peak, 1'000'000u);
}

TEST(VideoSender, a_frame_that_no_packet_can_carry_is_refused_and_the_next_keyframe_goes) {
  Sending s;
  EXPECT_EQ(s.give(unit(0x60, 50)).error().code, Errc::unsupported);
  EXPECT_EQ(s.give({}).error().code, Errc::unsupported);
  EXPECT_EQ(s.sender.bytes(), 0u);
  EXPECT_TRUE(s.give(unit(0x65, 50)));
}

// An encoder that gives its sets by themselves, while only a keyframe is taken.
TEST(VideoSender, parameter_sets_of_a_frame_that_is_refused_go_with_the_next_keyframe) {
  Sending s;
  ASSERT_TRUE(s.give(unit(0x65, 50)));
  EXPECT_EQ(s.give(unit(0x60, 50)).error().code, Errc::unsupported);
  EXPECT_EQ(s.give(sets).error().code, Errc::would_block);
  s.fetch_all();
  ASSERT_TRUE(s.give(unit(0x65, 50)));
  const std::size_t with_sets = s.sender.waiting();
  s.fetch_all();
  EXPECT_GE(with_sets, sets.size() + 50);
}

// As files of MP4 have it. Nobody could show what came of it.
TEST(VideoSender, h264_with_lengths_in_the_place_of_start_codes_is_refused) {
  Sending s;
  Octets frame = unit(0x41, 50);
  frame[3] = std::byte{50};
  EXPECT_EQ(s.give(frame).error().code, Errc::unsupported);
  EXPECT_EQ(s.give(Octets(50, std::byte{0x41})).error().code, Errc::unsupported);
  EXPECT_TRUE(s.give(unit(0x41, 50)));
}

TEST(VideoSender, seventy_thousand_packets_and_each_is_found_again) {
  Sending s;
  for (std::uint32_t i = 0; i < 35'000; ++i) {
    ASSERT_TRUE(s.give(unit(0x41, 1300), i * 3000));
    s.out.clear();
    s.fetch_all();
    ASSERT_EQ(s.out.size(), 2u);
    const auto sequence = s.out[0].packet.header.sequence;
    const Octets payload(s.out[0].packet.payload.begin(), s.out[0].packet.payload.end());
    if (i % 50 != 0 && sequence < 65'530 && sequence > 5) continue;
    s.out.clear();
    s.sender.on_nack(sequence);
    s.fetch_all();
    ASSERT_EQ(s.out.size(), 1u) << sequence;
    const auto again = rtp::unwrap_rtx(s.out[0].packet, rtp::Ssrc{7}, 102);
    EXPECT_EQ(again->header.sequence, sequence);
    EXPECT_TRUE(equal(again->payload, payload));
  }
}

TEST(VideoSender, without_memory_a_frame_is_refused_and_nothing_leaks) {
  for (std::size_t refused = 0; refused < 12; ++refused) {
    Sending s;
    s.env.memory.fail_from = refused;
    if (const Status status = s.give(sets + unit(0x65, 5000)); !status) {
      EXPECT_EQ(status.error().code, Errc::no_memory);
      EXPECT_EQ(s.fetch(), 0u);
    }
    s.env.memory.fail_from = static_cast<std::size_t>(-1);
    s.fetch_all();
    EXPECT_TRUE(s.give(unit(0x65, 100)));
    s.fetch_all();
  }
}

// covers: bug 72
TEST(VideoSender, small_frames_stay_inside_the_pool_and_go_when_nobody_finds_them) {
  for (const std::size_t most_packets : {256u, 60'000u}) {
    VideoSenderOptions options;
    options.most_bytes = 50'000;
    options.most_packets = most_packets;
    Sending s(true, options);
    ASSERT_TRUE(s.give(sets + unit(0x65, 20)));
    for (int i = 0; i < 3'000; ++i, s.ms += 5) {
      ASSERT_TRUE(s.give(unit(0x41, 20)));
      s.fetch_all();
      s.out.clear();
      ASSERT_LE(s.sender.bytes(), 50'000u);
      ASSERT_LE(s.env.memory.live, 2 * 50'000u);
    }
    if (most_packets == 256) {
      EXPECT_LE(s.env.memory.live, 100'000u);
    }
  }
  VideoSenderOptions options;
  options.most_bytes = 50'000;
  Sending s(true, options);
  while (s.give(unit(0x41, 20))) {
    ASSERT_LE(s.env.memory.live, 150'000u) << "none has left yet";
  }
}

}  // namespace
}  // namespace esp_peer::peer
