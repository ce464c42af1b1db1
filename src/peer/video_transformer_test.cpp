// Packets of video that an application transforms: they are repeated as they went the first time,
// or a number would be sealed twice.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "peer/video_receiver.hpp"
#include "peer/video_sender.hpp"
#include "rtp/rtx.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;

constexpr std::size_t max_packet = 1200;

// Puts an extension into the header, and a number that counts behind the payload: never twice the
// same.
struct Counting final : rtp::Transformer {
  bool transforms(rtp::Way way) const override { return way == rtp::Way::in ? takes : makes; }
  std::size_t transform(rtp::Way way, MutableBytes room, std::size_t size) override {
    std::string packet(as_text(Bytes(room).first(size)));
    if (way == rtp::Way::out) {
      if (++count == fails_at) return 0;
      packet[0] = static_cast<char>(packet[0] | 0x10);
      packet.insert(12, std::string("\xBE\xDE\0\1\x10\x11\0\0", 8));
      packet += static_cast<char>(count);
    } else {
      ++seen;
      packet.pop_back();
    }
    Writer(room).text(packet);
    return packet.size();
  }
  bool makes = true, takes = true;
  int count = 0, fails_at = 0, seen = 0;
};

// Parameter sets, without which nobody could decode it, and its own start.
const std::string before_picture("\0\0\0\1\x67sequence\0\0\0\1\x68picture\0\0\0\1\x65", 30);

struct Sending {
  explicit Sending(bool with_rtx, const VideoSenderOptions& options = {})
      : video(agreed(with_rtx)), sender(video, options, max_packet, env.env) {
    sender.use(transformer);
    if (!with_rtx) sender.allow_repeats();
  }
  static NegotiatedVideo agreed(bool with_rtx) {
    NegotiatedVideo v;
    v.format.codec = sdp::VideoCodec::h264;
    v.format.payload_type = 102;
    if (with_rtx) v.format.rtx_payload_type = 103;
    v.format.nack = v.format.pli = true;
    v.direction = sdp::Direction::sendonly;
    v.local_ssrc = 7;
    v.local_rtx_ssrc = 8;
    return v;
  }
  void give(std::size_t size = 3'000) {
    const std::string frame = before_picture + std::string(size, 'x');
    EXPECT_TRUE(sender.send(at_ms(ms), ++timestamp, as_bytes(frame)));
  }
  std::vector<std::string> fetch_all() {
    std::vector<std::string> out;
    std::vector<std::byte> room(max_packet);
    for (int i = 0; i < 10'000; ++i, ++ms) {
      while (const std::size_t size = sender.write_packet(at_ms(ms), room)) {
        out.emplace_back(as_text(Bytes(room).first(size)));
      }
      if (!sender.next_deadline()) break;
    }
    return out;
  }
  static rtp::Packet parsed(const std::string& bytes) {
    const auto packet = rtp::parse_packet(as_bytes(bytes));
    EXPECT_TRUE(packet);
    return packet.value_or(rtp::Packet{});
  }

  test::TestEnv env;
  Counting transformer;
  NegotiatedVideo video;
  VideoSender sender;
  std::int64_t ms = 0;
  std::uint32_t timestamp = 1'234;
};

TEST(VideoTransformer, there_is_room_for_what_it_adds) {
  Sending s(true);
  s.give();
  const auto out = s.fetch_all();
  ASSERT_GE(out.size(), 3u);
  for (const std::string& packet : out) {
    EXPECT_LE(packet.size(), max_packet - rtp::rtx_header_size);
    EXPECT_EQ(s.parsed(packet).extension_profile, 0xBEDE);
  }
}

TEST(VideoTransformer, without_rtx_a_packet_is_repeated_to_the_last_bit) {
  Sending s(false);
  s.give();
  const auto out = s.fetch_all();
  s.transformer.makes = false;  // whatever it would say now
  for (const std::string& packet : out) s.sender.on_nack(s.parsed(packet).header.sequence);
  EXPECT_EQ(s.fetch_all(), out);
}

// What is on its way already may have less room, what waits has it.
TEST(VideoTransformer, a_frame_that_waits_when_it_is_set_is_cut_anew) {
  Sending s(true);
  s.transformer.makes = false;
  s.give(60'000);
  std::vector<std::byte> room(max_packet);
  EXPECT_GT(s.sender.write_packet(at_ms(s.ms), room), 0u);
  s.give(3 * (max_packet - 12 - 2 - 2));  // full packets: behind headers of RTP, RTX and FU-A
  s.transformer.makes = true;
  const std::size_t before = s.sender.bytes();
  std::string joined;
  for (const std::string& packet : s.fetch_all()) {
    if (s.parsed(packet).header.timestamp == s.timestamp) joined += packet.back();
  }
  ASSERT_FALSE(joined.empty());
  EXPECT_EQ(static_cast<int>(joined.size()), joined.back() - joined.front() + 1)
      << "none is left out";
  EXPECT_GE(joined.size(), 3u);
  EXPECT_NE(s.sender.bytes(), before) << "what it costs is counted";
  s.sender.clear();
  EXPECT_EQ(s.sender.bytes(), 0u);
}

// [rfc4588#4]
TEST(VideoTransformer, with_rtx_it_comes_again_with_its_extension) {
  Sending s(true);
  s.give();
  const auto out = s.fetch_all();
  for (const std::string& packet : out) s.sender.on_nack(s.parsed(packet).header.sequence);
  const auto again = s.fetch_all();
  ASSERT_EQ(again.size(), out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const rtp::Packet first = s.parsed(out[i]), rtx = s.parsed(again[i]);
    EXPECT_EQ(rtx.header.ssrc, rtp::Ssrc{8});
    EXPECT_EQ(rtx.header.payload_type, 103);
    EXPECT_EQ(rtx.header.marker, first.header.marker);
    EXPECT_TRUE(equal(rtx.extension, first.extension));
    const auto unwrapped = rtp::unwrap_rtx(rtx, rtp::Ssrc{7}, 102);
    ASSERT_TRUE(unwrapped);
    EXPECT_EQ(unwrapped->header.sequence, first.header.sequence);
    EXPECT_TRUE(equal(unwrapped->payload, first.payload));
  }
}

// Without one of its packets nobody can show a frame, nor what refers to it.
TEST(VideoTransformer, what_it_drops_is_never_sent_nor_is_the_rest_of_its_frame) {
  Sending s(false);
  s.transformer.fails_at = 2;
  s.give();
  EXPECT_FALSE(s.sender.take_broken_frame());
  auto out = s.fetch_all();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(s.sender.take_broken_frame());
  EXPECT_EQ(s.sender.waiting(), 0u);
  const auto first = s.parsed(out[0]).header.sequence;
  s.give(100);
  out = s.fetch_all();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(s.parsed(out[0]).header.sequence, static_cast<std::uint16_t>(first + 2));
  EXPECT_TRUE(s.parsed(out[0]).header.marker);
  EXPECT_FALSE(s.sender.take_broken_frame());
  s.sender.on_nack(static_cast<std::uint16_t>(first + 1));
  EXPECT_TRUE(s.fetch_all().empty());
  s.transformer.fails_at = s.transformer.count + 1;  // the last packet there is
  s.give(100);
  EXPECT_TRUE(s.fetch_all().empty());
  EXPECT_EQ(s.sender.waiting(), 0u);
  s.sender.clear();
  EXPECT_EQ(s.sender.bytes(), 0u);
}

TEST(VideoTransformer, what_is_kept_for_it_stays_inside_the_pool) {
  VideoSenderOptions options;
  options.most_bytes = 20'000;
  Sending s(true, options);
  for (int i = 0; i < 100; ++i) {
    s.give();
    s.fetch_all();
    EXPECT_LE(s.sender.bytes(), 20'000u + 3 * max_packet);
  }
  EXPECT_LE(s.env.memory.live, 60'000u);
}

TEST(VideoTransformer, loss_is_repaired_on_the_other_side_too) {
  for (const bool with_rtx : {false, true}) {
    Sending s(with_rtx);
    VideoReceiver receiver({}, s.env.env);
    receiver.use(s.transformer);
    s.give();
    const auto out = s.fetch_all();
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (i != 1) receiver.on_packet(at_ms(s.ms), s.parsed(out[i]), s.video.format);
    }
    s.sender.on_nack(s.parsed(out[1]).header.sequence);
    for (const std::string& again : s.fetch_all()) {
      receiver.on_packet(at_ms(s.ms), s.parsed(again), s.video.format);
    }
    const auto frame = receiver.read_frame(at_ms(s.ms));
    ASSERT_TRUE(frame);
    EXPECT_EQ(as_text(frame->data.bytes()), before_picture + std::string(3'000, 'x'));
  }
}

TEST(VideoTransformer, a_receiver_shows_it_each_packet_once) {
  Sending s(true);
  VideoReceiver receiver({}, s.env.env);
  receiver.use(s.transformer);
  s.give();
  const auto out = s.fetch_all();
  for (const std::string& packet : out) s.sender.on_nack(s.parsed(packet).header.sequence);
  const auto again = s.fetch_all();
  ASSERT_EQ(again.size(), out.size());
  const auto hear = [&](const std::string& packet) {
    receiver.on_packet(at_ms(s.ms), s.parsed(packet), s.video.format);
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i == 1) continue;
    hear(out[i]);
    hear(again[i]);  // it was only late
    hear(out[i]);
  }
  EXPECT_EQ(s.transformer.seen, static_cast<int>(out.size()) - 1);
  hear(again[1]);
  EXPECT_TRUE(receiver.read_frame(at_ms(s.ms)));
  for (std::size_t i = 0; i < out.size(); ++i) {
    hear(out[i]);  // too late
    hear(again[i]);
  }
  EXPECT_EQ(s.transformer.seen, static_cast<int>(out.size()));
  EXPECT_FALSE(receiver.read_frame(at_ms(s.ms)));
}

}  // namespace
}  // namespace esp_peer::peer
