// Feedback: packets that are asked for again, pictures that are asked for anew.
#include "rtp/feedback.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "rtp/rtx.hpp"

namespace esp_peer::rtp {
namespace {

using Datagram = std::vector<std::byte>;
using Numbers = std::vector<std::uint16_t>;

constexpr Ssrc we{0x11111111}, they{0x22222222};

template <class Write>
Datagram written(Write write_packets) {
  Datagram room(1200);
  CompoundWriter out(room);
  write_packets(out);
  room.resize(out.size());
  return room;
}
RtcpPacket only_packet(const Datagram& datagram) {
  auto compound = CompoundReader::open(datagram);
  EXPECT_TRUE(compound);
  return *compound->next();
}
Numbers asked_for(const Datagram& datagram) {
  Numbers out;
  const auto nack = parse_nack(only_packet(datagram));
  EXPECT_TRUE(nack);
  if (nack) nack->for_each([&out](std::uint16_t sequence) { out.push_back(sequence); });
  return out;
}

// [rfc4585#6.2.1] Whether the numbers wrap or not.
TEST(Nack, asks_for_every_packet_once_in_as_few_entries_as_can_be) {
  const Numbers lost = {65530, 65531, 65535, 0, 10, 11, 500};
  const Datagram d =
      written([&](CompoundWriter& out) { EXPECT_EQ(write_nack(out, we, they, lost, 100), 7u); });
  const auto nack = parse_nack(only_packet(d));
  ASSERT_TRUE(nack);
  EXPECT_EQ(nack->source, they);
  EXPECT_EQ(nack->size(), 3u);  // 65530 reaches to 10, 11 stands alone, and so does 500
  EXPECT_EQ(asked_for(d), lost);
}

// covers: bug 59
TEST(Nack, is_never_larger_than_it_may_be) {
  Numbers lost;
  for (unsigned i = 0; i < 5000; ++i) lost.push_back(static_cast<std::uint16_t>(i * 20));
  std::size_t told = 0;
  const Datagram d =
      written([&](CompoundWriter& out) { told = write_nack(out, we, they, lost, 50); });
  EXPECT_EQ(told, 50u);
  EXPECT_EQ(d.size(), 12 + 50 * 4u);
  EXPECT_EQ(asked_for(d), Numbers(lost.begin(), lost.begin() + 50));
}

TEST(Feedback, a_picture_is_asked_for) {
  const Datagram d = written([](CompoundWriter& out) { write_picture_loss(out, we, they); });
  const std::vector<int> expected = {0x81, 206,  0,    2,    0x11, 0x11,
                                     0x11, 0x11, 0x22, 0x22, 0x22, 0x22};
  ASSERT_EQ(d.size(), expected.size());
  for (std::size_t i = 0; i < d.size(); ++i) EXPECT_EQ(std::to_integer<int>(d[i]), expected[i]);
  EXPECT_EQ(parse_picture_loss(only_packet(d)), they);
  EXPECT_FALSE(parse_nack(only_packet(d)));
  EXPECT_FALSE(parse_full_intra(only_packet(d)));
}

// [rfc5104#4.3.1] The source stands in the entry; the field in front is zero.
TEST(Feedback, full_intra_requests_name_source_and_number) {
  const Datagram d = written([](CompoundWriter& out) {
    out.begin(RtcpType::payload_feedback, 4);
    for (const std::uint32_t word : {0x11111111u, 0u, 0x22222222u, 0x07000000u, 5u, 0xFF000000u}) {
      out.out().u32(word);
    }
    out.end();
  });
  const auto requests = parse_full_intra(only_packet(d));
  ASSERT_TRUE(requests);
  ASSERT_EQ(requests->size(), 2u);
  EXPECT_EQ((*requests)[0].source, they);
  EXPECT_EQ((*requests)[0].number, 7);
  EXPECT_EQ((*requests)[1].number, 255);
}

// covers: bug 51
TEST(Feedback, bodies_cut_short_ask_for_nothing) {
  const Numbers lost = {1, 100};
  for (std::size_t size = 0; size < 16; ++size) {
    Datagram body(size, std::byte{1});
    RtcpPacket packet{RtcpType::transport_feedback, 1, body};
    EXPECT_EQ(parse_nack(packet).has_value(), size == 12) << size;
    packet.type = RtcpType::payload_feedback;
    EXPECT_EQ(parse_picture_loss(packet).has_value(), size >= 8) << size;
    packet.count = 4;
    EXPECT_FALSE(parse_full_intra(packet)) << size;
  }
}

// [rfc4588#4]
// covers: must rfc4588#4
TEST(Rtx, gives_back_the_packet_that_was_lost) {
  const std::byte payload[] = {std::byte{0xFF}, std::byte{0xFE}, std::byte{7}};
  Packet packet;
  packet.header = {true, 97, 12, 90000, Ssrc{5}};
  packet.payload = payload;
  const auto lost = unwrap_rtx(packet, they, 96);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->header.sequence, 0xFFFE);
  EXPECT_EQ(lost->header.ssrc, they);
  EXPECT_EQ(lost->header.payload_type, 96);
  EXPECT_TRUE(lost->header.marker);
  EXPECT_EQ(lost->header.timestamp, 90000u);
  EXPECT_EQ(lost->payload.size(), 1u);

  packet.payload = Bytes(payload).first(1);
  EXPECT_FALSE(unwrap_rtx(packet, they, 96));
}

// [rfc5104#4.3.1.2]
TEST(FullIntraRequest, names_its_source_in_the_entry_and_not_in_front) {
  const Datagram d = written([](CompoundWriter& out) { write_full_intra(out, we, they, 200); });
  const auto request = parse_full_intra(only_packet(d));
  ASSERT_TRUE(request);
  ASSERT_EQ(request->size(), 1u);
  EXPECT_EQ((*request)[0].source, they);
  EXPECT_EQ((*request)[0].number, 200);
  ASSERT_EQ(d.size(), 20u);
  EXPECT_EQ(Reader(Bytes(d).subspan(8)).u32(), 0u);
}

}  // namespace
}  // namespace esp_peer::rtp
