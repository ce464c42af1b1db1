// JPEG in RTP: what a camera gives comes out as the same picture, cut into packets as RFC 2435
// says.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <vector>

#include "codec/jpeg_depacketizer.hpp"
#include "codec/jpeg_packetizer.hpp"
#include "codec/jpeg_tables.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::codec {
namespace {

using Octets = std::vector<std::byte>;

// 96 x 64 pixels of GStreamer's test picture.
Octets file(const char* name) {
  std::ifstream in(std::string(ESP_PEER_TEST_MEDIA "/") + name, std::ios::binary);
  std::vector<char> chars{std::istreambuf_iterator<char>(in), {}};
  EXPECT_FALSE(chars.empty()) << name;
  const Bytes bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}
Octets file_420() { return file("smpte_420.jpg"); }

// Where a segment of this marker begins, with the marker.
std::size_t find(const Octets& jpeg, int marker) {
  for (std::size_t i = 0; i + 1 < jpeg.size(); ++i) {
    if (jpeg[i] == std::byte{0xFF} && jpeg[i + 1] == std::byte(marker)) return i;
  }
  ADD_FAILURE() << "no marker " << marker;
  return 0;
}
void insert(Octets& jpeg, std::size_t at, std::initializer_list<int> octets) {
  Octets more;
  for (const int octet : octets) more.push_back(static_cast<std::byte>(octet));
  jpeg.insert(jpeg.begin() + static_cast<std::ptrdiff_t>(at), more.begin(), more.end());
}
std::vector<Octets> packetize(const Octets& jpeg, std::size_t max_payload = 400) {
  std::vector<Octets> out;
  JpegPacketizer packetizer(jpeg, max_payload);
  while (const auto fragment = packetizer.next()) {
    Octets payload(max_payload);
    payload.resize(JpegPacketizer::write(jpeg, *fragment, payload));
    EXPECT_FALSE(payload.empty());
    out.push_back(std::move(payload));
  }
  return out;
}
struct Receiver {
  test::TestEnv env;
  JpegJoiner joiner;
  std::optional<Octets> join(const std::vector<Octets>& payloads) {
    std::vector<Buffer> buffers;
    for (const Octets& payload : payloads) {
      buffers.push_back(Buffer::copy_of(env.memory, payload));
    }
    const auto joined = joiner.join(buffers, env.memory);
    if (!joined) return std::nullopt;
    return Octets(joined->bytes().begin(), joined->bytes().end());
  }
};
void expect_same_picture(const Octets& in, const Octets& out) {
  const auto a = parse_jpeg(in), b = parse_jpeg(out);
  ASSERT_TRUE(a);
  ASSERT_TRUE(b);
  EXPECT_EQ(a->sampling, b->sampling);
  EXPECT_EQ((a->width + 7) / 8 * 8, b->width);
  EXPECT_EQ((a->height + 7) / 8 * 8, b->height);
  EXPECT_EQ(a->restart_interval, b->restart_interval);
  EXPECT_TRUE(equal(a->luminance, b->luminance));
  EXPECT_TRUE(equal(a->chrominance, b->chrominance));
  EXPECT_TRUE(equal(a->scan.first(*jpeg_scan_size(a->scan)), b->scan));
}

TEST(Jpeg, both_samplings_come_out_as_the_same_picture) {
  for (const char* name : {"smpte_420.jpg", "smpte_422.jpg"}) {
    const Octets in = file(name);
    const auto payloads = packetize(in);
    ASSERT_GT(payloads.size(), 2u);
    const auto out = Receiver().join(payloads);
    ASSERT_TRUE(out) << name;
    expect_same_picture(in, *out);
  }
}

// [rfc2435#3.1.5] RTP counts in blocks of 8: what stands beyond the edge in them is shown, too.
TEST(Jpeg, a_size_that_is_no_multiple_of_8_comes_out_as_the_next_one) {
  Octets in = file_420();
  const std::size_t size = find(in, 0xC0) + 5;
  for (std::size_t i = 0; i < 4; ++i)
    in[size + i] = std::byte{std::uint8_t(i == 1 ? 75 : i == 3 ? 100 : 0)};
  const auto out = Receiver().join(packetize(in));
  ASSERT_TRUE(out);
  const auto picture = parse_jpeg(*out);
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->width, 104);
  EXPECT_EQ(picture->height, 80);
}

TEST(Jpeg, restart_markers_come_through) {
  Octets in = file_420();
  insert(in, find(in, 0xDA), {0xFF, 0xDD, 0, 4, 0, 6});
  const auto payloads = packetize(in);
  // [rfc2435#3.1.7] Type 65, an interval of 6, nothing aligned to packets.
  ASSERT_FALSE(payloads.empty());
  for (const Octets& payload : payloads) {
    Reader reader(payload);
    reader.skip(4);
    EXPECT_EQ(reader.u8(), 65);
    reader.skip(3);
    EXPECT_EQ(reader.u32(), 0x0006FFFFu);
  }
  const auto out = Receiver().join(payloads);
  ASSERT_TRUE(out);
  expect_same_picture(in, *out);
}

TEST(JpegPacketizer, the_first_packet_has_the_tables_and_each_says_where_it_belongs) {
  const Octets in = file_420();
  const auto payloads = packetize(in);
  const auto image = parse_jpeg(in);
  std::size_t offset = 0;
  for (const Octets& payload : payloads) {
    ASSERT_LE(payload.size(), 400u);
    Reader reader(payload);
    EXPECT_EQ(reader.u8(), 0);
    EXPECT_EQ(reader.u24(), offset);
    EXPECT_EQ(reader.u8(), 1);    // 4:2:0
    EXPECT_EQ(reader.u8(), 255);  // tables of this frame alone
    EXPECT_EQ(reader.u8(), 96 / 8);
    EXPECT_EQ(reader.u8(), 64 / 8);
    if (offset == 0) {
      EXPECT_EQ(reader.u32(), 128u);
      EXPECT_TRUE(equal(reader.bytes(64), image->luminance));
      EXPECT_TRUE(equal(reader.bytes(64), image->chrominance));
    }
    EXPECT_TRUE(equal(reader.rest(), image->scan.subspan(offset, reader.remaining())));
    offset += reader.remaining();
  }
}

TEST(JpegPacketizer, what_rtp_cannot_carry_is_refused) {
  const auto refused = [](const std::function<void(Octets&)>& change) {
    Octets jpeg = file_420();
    change(jpeg);
    return !JpegPacketizer(jpeg, 1200).ok();
  };
  EXPECT_FALSE(refused([](Octets&) {}));
  EXPECT_TRUE(refused([](Octets& j) { j[find(j, 0xC0) + 1] = std::byte{0xC2}; }));   // progressive
  EXPECT_TRUE(refused([](Octets& j) { j[find(j, 0xC0) + 4] = std::byte{12}; }));     // 12 bits
  EXPECT_TRUE(refused([](Octets& j) { j[find(j, 0xC0) + 11] = std::byte{0x11}; }));  // 4:4:4
  EXPECT_TRUE(refused([](Octets& j) { j[find(j, 0xC0) + 5] = std::byte{8}; }));      // 2112 lines
  EXPECT_TRUE(
      refused([](Octets& j) { j[find(j, 0xC4) + 9] ^= std::byte{1}; }));  // own Huffman codes
  EXPECT_TRUE(refused([](Octets& j) { j[find(j, 0xDB) + 4] = std::byte{0x10}; }));  // 16-bit tables
  EXPECT_TRUE(refused([](Octets& j) { insert(j, j.size() - 2, {0xFF, 0xDA}); }));   // two scans
  EXPECT_TRUE(refused([](Octets& j) { j.resize(find(j, 0xDA)); }));                 // no scan
  EXPECT_TRUE(refused([](Octets& j) { j.clear(); }));
}

TEST(JpegPacketizer, fill_bytes_comments_and_a_missing_end_do_no_harm) {
  Octets in = file_420();
  insert(in, find(in, 0xC0), {0xFF, 0xFF, 0xFE, 0, 5, 'a', 'b', 'c'});
  in.resize(in.size() - 2);
  const auto out = Receiver().join(packetize(in));
  ASSERT_TRUE(out);
  Octets expected = in;
  insert(expected, expected.size(), {0xFF, 0xD9});
  expect_same_picture(expected, *out);
}

// A payload as another sender makes it.
Octets payload(int q, Bytes tables, std::uint32_t offset = 0, int type = 1) {
  Octets out(1000);
  Writer writer(out);
  writer.u8(0);
  writer.u24(offset);
  writer.u8(static_cast<std::uint8_t>(type));
  writer.u8(static_cast<std::uint8_t>(q));
  writer.u8(12);
  writer.u8(8);
  if (offset == 0 && q >= 128) {
    writer.u16(0);
    writer.u16(static_cast<std::uint16_t>(tables.size()));
    writer.bytes(tables);
  }
  writer.u32(0x12345678);
  out.resize(writer.size());
  return out;
}

// [rfc2435#4.2]
TEST(JpegDepacketizer, a_quality_stands_for_tables) {
  const auto out = Receiver().join({payload(50, {})});
  ASSERT_TRUE(out);
  const auto image = parse_jpeg(*out);
  ASSERT_TRUE(image);
  // At 50 they are K.1 and K.2 as they are: 16, 11, 12, 14 … and 17, 18, 18, 24 … in zig-zag order.
  EXPECT_TRUE(equal(image->luminance.first(4), as_bytes("\x10\x0B\x0C\x0E")));
  EXPECT_TRUE(equal(image->chrominance.first(4), as_bytes("\x11\x12\x12\x18")));
  std::array<std::byte, 128> finest, coarsest;
  write_quantization_tables(99, finest);
  write_quantization_tables(1, coarsest);
  EXPECT_EQ(finest[1], std::byte{1});
  EXPECT_EQ(coarsest[1], std::byte{255});
  EXPECT_FALSE(Receiver().join({payload(0, {})}));
  EXPECT_FALSE(Receiver().join({payload(100, {})}));
}

TEST(JpegDepacketizer, tables_that_have_a_name_need_not_come_again) {
  Receiver receiver;
  const Octets tables(128, std::byte{7}), others(128, std::byte{9});
  EXPECT_FALSE(receiver.join({payload(200, {})}));
  EXPECT_TRUE(receiver.join({payload(200, tables)}));
  EXPECT_TRUE(receiver.join({payload(201, others)}));
  const auto out = receiver.join({payload(200, {})});
  ASSERT_TRUE(out);
  EXPECT_TRUE(equal(parse_jpeg(*out)->luminance, Bytes(tables).first(64)));
  EXPECT_FALSE(receiver.join({payload(202, {})}));
  // [rfc2435#3.1.8] 255 is the name of none.
  EXPECT_TRUE(receiver.join({payload(255, tables)}));
  EXPECT_FALSE(receiver.join({payload(255, {})}));
}

// covers: bug 57, must rfc2435#3.1
TEST(JpegDepacketizer, packets_that_do_not_fit_together_are_no_picture) {
  Receiver receiver;
  const Octets first = payload(50, {});
  EXPECT_TRUE(receiver.join({first, payload(50, {}, 4)}));
  EXPECT_FALSE(receiver.join({first, payload(50, {}, 5)}));     // a hole
  EXPECT_FALSE(receiver.join({first, payload(50, {}, 3)}));     // they overlap
  EXPECT_FALSE(receiver.join({first, payload(50, {}, 4, 0)}));  // two samplings
  EXPECT_FALSE(receiver.join({first, payload(51, {}, 4)}));     // two qualities
  EXPECT_FALSE(receiver.join({payload(50, {}, 4)}));            // no beginning
  EXPECT_FALSE(receiver.join({payload(50, {}, 0, 2)}));         // a type that nobody defined
  EXPECT_FALSE(receiver.join({payload(50, {}, 0, 64)}));        // restarts, but no interval
  EXPECT_FALSE(receiver.join({Octets(first.begin(), first.begin() + 7)}));
  EXPECT_FALSE(receiver.join({}));
  EXPECT_FALSE(receiver.join({payload(255, Octets(64, std::byte{7}))}));  // one table of two
}

// covers: bug 57, must rfc2435#3.1
TEST(JpegDepacketizer, fields_at_their_extremes_are_no_picture) {
  Receiver receiver;
  const Octets good = payload(200, Octets(128, std::byte{7}));
  ASSERT_TRUE(receiver.join({good}));
  const auto with = [&good](std::size_t at, std::initializer_list<int> values) {
    Octets changed = good;
    for (const int value : values) changed[at++] = static_cast<std::byte>(value);
    return changed;
  };
  EXPECT_FALSE(receiver.join({with(6, {0})})) << "no width";
  EXPECT_FALSE(receiver.join({with(7, {0})})) << "no height";
  EXPECT_TRUE(receiver.join({with(6, {255, 255})})) << "2040 by 2040";
  EXPECT_FALSE(receiver.join({with(1, {0xFF, 0xFF, 0xFF})})) << "an offset at the end of 24 bits";
  EXPECT_FALSE(receiver.join({good, with(1, {0xFF, 0xFF, 0xFF})}));
  EXPECT_FALSE(receiver.join({with(10, {0xFF, 0xFF})})) << "tables beyond the packet";
  EXPECT_FALSE(receiver.join({with(9, {3})})) << "tables of 16 bits";
  EXPECT_FALSE(receiver.join({with(5, {255, 12, 8, 0, 0, 0, 0})}))
      << "none, under the name of none";
  EXPECT_FALSE(receiver.join({with(4, {128})})) << "a type that nobody has";
  for (std::size_t size = 0; size < 8 + 4 + 128; ++size) {
    EXPECT_FALSE(receiver.join({Octets(good.begin(), good.begin() + static_cast<long>(size))}));
  }
}

TEST(JpegDepacketizer, random_bytes_are_a_picture_or_nothing) {
  std::mt19937 random(3);
  Receiver receiver;
  for (int round = 0; round < 5000; ++round) {
    Octets bytes = payload(static_cast<int>(random() % 256), Octets(random() % 200), 0,
                           static_cast<int>(random() % 70));
    bytes.resize(random() % bytes.size());
    for (int i = 0; i < 3 && !bytes.empty(); ++i) {
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    }
    const auto out = receiver.join({bytes});
    if (out) {
      EXPECT_TRUE(parse_jpeg(*out));
    }
  }
}

}  // namespace
}  // namespace esp_peer::codec
