// RTCP: stacked packets whose lengths add up, reports, names and farewells.
#include "rtp/rtcp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "rtp/bye.hpp"
#include "rtp/receiver_report.hpp"
#include "rtp/sender_report.hpp"
#include "rtp/source_description.hpp"

namespace esp_peer::rtp {
namespace {

using Datagram = std::vector<std::byte>;

template <class Write>
Datagram written(Write write_packets) {
  Datagram room(1500);
  CompoundWriter out(room);
  write_packets(out);
  room.resize(out.size());
  return room;
}

const ReportBlock some_block{Ssrc{0xDEADBEEF}, 51, -1, 0x0001'FFFF, 77, 0x1234'5678, 65536};

Datagram full_compound() {
  return written([](CompoundWriter& out) {
    const ReportBlock blocks[] = {some_block, {Ssrc{2}, 0, 0x7F'FFFF, 3, 4, 5, 6}};
    write_sender_report(out, {Ssrc{1}, 0x0123'4567'89AB'CDEF, 48000, 0xFFFF'FFFF, 8}, blocks);
    write_cname(out, Ssrc{1}, "somebody");
    write_bye(out, Ssrc{1});
  });
}

// Goes through everything as a session does; how many packets could be read.
int read_all(Bytes datagram) {
  auto compound = CompoundReader::open(datagram);
  if (!compound) return -1;
  int readable = 0;
  while (const auto packet = compound->next()) {
    if (packet->type == RtcpType::sender_report) {
      const auto report = parse_sender_report(*packet);
      for (std::size_t i = 0; report && i < report->blocks.size(); ++i) (void)report->blocks[i];
      readable += report.has_value();
    } else if (packet->type == RtcpType::receiver_report) {
      readable += parse_receiver_report(*packet).has_value();
    } else if (packet->type == RtcpType::source_description) {
      auto names = SourceDescription::parse(*packet);
      while (names && names->next()) {
      }
      readable += names.has_value();
    } else if (packet->type == RtcpType::bye) {
      const auto bye = parse_bye(*packet);
      for (std::size_t i = 0; bye && i < bye->size(); ++i) (void)(*bye)[i];
      readable += bye.has_value();
    }
  }
  return readable;
}

TEST(Rtcp, a_compound_packet_says_what_was_written) {
  const Datagram d = full_compound();
  auto compound = CompoundReader::open(d);
  ASSERT_TRUE(compound);

  const auto report = parse_sender_report(*compound->next());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->info.ntp, 0x0123'4567'89AB'CDEFu);
  EXPECT_EQ(report->info.packets, 0xFFFF'FFFFu);
  ASSERT_EQ(report->blocks.size(), 2u);
  const ReportBlock block = report->blocks[0];
  EXPECT_EQ(block.source, some_block.source);
  EXPECT_EQ(block.fraction_lost, 51);
  EXPECT_EQ(block.lost, -1);  // 24 bits with a sign
  EXPECT_EQ(block.highest_sequence, 0x0001'FFFFu);
  EXPECT_EQ(block.since_last_report, 65536u);
  EXPECT_EQ(report->blocks[1].lost, 0x7F'FFFF);

  auto names = SourceDescription::parse(*compound->next());
  ASSERT_TRUE(names);
  EXPECT_EQ(names->next()->cname, "somebody");
  EXPECT_FALSE(names->next());

  const auto bye = parse_bye(*compound->next());
  ASSERT_TRUE(bye && bye->size() == 1);
  EXPECT_EQ((*bye)[0], Ssrc{1});
  EXPECT_FALSE(compound->next());
}

// covers: must rfc3550#6.1
TEST(Rtcp, lengths_that_do_not_add_up_make_the_whole_datagram_worthless) {
  const Datagram whole = full_compound();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const int readable = read_all(Bytes(whole).first(n));
    // Cut between two packets it is a shorter compound packet.
    EXPECT_EQ(readable >= 0, n == 76 || n == 76 + 20) << n;
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const unsigned v : {0x00u, 0x7Fu, 0x80u, 0xFFu}) {
      Datagram bent = whole;
      bent[i] = std::byte(v);
      (void)read_all(bent);  // under ASan: inside or refused
    }
  }
}

// covers: must rfc3550#6.1
TEST(Rtcp, only_the_last_packet_may_be_padded_and_only_by_whole_words) {
  const Datagram rr = written([](CompoundWriter& out) { write_receiver_report(out, Ssrc{1}, {}); });
  for (unsigned padding = 0; padding <= 255; ++padding) {
    Datagram padded = rr;
    padded.insert(padded.end(), {std::byte{0}, std::byte{0}, std::byte{0}, std::byte(padding)});
    padded[0] |= std::byte{0x20};
    padded[3] = std::byte{2};
    EXPECT_EQ(CompoundReader::open(padded).has_value(), padding == 4 || padding == 8) << padding;
    padded.insert(padded.end(), rr.begin(), rr.end());
    EXPECT_FALSE(CompoundReader::open(padded));
  }
}

// covers: must rfc8834#4.1, must rfc4585#6
TEST(Rtcp, feedback_may_come_alone_and_what_has_no_name_is_stepped_over) {
  for (const unsigned type : {192u, 205u, 206u, 207u, 223u}) {
    const std::byte alone[] = {std::byte{0x81},
                               std::byte(type),
                               std::byte{0},
                               std::byte{2},
                               {},
                               {},
                               {},
                               {},
                               {},
                               {},
                               {},
                               {}};
    EXPECT_EQ(read_all(alone), 0);
  }
}

// covers: bug 51, bug 52, must rfc3550#6.1, must rfc4585#6
TEST(Rtcp, counts_and_inner_lengths_beyond_the_packet_are_refused) {
  for (const unsigned type : {200u, 201u, 202u, 203u, 204u, 205u, 206u}) {
    for (unsigned count = 0; count < 32; ++count) {
      for (unsigned words = 0; words <= 40; ++words) {
        for (const unsigned fill : {0x00u, 0x01u, 0x7Fu, 0xFFu}) {
          Datagram d(4 + 4 * words, std::byte(fill));
          d[0] = std::byte(0x80 | count);
          d[1] = std::byte(type);
          d[2] = std::byte{0};
          d[3] = std::byte(words);
          const int readable = read_all(d);
          ASSERT_GE(readable, 0);
          if (type == 200) {
            ASSERT_EQ(readable == 1, 4 * words >= 24 + 24 * count);
          }
          if (type == 201) {
            ASSERT_EQ(readable == 1, 4 * words >= 4 + 24 * count);
          }
          if (type == 203 && words < count) {
            ASSERT_EQ(readable, 0);
          }
        }
      }
    }
  }
}

// covers: bug 52
TEST(Rtcp, the_reason_of_a_bye_is_as_long_as_it_says_or_the_bye_is_none) {
  for (unsigned length = 0; length <= 255; ++length) {
    Datagram d(4 + 4 + 8, std::byte{'x'});
    d[0] = std::byte{0x81};
    d[1] = std::byte{203};
    d[2] = std::byte{0};
    d[3] = std::byte{3};
    d[8] = std::byte(length);
    auto compound = CompoundReader::open(d);
    ASSERT_TRUE(compound);
    const auto bye = parse_bye(*compound->next());
    EXPECT_EQ(bye.has_value(), length <= 7) << length;
    if (bye) {
      EXPECT_EQ(bye->reason, std::string(length, 'x'));
    }
  }
}

TEST(Rtcp, names_of_every_length_are_read_back) {
  for (std::size_t length = 0; length <= 255; ++length) {
    const std::string name(length, 'n');
    const Datagram d = written([&](CompoundWriter& out) { write_cname(out, Ssrc{9}, name); });
    auto compound = CompoundReader::open(d);
    ASSERT_TRUE(compound) << length;
    auto names = SourceDescription::parse(*compound->next());
    ASSERT_TRUE(names);
    const auto first = names->next();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->cname, name);
    EXPECT_EQ(first->source, Ssrc{9});
  }
}

TEST(Rtcp, what_does_not_fit_is_not_written) {
  for (std::size_t room = 0; room < 60; ++room) {
    Datagram d(room);
    CompoundWriter out(d);
    write_sender_report(out, {}, std::array{some_block});
    write_cname(out, Ssrc{1}, "n");
    EXPECT_EQ(out.size(), 0u) << room;
  }
}

}  // namespace
}  // namespace esp_peer::rtp
