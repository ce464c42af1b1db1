#include "turn/stream_framer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stun/builder.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::turn {
namespace {

using Stream = std::vector<std::byte>;

Stream stun_message(std::size_t extra) {
  Stream bytes(4000);
  stun::Builder b(bytes, stun::Class::success, 3, {});
  b.attribute(0x8022, Bytes(Stream(extra)));
  bytes.resize(b.finish());
  return bytes;
}

Stream channel_data(std::size_t size) {
  Stream bytes(4 + (size + 3) / 4 * 4, std::byte{0x77});
  Writer w(bytes);
  w.u16(0x4005);
  w.u16(static_cast<std::uint16_t>(size));
  return bytes;
}

std::vector<Stream> split(StreamFramer& framer, Stream stream, std::size_t piece) {
  std::vector<Stream> messages;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    MutableBytes rest = MutableBytes(stream).subspan(at, std::min(piece, stream.size() - at));
    while (!rest.empty()) {
      const auto message = framer.take(rest);
      if (!message.empty()) messages.emplace_back(message.begin(), message.end());
    }
  }
  return messages;
}

// covers: must rfc8656#12, bug 38
TEST(TurnStreamFramer, finds_the_same_messages_however_the_stream_is_cut) {
  std::vector<Stream> sent;
  for (std::size_t size = 0; size < 9; ++size) {
    sent.push_back(channel_data(size));
    sent.push_back(stun_message(size));
  }
  sent.push_back(channel_data(1200));
  sent.push_back(channel_data(StreamFramer::max_message - 4));
  Stream stream;
  for (const Stream& m : sent) stream.insert(stream.end(), m.begin(), m.end());
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{5}, std::size_t{7},
        std::size_t{20}, std::size_t{24}, std::size_t{1460}, stream.size()}) {
    test::TestEnv parts;
    StreamFramer framer(parts.memory);
    EXPECT_EQ(split(framer, stream, piece), sent) << piece;
    EXPECT_FALSE(framer.broken());
  }
}

TEST(TurnStreamFramer, skips_what_is_too_large_and_goes_on_behind_it) {
  for (const std::size_t size :
       {StreamFramer::max_message - 3, std::size_t{30'000}, std::size_t{0xFFFF}}) {
    for (const std::size_t piece : {std::size_t{3}, std::size_t{1000}, std::size_t{100'000}}) {
      test::TestEnv parts;
      StreamFramer framer(parts.memory);
      Stream stream = channel_data(size);
      const Stream last = stun_message(1);
      stream.insert(stream.end(), last.begin(), last.end());
      EXPECT_EQ(split(framer, stream, piece), std::vector<Stream>{last}) << size << " " << piece;
      EXPECT_LE(parts.memory.peak, StreamFramer::max_message + 64);
    }
  }
}

TEST(TurnStreamFramer, of_what_is_no_turn_nothing_is_understood_any_more) {
  for (const auto& [first, length] : std::vector<std::pair<unsigned, unsigned>>{
           {0x8000, 4}, {0xFFFF, 4}, {0x5000, 4}, {0x0101, 5}, {0x1603, 4}, {0x0400, 4}}) {
    test::TestEnv parts;
    StreamFramer framer(parts.memory);
    Stream stream(100);
    Writer w(stream);
    w.u16(static_cast<std::uint16_t>(first));
    w.u16(static_cast<std::uint16_t>(length));
    EXPECT_TRUE(split(framer, stream, 100).empty()) << first;
    EXPECT_TRUE(framer.broken());
    EXPECT_TRUE(split(framer, stun_message(1), 100).empty()) << "for good";
  }
}

TEST(TurnStreamFramer, without_memory_the_stream_ends) {
  test::TestEnv parts;
  parts.memory.fail_from = 0;
  StreamFramer framer(parts.memory);
  const Stream whole = stun_message(1);
  EXPECT_EQ(split(framer, whole, whole.size()).size(), 1u) << "a whole one needs none";
  EXPECT_TRUE(split(framer, whole, 10).empty());
  EXPECT_TRUE(framer.broken());
}

}  // namespace
}  // namespace esp_peer::turn
