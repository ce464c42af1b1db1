// Video comes in whole frames from a keyframe on; what is lost is asked for, and then a keyframe.
#include "peer/video_receiver.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "peer/video_sender.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;
using Octets = std::vector<std::byte>;

Octets access_unit(bool keyframe, std::size_t size) {
  const auto unit = [](int header, std::size_t n) {
    Octets out = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}, std::byte(header)};
    while (out.size() < 4 + n) out.push_back(static_cast<std::byte>(1 + out.size() % 250));
    return out;
  };
  Octets out;
  if (keyframe) {
    out = unit(0x67, 20);
    const Octets pps = unit(0x68, 5);
    out.insert(out.end(), pps.begin(), pps.end());
  }
  const Octets picture = unit(keyframe ? 0x65 : 0x41, size);
  out.insert(out.end(), picture.begin(), picture.end());
  return out;
}

sdp::VideoFormat format(bool with_rtx) {
  sdp::VideoFormat f;
  f.codec = sdp::VideoCodec::h264;
  f.payload_type = 102;
  if (with_rtx) f.rtx_payload_type = 103;
  f.nack = f.pli = f.fir = true;
  return f;
}

// A camera at 30 frames a second, a receiver, and a path between them that loses and delays, in
// virtual milliseconds.
struct Call {
  test::TestEnv env;
  std::mt19937 random{1};
  sdp::VideoFormat agreed;
  VideoSender sender;
  VideoReceiver receiver;
  int loss_percent = 0, delay_ms = 25, jitter_ms = 0;
  std::int64_t ms = 0;
  bool keyframe_wanted = true, fetches = true;
  std::multimap<std::int64_t, Octets> to_receiver, to_sender;
  std::vector<Octets> given;
  std::map<std::size_t, std::int64_t> given_at;
  struct Got {
    std::size_t index;
    std::int64_t latency;
  };
  std::vector<Got> got;
  int plis = 0, nacks = 0;

  Call(bool with_rtx, const VideoReceiverOptions& options)
      : agreed(format(with_rtx)),
        sender(
            [&] {
              NegotiatedVideo v;
              v.format = agreed;
              v.direction = sdp::Direction::sendonly;
              v.local_ssrc = 7;
              v.local_rtx_ssrc = 8;
              return v;
            }(),
            {}, 1200, env.env),
        receiver(options, env.env) {
    if (!with_rtx) sender.allow_repeats();
  }

  bool lost() { return static_cast<int>(random() % 100) < loss_percent; }
  std::int64_t arrival() {
    return ms + delay_ms + (jitter_ms ? static_cast<std::int64_t>(random()) % jitter_ms : 0);
  }
  void give() {
    // The index stands in the size; bytes are the same.
    given.push_back(access_unit(keyframe_wanted, keyframe_wanted ? 20'000 + given.size() % 997
                                                                 : 7'000 + given.size() % 997));
    keyframe_wanted = false;
    given_at[given.size() - 1] = ms;
    EXPECT_TRUE(sender.send(at_ms(ms), static_cast<std::uint32_t>((given.size() - 1) * 3000),
                            given.back()));
  }
  void pass_one_ms() {
    if (ms % 33 == 0) give();
    Octets room(1500);
    while (const std::size_t size = sender.write_packet(at_ms(ms), room)) {
      if (!lost()) {
        to_receiver.emplace(arrival(),
                            Octets(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)));
      }
    }
    for (; !to_receiver.empty() && to_receiver.begin()->first <= ms;
         to_receiver.erase(to_receiver.begin())) {
      receiver.on_packet(at_ms(ms), *rtp::parse_packet(to_receiver.begin()->second), agreed);
    }
    if (receiver.next_deadline() && *receiver.next_deadline() <= at_ms(ms)) {
      receiver.on_deadline(at_ms(ms));
    }
    while (fetches) {
      const auto frame = receiver.read_frame(at_ms(ms));
      if (!frame) break;
      take(*frame);
    }
    if (receiver.has_feedback()) {
      rtp::CompoundWriter out(room);
      receiver.write_feedback(at_ms(ms), out, rtp::Ssrc{99});
      if (out.size() > 0 && !lost()) {
        to_sender.emplace(
            arrival(),
            Octets(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(out.size())));
      }
    }
    for (; !to_sender.empty() && to_sender.begin()->first <= ms;
         to_sender.erase(to_sender.begin())) {
      hear_feedback(to_sender.begin()->second);
    }
    ++ms;
  }
  void hear_feedback(Bytes datagram) {
    auto compound = rtp::CompoundReader::open(datagram);
    ASSERT_TRUE(compound);
    while (const auto packet = compound->next()) {
      if (const auto nack = rtp::parse_nack(*packet)) {
        nack->for_each([&](std::uint16_t sequence) {
          ++nacks;
          sender.on_nack(sequence);
        });
      }
      if (rtp::parse_picture_loss(*packet)) {
        ++plis;
        keyframe_wanted = true;
      }
    }
  }
  void take(const VideoFrame& frame) {
    const auto index = (static_cast<std::size_t>(frame.pts) * 90 + 1500) / 3000;
    ASSERT_LT(index, given.size());
    EXPECT_TRUE(got.empty() || index > got.back().index) << "not in order, or twice";
    EXPECT_TRUE(equal(frame.data.bytes(), given[index])) << "broken frame " << index;
    got.push_back({index, ms - given_at[index]});
  }
  void run(std::int64_t time) {
    for (const std::int64_t end = ms + time; ms < end;) pass_one_ms();
  }
  std::int64_t worst_latency() const {
    std::int64_t worst = 0;
    for (const Got& g : got) worst = std::max(worst, g.latency);
    return worst;
  }
};

VideoReceiverOptions hold(std::int64_t ms) {
  VideoReceiverOptions options;
  options.buffer.longest_hold = milliseconds(ms);
  return options;
}

TEST(VideoReceiver, without_loss_every_frame_comes_and_nothing_is_asked) {
  Call call(true, {});
  call.run(10'000);
  EXPECT_GE(call.got.size(), call.given.size() - 3);
  EXPECT_EQ(call.plis + call.nacks, 0);
}

TEST(VideoReceiver, loss_is_repaired_with_and_without_rtx) {
  for (const bool with_rtx : {true, false}) {
    Call call(with_rtx, hold(300));
    call.loss_percent = 3;
    call.run(20'000);
    call.loss_percent = 0;
    call.run(400);
    EXPECT_GE(call.got.size(), call.given.size() * 995 / 1000 - 2) << with_rtx;
    EXPECT_GT(call.nacks, 50);
  }
}

TEST(VideoReceiver, a_late_packet_is_not_asked_for) {
  Call call(true, hold(300));
  call.jitter_ms = 15;
  call.run(10'000);
  EXPECT_GE(call.got.size(), call.given.size() - 3);
  EXPECT_EQ(call.nacks, 0);
}

// covers: must rfc8834#6.1
TEST(VideoReceiver, ten_percent_loss_and_jitter_leave_99_of_100_frames) {
  Call call(true, hold(300));
  call.loss_percent = 10;
  call.jitter_ms = 30;
  call.run(60'000);
  call.loss_percent = 0;
  call.run(400);
  EXPECT_GE(call.got.size(), call.given.size() * 99 / 100);
  // The way there, the hold, and the time that pacing takes.
  EXPECT_LE(call.worst_latency(), 25 + 30 + 300 + 33);
}

TEST(VideoReceiver, a_burst_that_cannot_be_repaired_leads_to_a_keyframe_and_nothing_broken) {
  Call call(true, {});
  call.run(1'000);
  call.loss_percent = 100;
  call.run(2'000);  // more packets than the sender keeps
  call.loss_percent = 0;
  const std::size_t before = call.got.size();
  call.run(2'000);
  EXPECT_GE(call.plis, 1);
  EXPECT_LE(call.plis, 3);
  ASSERT_GT(call.got.size(), before + 40);
  EXPECT_GT(call.given[call.got[before].index].size(), 20'000u) << "it goes on with a keyframe";
}

TEST(VideoReceiver, who_comes_late_asks_for_a_keyframe_and_shows_nothing_before) {
  Call call(true, {});
  call.loss_percent = 100;
  call.run(500);
  call.loss_percent = 0;
  call.run(1'000);
  EXPECT_GE(call.plis, 1);
  ASSERT_FALSE(call.got.empty());
  EXPECT_GT(call.given[call.got[0].index].size(), 20'000u);
}

// An application that is busy: what was given up for want of room is lost like any other picture,
// and what it does not look at needs no keyframe yet.
TEST(VideoReceiver, what_nobody_fetched_in_time_is_followed_by_a_keyframe) {
  VideoReceiverOptions options;
  options.buffer.most_bytes = 50'000;
  Call call(true, options);
  call.run(1'000);
  call.fetches = false;
  call.run(3'000);
  EXPECT_EQ(call.plis, 0);
  call.fetches = true;
  const std::size_t before = call.got.size();
  call.run(1'000);
  EXPECT_EQ(call.plis, 1);
  ASSERT_GT(call.got.size(), before + 20);
  EXPECT_GT(call.given[call.got[before].index].size(), 20'000u);
}

// [rfc4585#6.3.1] But a peer that never gives one is not asked more often than it can.
TEST(VideoReceiver, a_peer_without_keyframes_is_asked_three_times_a_second) {
  Call call(true, {});
  call.run(100);
  call.loss_percent = 100;
  call.run(300);
  call.loss_percent = 0;
  for (int i = 0; i < 10'000; ++i) {
    call.keyframe_wanted = false;
    call.pass_one_ms();
  }
  EXPECT_GE(call.plis, 30);
  EXPECT_LE(call.plis, 35);
}

// A camera that stands still: its last picture is lost, and nobody knows whether there will be
// another.
TEST(VideoReceiver, who_has_fallen_silent_is_not_asked_for_ever_but_when_he_is_heard_again) {
  Call call(true, {});
  call.run(1'000);
  std::int64_t from = call.ms;
  Octets room(1500);
  const auto ask = [&](std::int64_t time) {
    int asked = 0;
    for (const std::int64_t end = call.ms + time; call.ms < end; ++call.ms) {
      if (call.receiver.next_deadline() && *call.receiver.next_deadline() <= at_ms(call.ms)) {
        call.receiver.on_deadline(at_ms(call.ms));
      }
      while (call.receiver.read_frame(at_ms(call.ms))) {
      }
      if (!call.receiver.has_feedback()) continue;
      rtp::CompoundWriter out(room);
      call.receiver.write_feedback(at_ms(call.ms), out, rtp::Ssrc{99});
      const int before = call.plis;
      call.hear_feedback(Bytes(room).first(out.size()));
      asked += call.plis - before;
    }
    return asked;
  };
  const auto hear = [&](std::uint16_t sequence, std::uint32_t timestamp, const Octets& payload) {
    rtp::Packet packet;
    packet.header = {true, 102, sequence, timestamp, rtp::Ssrc{50}};
    packet.payload = payload;
    call.receiver.on_packet(at_ms(call.ms), packet, call.agreed);
  };
  const Octets delta = {std::byte{0x41}, std::byte{7}};
  hear(10, static_cast<std::uint32_t>(from), delta);  // no keyframe, ever
  EXPECT_EQ(ask(600), 0) << "the other one may go on";
  hear(11, static_cast<std::uint32_t>(from) + 3'000, delta);
  EXPECT_GE(ask(10'000), 25);
  EXPECT_LE(ask(600'000), 2);
  EXPECT_FALSE(call.receiver.next_deadline()) << "nobody has to be woken";
  hear(12, static_cast<std::uint32_t>(from) + 6'000, delta);
  EXPECT_EQ(ask(100), 1);
}

// 33 a minute; 47 while half of the time was enough of a reason.
TEST(VideoReceiver, what_is_being_repaired_in_time_seldom_asks_for_a_keyframe) {
  Call call(true, hold(300));
  call.loss_percent = 1;
  call.delay_ms = 50;
  call.jitter_ms = 30;
  call.run(60'000);
  call.loss_percent = 0;
  call.run(400);
  EXPECT_GE(call.got.size(), call.given.size() * 998 / 1000);
  EXPECT_LE(call.plis, 40);
}

// covers: changelog 27
TEST(VideoReceiver, pli_send_interval_asks_without_need) {
  VideoReceiverOptions options;
  options.pli_interval = milliseconds(1000);
  Call call(true, options);
  call.run(10'500);
  EXPECT_EQ(call.plis, 10);
  EXPECT_GE(call.got.size(), call.given.size() - 3);
}

TEST(VideoReceiver, nothing_is_asked_that_was_not_agreed_on) {
  Call call(true, {});
  call.agreed.nack = call.agreed.pli = call.agreed.fir = false;
  call.loss_percent = 10;
  call.run(5'000);
  EXPECT_EQ(call.plis + call.nacks, 0);
}

TEST(VideoReceiver, keyframes_of_a_stream_whose_sets_came_once_get_them) {
  test::TestEnv env;
  VideoReceiver receiver({}, env.env);
  const auto hear = [&](std::uint16_t sequence, bool marker, std::initializer_list<int> octets) {
    Octets payload;
    for (const int octet : octets) payload.push_back(static_cast<std::byte>(octet));
    rtp::Packet packet;
    packet.header = {marker, 102, sequence, sequence * 3000u, rtp::Ssrc{1}};
    packet.payload = payload;
    receiver.on_packet(at_ms(0), packet, format(false));
  };
  hear(1, true, {0x78, 0, 6, 0x67, 1, 2, 3, 4, 5, 0, 3, 0x68, 6, 7});
  EXPECT_FALSE(receiver.read_frame(at_ms(0)));  // no picture yet
  hear(2, true, {0x65, 8});
  const auto frame = receiver.read_frame(at_ms(0));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->data.size(), 10 + 7 + 6u);
}

// A keyframe without its beginning looks whole: the number before it was never heard of.
TEST(VideoReceiver, the_first_picture_counts_only_if_it_begins_as_streams_do) {
  const Octets whole = access_unit(true, 3000);
  test::TestEnv env;
  for (const std::size_t lost : {0u, 1u}) {
    NegotiatedVideo video;
    video.format = format(true);
    VideoSender sender(video, {}, 1200, env.env);
    VideoReceiver receiver({}, env.env);
    const auto send = [&](std::uint32_t timestamp, std::size_t but) {
      ASSERT_TRUE(sender.send(at_ms(0), timestamp, whole));
      Octets room(1200);
      std::int64_t ms = timestamp / 90;
      for (std::size_t i = 0; i < 100; ++i, ++ms) {
        const std::size_t size = sender.write_packet(at_ms(ms), room);
        if (size == 0 || i < but) continue;
        receiver.on_packet(at_ms(ms), *rtp::parse_packet(Bytes(room).first(size)), format(true));
      }
    };
    send(0, lost);
    const auto first = receiver.read_frame(at_ms(100));
    EXPECT_EQ(first.has_value(), lost == 0);
    EXPECT_EQ(receiver.has_feedback(), lost != 0) << "it is asked for";
    send(90'000, 0);
    const auto second = receiver.read_frame(at_ms(1100));
    ASSERT_TRUE(second);
    EXPECT_TRUE(equal(second->data.bytes(), whole));
  }
}

// Packets by hand, of one source.
struct Hand {
  test::TestEnv env;
  VideoReceiver receiver{{}, env.env};
  sdp::VideoFormat agreed = format(true);
  std::int64_t ms = 0;
  int frames = 0;
  std::vector<std::uint32_t> shown;  // pts
  int plis = 0;
  std::vector<int> firs;  // numbers
  std::size_t asked = 0;  // packets

  void hear(std::uint16_t sequence, std::uint32_t timestamp, bool marker, const Octets& payload,
            const VideoStream& stream = {}, unsigned ssrc = 1, std::uint8_t payload_type = 102) {
    rtp::Packet packet;
    packet.header = {marker, payload_type, sequence, timestamp, rtp::Ssrc{ssrc}};
    packet.payload = payload;
    receiver.on_packet(at_ms(ms), packet, agreed, stream);
    look();
  }
  void wait(std::int64_t by) {
    for (const std::int64_t end = ms + by; ms < end;) {
      receiver.on_deadline(at_ms(++ms));
      look();
    }
  }
  void look() {
    while (const auto frame = receiver.read_frame(at_ms(ms))) {
      ++frames;
      shown.push_back(frame->pts);
    }
    while (receiver.has_feedback()) {
      Octets room(1200);
      rtp::CompoundWriter out(room);
      receiver.write_feedback(at_ms(ms), out, rtp::Ssrc{99});
      auto compound = rtp::CompoundReader::open(Bytes(room).first(out.size()));
      while (compound) {
        const auto packet = compound->next();
        if (!packet) break;
        plis += rtp::parse_picture_loss(*packet).has_value();
        const auto full = rtp::parse_full_intra(*packet);
        for (std::size_t i = 0; full && i < full->size(); ++i) firs.push_back((*full)[i].number);
        const auto nack = rtp::parse_nack(*packet);
        if (nack) nack->for_each([this](std::uint16_t) { ++asked; });
      }
    }
  }
};
const Octets parameter_sets = {std::byte{0x78}, std::byte{0},    std::byte{2},
                               std::byte{0x67}, std::byte{1},    std::byte{0},
                               std::byte{2},    std::byte{0x68}, std::byte{1}};
const Octets upper_half = {std::byte{0x65}, std::byte{0x88}, std::byte{1}};
const Octets lower_half = {std::byte{0x65}, std::byte{0x11}, std::byte{2}};
const Octets whole_keyframe = {std::byte{0x78}, std::byte{0},    std::byte{2},
                               std::byte{0x67}, std::byte{1},    std::byte{0},
                               std::byte{2},    std::byte{0x65}, std::byte{1}};
const Octets other_picture = {std::byte{0x41}, std::byte{0x9A}, std::byte{3}};

TEST(VideoReceiver, half_a_keyframe_whose_rest_comes_too_late_is_not_shown) {
  Hand h;
  h.hear(10, 0, true, whole_keyframe);
  EXPECT_EQ(h.frames, 1);
  h.hear(11, 3000, false, parameter_sets);
  h.hear(12, 3000, false, upper_half);
  h.hear(14, 6000, true, other_picture);
  h.wait(101);
  h.hear(13, 3000, true, lower_half);
  EXPECT_EQ(h.frames, 1);
  EXPECT_GE(h.plis, 1);
  h.hear(15, 9000, true, whole_keyframe);
  EXPECT_EQ(h.frames, 2);
}

TEST(VideoReceiver, a_keyframe_outlives_the_end_of_the_picture_before_it) {
  Hand h;
  h.hear(10, 0, true, whole_keyframe);
  h.hear(11, 3000, false, other_picture);
  h.wait(50);
  h.hear(13, 6000, true, whole_keyframe);  // 12 never comes
  EXPECT_EQ(h.frames, 1);
  h.wait(101);
  EXPECT_EQ(h.frames, 2);
  h.hear(14, 9000, true, other_picture);
  EXPECT_EQ(h.frames, 3);
}

TEST(VideoReceiver, behind_a_leap_nothing_is_shown_before_a_keyframe_that_is_asked_for) {
  Hand h;
  h.hear(10, 0, true, whole_keyframe);
  h.hear(20'010, 900'000, true, other_picture);
  h.hear(20'011, 903'000, true, other_picture);
  h.hear(20'012, 906'000, true, other_picture);
  EXPECT_EQ(h.frames, 1);
  EXPECT_EQ(h.plis, 1);
  h.hear(20'013, 909'000, true, whole_keyframe);
  EXPECT_EQ(h.frames, 2);
}

TEST(VideoReceiver, padding_behind_a_frame_costs_none) {
  Hand h;
  h.hear(10, 0, true, whole_keyframe);
  h.hear(11, 0, false, {});
  h.hear(12, 3000, true, other_picture);
  h.hear(13, 6000, true, other_picture);
  EXPECT_EQ(h.frames, 3);
  EXPECT_EQ(h.plis, 0);
}

// [rfc4588#4] Whatever number it names.
TEST(VideoReceiver, a_repetition_of_what_nobody_lacks_is_dropped) {
  for (const int ahead : {1, 2'000, 32'767}) {
    Hand h;
    VideoStream stream;
    stream.repairs = rtp::Ssrc{1};
    h.hear(10, 0, true, whole_keyframe);
    const auto number = static_cast<std::uint16_t>(10 + ahead);
    Octets repeated = {std::byte(number >> 8), std::byte(number & 0xFF)};
    repeated.insert(repeated.end(), other_picture.begin(), other_picture.end());
    h.hear(1, 3000, true, repeated, stream, 2, 103);
    for (std::uint16_t i = 11; i < 60; ++i) {
      h.hear(i, 3000u * i, true, other_picture);
      h.wait(33);
    }
    EXPECT_EQ(h.frames, 50) << ahead;
    EXPECT_EQ(h.plis, 0) << ahead;
  }
}

TEST(VideoReceiver, all_that_is_missing_is_asked_for_at_once) {
  Hand h;
  h.hear(10, 0, true, whole_keyframe);
  h.hear(900, 3000, true, other_picture);
  h.ms += 20;
  h.receiver.on_deadline(at_ms(h.ms));
  h.look();
  EXPECT_EQ(h.asked, 889u);
}

// So far from each other that each needs an entry of its own.
TEST(VideoReceiver, what_counts_as_asked_for_was_asked_for) {
  Hand h;
  h.hear(10, 0, true, whole_keyframe);
  for (std::uint16_t i = 11; i < 11 + 18 * 100; ++i) {
    if (i % 18 != 0) h.hear(i, 3000u * i, true, other_picture);
  }
  h.ms += 20;
  h.receiver.on_deadline(at_ms(h.ms));
  h.look();
  EXPECT_EQ(h.asked, 100u);
}

TEST(VideoReceiver, a_third_source_takes_the_place_of_none_that_is_heard) {
  Hand h;
  for (std::uint16_t i = 0; i < 100; ++i) {
    for (unsigned ssrc = 1; ssrc <= 3; ++ssrc) {
      h.hear(i, 3000u * i, true, i == 0 ? whole_keyframe : other_picture, {}, ssrc);
    }
    h.wait(33);
  }
  EXPECT_EQ(h.frames, 1 + 100) << "the second one's keyframe came last";
  EXPECT_EQ(h.plis, 0);
  for (std::uint16_t i = 100; i < 200; ++i) {
    h.hear(i, 3000u * i, true, i % 10 == 0 ? whole_keyframe : other_picture, {}, 3);
    h.wait(33);
  }
  EXPECT_GE(h.frames, 101 + 30) << "once another has fallen silent";
}

TEST(VideoReceiver, two_sources_are_kept_apart_and_a_third_takes_the_place_of_the_silent_one) {
  test::TestEnv env;
  VideoReceiver receiver({}, env.env);
  std::int64_t ms = 0;
  const Octets picture = {std::byte{0x78}, std::byte{0},    std::byte{2},
                          std::byte{0x67}, std::byte{1},    std::byte{0},
                          std::byte{2},    std::byte{0x65}, std::byte{1}};
  const auto hear = [&](unsigned ssrc, std::uint16_t sequence) {
    rtp::Packet packet;
    packet.header = {true, 102, sequence, 0, rtp::Ssrc{ssrc}};
    packet.payload = picture;
    receiver.on_packet(at_ms(++ms), packet, format(false));
    return receiver.read_frame(at_ms(ms)).has_value();
  };
  for (std::uint16_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(hear(1, i));
    EXPECT_TRUE(hear(2, static_cast<std::uint16_t>(i + 7)));
  }
  ms += 2'000;
  EXPECT_TRUE(hear(3, 5));
  const std::size_t with_two = env.memory.live;
  for (unsigned ssrc = 10; ssrc < 200; ++ssrc) hear(ssrc, 1);
  EXPECT_LE(env.memory.live, with_two + 1000);
}

// A server that shows somebody else, a sender that begins under another name: pictures of two
// streams make no film.
TEST(VideoReceiver, of_two_sources_the_one_is_shown_whose_keyframe_came_last) {
  Hand h;
  h.hear(10, 0, true, whole_keyframe, {}, 1);
  h.hear(5, 900'000, true, whole_keyframe, {}, 2);
  h.hear(11, 3'000, true, other_picture, {}, 1);  // late
  h.hear(6, 903'000, true, other_picture, {}, 2);
  EXPECT_EQ(h.shown, (std::vector<std::uint32_t>{0, 10'000, 10'033}));
  h.hear(12, 6'000, true, whole_keyframe, {}, 1);
  h.hear(7, 906'000, true, other_picture, {}, 2);
  h.hear(13, 9'000, true, other_picture, {}, 1);
  EXPECT_EQ(h.shown, (std::vector<std::uint32_t>{0, 10'000, 10'033, 67, 100}));
  EXPECT_EQ(h.plis, 0);
}

TEST(VideoReceiver, the_one_that_is_not_shown_is_asked_for_no_keyframe_until_it_is_alone) {
  for (const bool farewell : {true, false}) {
    Hand h;
    h.hear(10, 0, true, whole_keyframe, {}, 1);
    h.hear(5, 900'000, true, whole_keyframe, {}, 2);
    h.hear(12, 6'000, true, other_picture, {}, 1);  // 11 is lost
    for (std::uint16_t i = 6; i < 12; ++i) {
      h.wait(100);
      h.hear(i, 900'000u + 9'000u * i, true, other_picture, {}, 2);
    }
    EXPECT_EQ(h.frames, 2 + 6);
    EXPECT_EQ(h.plis, 0);
    if (farewell) h.receiver.on_bye(rtp::Ssrc{2});
    if (!farewell) h.wait(500);
    h.hear(13, 9'000, true, other_picture, {}, 1);
    EXPECT_EQ(h.frames, 2 + 6);
    EXPECT_EQ(h.plis, 1);
    h.hear(14, 12'000, true, whole_keyframe, {}, 1);
    h.hear(15, 15'000, true, other_picture, {}, 1);
    EXPECT_EQ(h.frames, 2 + 6 + 2);
  }
}

TEST(VideoReceiver, nothing_is_asked_of_a_source_that_left) {
  Hand h;
  h.hear(10, 0, true, whole_keyframe);
  h.hear(12, 6'000, true, other_picture);  // 11 is missing
  h.receiver.on_bye(rtp::Ssrc{1});
  h.wait(5'000);
  EXPECT_EQ(h.asked, 0u);
  EXPECT_EQ(h.plis, 0);
  h.hear(13, 9'000, true, other_picture);  // it has come back
  EXPECT_EQ(h.plis, 1);
}

// [rfc5104#4.3.1]
TEST(VideoReceiver, who_takes_no_pli_gets_a_full_intra_request_under_one_number_until_it_is_met) {
  Hand h;
  h.agreed.pli = false;
  h.hear(10, 0, true, other_picture);
  h.wait(700);
  ASSERT_EQ(h.firs.size(), 3u);
  EXPECT_EQ(h.firs[1], h.firs[0]) << "the same once more";
  EXPECT_EQ(h.firs[2], h.firs[0]);
  h.hear(11, 99'000, true, whole_keyframe);
  h.wait(1'000);
  EXPECT_EQ(h.firs.size(), 3u);
  h.hear(13, 190'000, true, other_picture);
  h.wait(1'000);
  ASSERT_GE(h.firs.size(), 4u);
  EXPECT_EQ(h.firs[3], h.firs[0] + 1) << "another one";
  EXPECT_EQ(h.plis, 0);
}

TEST(VideoReceiver, where_nothing_was_agreed_on_there_is_never_anything_to_write) {
  Hand h;
  h.agreed.nack = h.agreed.pli = h.agreed.fir = false;
  h.hear(10, 0, true, other_picture);
  h.hear(12, 6'000, true, other_picture);
  for (int i = 0; i < 1'000; ++i) {
    h.receiver.on_deadline(at_ms(++h.ms));
    EXPECT_FALSE(h.receiver.has_feedback());
    const auto next = h.receiver.next_deadline();
    EXPECT_TRUE(!next || *next > at_ms(h.ms));
  }
}

// Not every encoder begins with a delimiter or a set.
TEST(VideoReceiver, a_stream_may_begin_with_a_message) {
  Hand h;
  Octets message_first = {std::byte{0x78}, std::byte{0}, std::byte{3},
                          std::byte{0x06}, std::byte{5}, std::byte{1}};
  message_first.insert(message_first.end(), whole_keyframe.begin() + 1, whole_keyframe.end());
  h.hear(10, 0, true, message_first);
  EXPECT_EQ(h.frames, 1);
  EXPECT_EQ(h.plis, 0);
}

// Encoders that give their sets once: what is put in front of a picture is not its beginning.
TEST(VideoReceiver, half_a_keyframe_is_none_though_its_sets_are_known) {
  Hand h;
  h.hear(10, 0, true, whole_keyframe);
  h.hear(12, 3'000, true, lower_half);  // 11 is lost
  h.wait(1'000);
  EXPECT_EQ(h.frames, 1);
  EXPECT_GE(h.plis, 1);
  h.hear(14, 93'000, true, upper_half);  // 13 was of the picture before
  h.wait(1'000);
  EXPECT_EQ(h.frames, 2) << "one that has its upper edge has all";
}

}  // namespace
}  // namespace esp_peer::peer
