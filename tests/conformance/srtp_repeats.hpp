// A packet that a receiver lacks is sealed again to what it was; nothing else ever is under its
// number, for who saw both would know what both say.
#pragma once
#include "tests/conformance/srtp_backend.hpp"

namespace esp_peer::test {

// [rfc3711#9.1]
// covers: bug 10
TEST_P(SrtpBackend, no_number_is_sealed_twice_where_nobody_asked_for_that) {
  for (std::uint32_t number = 65'500; number < 65'600; ++number) {  // over a wrap
    const auto s = static_cast<std::uint16_t>(number);
    ASSERT_FALSE(pair_.client.seal_rtp(rtp_packet(7, s, 10)).empty()) << number;
    EXPECT_TRUE(pair_.client.seal_rtp(rtp_packet(7, s, 10)).empty()) << number;
    EXPECT_TRUE(pair_.client.seal_rtp(rtp_packet(7, s, 11)).empty()) << number;
    const auto earlier = static_cast<std::uint16_t>(number - (number - 65'500) / 2);
    EXPECT_TRUE(pair_.client.seal_rtp(rtp_packet(7, earlier, 10)).empty()) << number;
  }
}

// [rfc3711#9.1]
TEST_P(SrtpBackend, a_packet_that_is_sealed_again_is_the_same_bytes) {
  constexpr std::size_t kept = 300;
  ASSERT_TRUE(pair_.client.session.allow_repeats(rtp::Ssrc{7}, kept));
  const SrtpReference client = pair_.of(true);
  const auto packet = [](std::uint32_t number) {
    return rtp_packet(7, static_cast<std::uint16_t>(number), number % 200);
  };
  // Wraps; numbers that were left out do not matter.
  for (std::uint32_t number = 65'000; number < 3 * 65'536 - 20'000;
       number += number % 5 == 0 ? 61 : 1) {
    const SrtpBytes first = pair_.client.seal_rtp(packet(number));
    ASSERT_EQ(first, client.seal_rtp(packet(number), number >> 16)) << number;
    EXPECT_EQ(pair_.client.seal_rtp(packet(number)), first) << number;
    EXPECT_EQ(pair_.client.seal_rtp(packet(number)), first) << "as often as wanted";
  }
  constexpr std::uint32_t start = 3 * 65'536 - 500;
  const auto sealed = [&](std::uint32_t number) {
    return client.seal_rtp(packet(number), number >> 16);
  };
  for (std::uint32_t last = start; last < start + 1000; ++last) {
    ASSERT_EQ(pair_.client.seal_rtp(packet(last)), sealed(last)) << last;
    if (last % 50 != 0 || last < start + kept) continue;
    for (std::uint32_t behind = 0; behind < kept; ++behind) {
      ASSERT_EQ(pair_.client.seal_rtp(packet(last - behind)), sealed(last - behind)) << last;
    }
    EXPECT_TRUE(pair_.client.seal_rtp(packet(last - static_cast<std::uint32_t>(kept))).empty())
        << "too old to be known";
  }
}

TEST_P(SrtpBackend, a_receiver_that_lacks_a_packet_takes_its_repetition_and_another_does_not) {
  ASSERT_TRUE(pair_.client.session.allow_repeats(rtp::Ssrc{7}, 64));
  std::vector<std::uint16_t> lost;
  for (std::uint32_t number = 65'480; number < 65'680; ++number) {
    const auto s = static_cast<std::uint16_t>(number);
    const SrtpBytes sealed = pair_.client.seal_rtp(rtp_packet(7, s, 30));
    if (number % 7 == 0) {
      lost.push_back(s);
    } else {
      ASSERT_FALSE(pair_.server.open_rtp(sealed).empty());
    }
    if (lost.size() < 5) continue;
    for (const std::uint16_t missing : lost) {
      const SrtpBytes packet = rtp_packet(7, missing, 30);
      EXPECT_EQ(pair_.server.open_rtp(pair_.client.seal_rtp(packet)), packet) << missing;
      EXPECT_TRUE(pair_.server.open_rtp(pair_.client.seal_rtp(packet)).empty()) << missing;
    }
    lost.clear();
  }
}

// [rfc3711#9.1]
// covers: bug 10
TEST_P(SrtpBackend, another_packet_under_a_number_that_was_used_never_becomes_visible) {
  ASSERT_TRUE(pair_.client.session.allow_repeats(rtp::Ssrc{7}, 64));
  const SrtpBytes packet = rtp_packet(7, 65'530, 40);
  const SrtpBytes sealed = pair_.client.seal_rtp(packet);
  ASSERT_FALSE(sealed.empty());
  for (std::uint16_t s = 65'531; s != 20; ++s) {
    ASSERT_FALSE(pair_.client.seal_rtp(rtp_packet(7, s, 10)).empty());
  }
  std::vector<SrtpBytes> others;
  for (std::size_t bit = 0; bit < 8 * packet.size(); ++bit) {
    if (bit / 8 >= 2 && bit / 8 < 4) continue;   // the number itself
    if (bit / 8 >= 8 && bit / 8 < 12) continue;  // another source
    if (bit / 8 == 0 && bit % 8 >= 6) continue;  // another version
    others.push_back(packet);
    others.back()[bit / 8] ^= std::byte(1u << bit % 8);
  }
  others.push_back(rtp_packet(7, 65'530, 39));
  others.push_back(rtp_packet(7, 65'530, 41));
  others.push_back(rtp_packet(7, 65'530, 0));
  for (const SrtpBytes& other : others) {
    SrtpBytes room(other.size() + srtp::max_growth);
    copy_bytes(other, room);
    ASSERT_EQ(pair_.client.session.seal_rtp(room, other.size()), 0u);
    // Neither its cipher text nor its tag is left lying where somebody might send it from.
    const std::size_t front = rtp::header_size + 4 * (std::to_integer<unsigned>(other[0]) & 15);
    const SrtpBytes wire = pair_.of(true).seal_rtp(other, 0);
    if (wire.empty() || front + 16 > wire.size()) continue;
    EXPECT_FALSE(
        equal(Bytes(room).subspan(front, wire.size() - front), Bytes(wire).subspan(front)));
    EXPECT_FALSE(equal(Bytes(room).subspan(wire.size() - 10, 10), Bytes(wire).last(10)));
  }
  EXPECT_EQ(pair_.client.seal_rtp(packet), sealed) << "the true one still may go";
}

TEST_P(SrtpBackend, repeats_are_of_the_source_that_asked_and_of_so_many_sources) {
  srtp::Session& session = pair_.client.session;
  for (std::uint32_t ssrc = 1; ssrc <= srtp::Session::max_repeating_sources; ++ssrc) {
    EXPECT_TRUE(session.allow_repeats(rtp::Ssrc{ssrc}, 10)) << ssrc;
    EXPECT_FALSE(session.allow_repeats(rtp::Ssrc{ssrc}, 10)) << "once";
  }
  EXPECT_FALSE(session.allow_repeats(rtp::Ssrc{99}, 10)) << "too many";
  EXPECT_FALSE(SrtpPair(library(), profile()).client.session.allow_repeats(rtp::Ssrc{1}, 0));
  for (const std::uint32_t ssrc : {1u, 2u, 99u}) {
    const SrtpBytes sealed = pair_.client.seal_rtp(rtp_packet(ssrc, 5, 10));
    ASSERT_FALSE(sealed.empty());
    EXPECT_EQ(pair_.client.seal_rtp(rtp_packet(ssrc, 5, 10)), ssrc == 99 ? SrtpBytes() : sealed);
  }
}

}  // namespace esp_peer::test
