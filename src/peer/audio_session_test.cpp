// Two audio sessions with the keys of one handshake, and whatever a network does to their packets.
#include "peer/audio_session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/libsrtp/backend.hpp"
#include "peer/media_session.hpp"
#include "rtp/bye.hpp"
#include "rtp/receiver_report.hpp"
#include "rtp/sender_report.hpp"
#include "rtp/source_description.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using test::at_ms;
using Datagram = std::vector<std::byte>;

NegotiatedAudio negotiated(sdp::AudioCodec codec, std::uint32_t ssrc) {
  NegotiatedAudio audio;
  audio.format = sdp::offered_format(codec);
  audio.accepted_payload_types.push_back(audio.format.payload_type);
  audio.direction = sdp::Direction::sendrecv;
  audio.local_ssrc = ssrc;
  audio.cname.assign("cname" + std::to_string(ssrc));
  return audio;
}

struct Heard {
  std::uint32_t pts;
  std::string body;
  friend bool operator==(const Heard&, const Heard&) = default;
};

struct Side {
  Side(bool client, const NegotiatedAudio& audio, rtp::SenderCounts counts = {},
       Duration wall_clock = {})
      : env(client ? 1 : 2),
        keys(crypto::SrtpProfile::aes128_cm_sha1_80, client),
        srtp(keys.profile, Bytes(keys.exported).first(srtp::exported_size(keys.profile)), client,
             libsrtp::backend(), env.env),
        session(at_ms(1000), audio, {}, srtp, env.env, wall_clock, counts) {}

  // As a MediaSession does.
  void hear(Instant now, MutableBytes datagram) {
    if (rtp::is_rtcp(datagram)) {
      auto compound = rtp::CompoundReader::open(srtp.open_rtcp(now, datagram));
      while (compound) {
        const auto part = compound->next();
        if (!part) return;
        session.on_rtcp(now, *part);
      }
    } else if (const auto packet = rtp::parse_packet(srtp.open_rtp(now, datagram))) {
      session.on_source(packet->header.ssrc);
      session.on_rtp(now, *packet);
    }
  }
  std::uint64_t state() const {
    StateHash hash;
    srtp.hash_state(hash);
    session.hash_state(hash);
    return hash.value();
  }
  void read() {
    while (auto frame = session.read_frame()) {
      heard.push_back({frame->pts, std::string(as_text(frame->payload.bytes()))});
    }
  }
  // The next packet on its way.
  Datagram write(Instant now) {
    Datagram room(1232);
    room.resize(session.write_packet(now, room));
    return room;
  }

  test::TestEnv env;
  MediaKeys keys;
  srtp::Session srtp;
  AudioSession session;
  std::vector<Heard> heard;
};

class Audio : public ::testing::Test {
 protected:
  explicit Audio(sdp::AudioCodec codec = sdp::AudioCodec::g711a) : codec_(codec) { begin(); }

  void begin(rtp::SenderCounts counts = {}, std::uint32_t right_ssrc = 2) {
    left = std::make_unique<Side>(true, negotiated(codec_, 1), counts);
    right = std::make_unique<Side>(false, negotiated(codec_, right_ssrc));
  }
  Instant now() const { return at_ms(ms); }
  // Both run until then; what they write travels through `network`.
  void run(std::int64_t until_ms) {
    while (ms < until_ms) {
      std::optional<Instant> next =
          earliest(left->session.next_deadline(), right->session.next_deadline());
      const std::int64_t due = next ? (next->time_since_epoch().count() + 999) / 1000 : until_ms;
      ms = std::clamp(due, ms, until_ms);
      for (Side* side : {left.get(), right.get()}) {
        side->session.on_deadline(now());
        const auto after = side->session.next_deadline();
        ASSERT_TRUE(!after || *after > now());
        side->read();
      }
      exchange();
    }
  }
  void exchange() {
    for (Side* from : {left.get(), right.get()}) {
      for (Datagram d = from->write(now()); !d.empty(); d = from->write(now())) {
        network(from == left.get() ? *right : *left, d);
      }
    }
  }
  void hand_over(Side& to, Datagram datagram) {
    to.hear(now(), datagram);
    to.read();
  }
  void send(Side& from, std::uint32_t pts, std::string_view frame) {
    EXPECT_TRUE(from.session.send(now(), pts, as_bytes(frame)));
  }
  // A packet of a foreign peer in the place of the left one.
  Datagram sealed(const rtp::Header& header, std::string_view payload) {
    Datagram room(1232);
    Writer out(room);
    rtp::write(out, header);
    out.text(payload);
    room.resize(foreign_.seal_rtp(room, out.size()));
    return room;
  }
  Datagram sealed_rtcp(const std::function<void(rtp::CompoundWriter&)>& write) {
    Datagram room(1232);
    rtp::CompoundWriter out(room);
    write(out);
    room.resize(foreign_.seal_rtcp(room, out.size()));
    return room;
  }

  sdp::AudioCodec codec_;
  std::int64_t ms = 1000;
  std::unique_ptr<Side> left, right;
  std::function<void(Side&, Datagram)> network = [this](Side& to, Datagram d) { hand_over(to, d); };
  test::TestEnv reader_env_;
  std::array<std::byte, srtp::max_exported_size> keys_{};
  srtp::Session foreign_{
      crypto::SrtpProfile::aes128_cm_sha1_80,
      Bytes(keys_).first(srtp::exported_size(crypto::SrtpProfile::aes128_cm_sha1_80)), true,
      libsrtp::backend(), reader_env_.env};
};

// Looks at what a session writes, as its peer would.
struct Tap {
  test::TestEnv env;
  std::array<std::byte, srtp::max_exported_size> keys{};
  srtp::Session session{
      crypto::SrtpProfile::aes128_cm_sha1_80,
      Bytes(keys).first(srtp::exported_size(crypto::SrtpProfile::aes128_cm_sha1_80)), false,
      libsrtp::backend(), env.env};
};

TEST_F(Audio, frames_come_out_as_they_went_in_both_ways) {
  std::vector<Heard> sent;
  for (std::uint32_t pts = 5; pts < 2000; pts += 20) {
    sent.push_back({pts, "frame " + std::to_string(pts)});
    send(*left, pts, sent.back().body);
    send(*right, pts, sent.back().body);
    run(ms + 20);
  }
  EXPECT_EQ(right->heard, sent);
  EXPECT_EQ(left->heard, sent);
}

TEST_F(Audio, one_frame_is_one_packet_that_waits_for_nothing) {
  send(*left, 0, std::string(160, 'a'));
  const Datagram packet = left->write(now());
  EXPECT_EQ(packet.size(), 12u + 160 + 10);
  EXPECT_TRUE(left->write(now()).empty());
  hand_over(*right, packet);
  EXPECT_EQ(right->heard.size(), 1u);
}

TEST_F(Audio, of_loss_reordering_and_duplication_only_loss_is_heard) {
  std::mt19937 random(7);
  std::vector<std::pair<std::int64_t, std::pair<Side*, Datagram>>> travelling;
  network = [&](Side& to, Datagram d) {
    if (random() % 10 == 0) return;
    for (int copies = random() % 10 == 0 ? 2 : 1; copies > 0; --copies) {
      travelling.push_back({ms + 10 + std::int64_t(random() % 60), {&to, d}});
    }
  };
  std::uint32_t sent = 0;
  for (std::uint32_t pts = 0; pts < 60'000; pts += 20, ++sent) {
    send(*left, pts, "frame " + std::to_string(pts));
    for (int tick = 0; tick < 20; ++tick) {
      run(ms + 1);
      for (std::size_t i = 0; i < travelling.size();) {
        if (travelling[i].first > ms) {
          ++i;
          continue;
        }
        auto [to, datagram] = travelling[i].second;
        travelling.erase(travelling.begin() + long(i));
        hand_over(*to, datagram);
      }
    }
  }
  EXPECT_GT(right->heard.size(), sent * 85 / 100);
  EXPECT_LT(right->heard.size(), sent * 95 / 100);
  for (std::size_t i = 0; i < right->heard.size(); ++i) {
    EXPECT_EQ(right->heard[i].body, "frame " + std::to_string(right->heard[i].pts));
    if (i > 0) {
      EXPECT_GT(right->heard[i].pts, right->heard[i - 1].pts);
    }
  }
}

// covers: bug 50, bug 59
TEST_F(Audio, more_than_70000_packets_and_counters_over_2_32_go_through) {
  begin({0xFFFF'0000, 0xFFFF'0000});
  std::string frame(160, 'x');
  std::uint32_t pts = 0xFFFF'0000;  // wraps on the way, and its timestamp several times
  std::uint32_t reports = 0;
  Tap tap;
  rtp::SenderInfo last;
  network = [&](Side& to, Datagram d) {
    if (&to == right.get() && rtp::is_rtcp(d)) {
      Datagram copy = d;
      auto compound = rtp::CompoundReader::open(tap.session.open_rtcp(now(), copy));
      ASSERT_TRUE(compound);
      const auto report = rtp::parse_sender_report(*compound->next());
      ASSERT_TRUE(report);
      last = report->info;
      ++reports;
    }
    hand_over(to, d);
  };
  std::uint32_t first_pts = pts;
  for (std::uint32_t i = 0; i < 140'000; ++i, pts += 20) {
    send(*left, pts, frame);
    send(*right, pts, frame);
    run(ms + 20);
    ASSERT_EQ(right->heard.size(), 1u) << i;
    ASSERT_EQ(left->heard.size(), 1u) << i;
    if (i == 0) first_pts = right->heard[0].pts;
    ASSERT_EQ(right->heard[0].pts, first_pts + 20 * i);
    right->heard.clear();
    left->heard.clear();
  }
  EXPECT_GT(reports, 140'000u * 20 / 7'500);
  const std::uint64_t since = 0xFFFF'0000u + 140'000u;
  EXPECT_NEAR(double(last.packets), double(since & 0xFFFF'FFFF), 400);
  EXPECT_NEAR(double(last.octets), double((0xFFFF'0000u + 140'000u * 160ull) & 0xFFFF'FFFF),
              400 * 160.0);
}

TEST_F(Audio, reports_name_us_and_say_how_the_other_is_received) {
  std::vector<Datagram> from_left;
  network = [&](Side& to, Datagram d) {
    if (&to == right.get() && rtp::is_rtcp(d)) from_left.push_back(d);
    hand_over(to, d);
  };
  for (std::uint32_t pts = 0; pts < 20'000; pts += 20) {
    send(*left, pts, "left");
    send(*right, pts, "right");
    run(ms + 20);
  }
  ASSERT_GE(from_left.size(), 3u);
  Tap tap;
  auto compound = rtp::CompoundReader::open(tap.session.open_rtcp(now(), from_left.back()));
  ASSERT_TRUE(compound);
  const auto report = rtp::parse_sender_report(*compound->next());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->info.sender, rtp::Ssrc{1});
  ASSERT_EQ(report->blocks.size(), 1u);
  EXPECT_EQ(report->blocks[0].source, rtp::Ssrc{2});
  EXPECT_EQ(report->blocks[0].lost, 0);
  EXPECT_NE(report->blocks[0].last_report, 0u);  // theirs has come, and this is its echo
  auto names = rtp::SourceDescription::parse(*compound->next());
  ASSERT_TRUE(names);
  EXPECT_EQ(names->next()->cname, "cname1");
  EXPECT_FALSE(compound->next());
}

TEST_F(Audio, a_report_of_a_sender_says_the_wall_time_if_it_is_known) {
  left = std::make_unique<Side>(true, negotiated(codec_, 1), rtp::SenderCounts{}, seconds(5000));
  std::vector<std::uint64_t> said;
  Tap tap;
  network = [&](Side& to, Datagram d) {
    if (&to != right.get() || !rtp::is_rtcp(d)) return;
    auto compound = rtp::CompoundReader::open(tap.session.open_rtcp(now(), d));
    ASSERT_TRUE(compound);
    const auto report = rtp::parse_sender_report(*compound->next());
    ASSERT_TRUE(report);
    said.push_back(report->info.ntp >> 32);
    EXPECT_EQ(said.back(), std::uint64_t(5000 + ms / 1000));
  };
  send(*left, 0, "a");
  run(ms + 4000);
  EXPECT_EQ(said.size(), 1u);
}

TEST_F(Audio, a_report_that_finds_no_room_waits_for_some_and_loses_nothing) {
  for (std::uint32_t ssrc = 100; ssrc < 100 + AudioSession::max_sources; ++ssrc) {
    hand_over(*right, sealed({false, 8, 5, 0, rtp::Ssrc{ssrc}}, "hello"));
  }
  send(*right, 0, "a sender, too");
  ASSERT_FALSE(right->write(now()).empty());
  right->session.leave();  // the longest there is: with a farewell
  std::size_t needed = 0;
  for (std::size_t size = 0; size <= 1232 && needed == 0; ++size) {
    Datagram room(size);
    needed = right->session.write_packet(now(), room);
  }
  ASSERT_NE(needed, 0u);
  EXPECT_EQ(needed, 28u + 24 * AudioSession::max_sources + 20 + 8 + 4 + 10) << "with its farewell";
}

TEST_F(Audio, who_only_listens_reports_as_a_receiver_and_at_random_intervals) {
  std::vector<std::int64_t> at;
  network = [&](Side& to, Datagram d) {
    if (&to == left.get() && rtp::is_rtcp(d)) at.push_back(ms);
    hand_over(to, d);
  };
  for (std::uint32_t pts = 0; pts < 600'000; pts += 20) {
    send(*left, pts, "left");
    run(ms + 20);
  }
  // [rfc3550#6.3.1] 0.5…1.5 × 5 s, the first after half of it.
  ASSERT_GT(at.size(), 600u / 8);
  EXPECT_LE(at.front() - 1000, 3'750);
  std::int64_t least = 100'000, most = 0;
  for (std::size_t i = 1; i < at.size(); ++i) {
    least = std::min(least, at[i] - at[i - 1]);
    most = std::max(most, at[i] - at[i - 1]);
  }
  EXPECT_GE(least, 2'500);
  EXPECT_LE(most, 7'501);
  EXPECT_GT(most - least, 2'000);
}

TEST_F(Audio, frames_that_nobody_fetched_before_we_left_stay_here) {
  send(*left, 0, "in time");
  exchange();
  send(*left, 20, "late");
  send(*left, 40, "later");
  left->session.leave();
  const Datagram farewell = left->write(now());
  EXPECT_TRUE(rtp::is_rtcp(farewell));
  EXPECT_TRUE(left->write(now()).empty());
}

TEST_F(Audio, a_bye_goes_out_when_we_leave_and_only_then) {
  send(*left, 0, "frame");
  exchange();
  left->session.leave();
  Datagram farewell = left->write(now());
  ASSERT_FALSE(farewell.empty());
  Tap tap;
  auto compound = rtp::CompoundReader::open(tap.session.open_rtcp(now(), farewell));
  ASSERT_TRUE(compound);
  EXPECT_EQ(compound->next()->type, rtp::RtcpType::sender_report);
  EXPECT_EQ(compound->next()->type, rtp::RtcpType::source_description);
  const auto bye = rtp::parse_bye(*compound->next());
  ASSERT_TRUE(bye && bye->size() == 1);
  EXPECT_EQ((*bye)[0], rtp::Ssrc{1});
  EXPECT_TRUE(left->write(now()).empty());
  EXPECT_FALSE(left->session.next_deadline());
  // [rfc3550#6.3.7] Who never said a word says no farewell.
  right->session.leave();
  EXPECT_TRUE(right->write(now()).empty());
}

TEST_F(Audio, a_bye_of_the_peer_gives_out_what_is_held_and_ends_nothing) {
  rtp::Header header{false, 8, 10, 800, rtp::Ssrc{77}};
  hand_over(*right, sealed(header, "ten"));
  header.sequence = 12;
  hand_over(*right, sealed(header, "twelve"));
  EXPECT_EQ(right->heard.size(), 1u);
  hand_over(*right, sealed_rtcp([](auto& out) {
    rtp::write_receiver_report(out, rtp::Ssrc{77}, {});
    rtp::write_bye(out, rtp::Ssrc{77});
  }));
  EXPECT_EQ(right->heard.size(), 2u);
  header.sequence = 13;
  hand_over(*right, sealed(header, "back again"));
  EXPECT_EQ(right->heard.size(), 3u);
}

// covers: must rfc8834#4.1, must rfc8834#10
TEST_F(Audio, rtcp_of_reduced_size_and_unknown_kinds_are_taken_in_good_part) {
  hand_over(*right, sealed({false, 8, 1, 0, rtp::Ssrc{77}}, "one"));
  for (const unsigned type : {192u, 204u, 205u, 206u, 207u, 223u}) {
    hand_over(*right, sealed_rtcp([&](auto& out) {
      out.begin(rtp::RtcpType(type), 1);
      out.out().u32(77);
      out.out().u32(0);
      out.end();
    }));
  }
  hand_over(*right, sealed_rtcp([](auto& out) {
    rtp::write_sender_report(out, {rtp::Ssrc{77}, 0x5555'6666'7777'8888, 0, 1, 3}, {});
  }));
  hand_over(*right, sealed({false, 8, 2, 160, rtp::Ssrc{77}}, "two"));
  EXPECT_EQ(right->heard.size(), 2u);
}

// Two who hear the same, but that to one of them more is said which nobody has agreed on: he
// becomes what the other one becomes. covers: must rfc8834#10
TEST_F(Audio, header_extensions_and_rtcp_that_are_not_known_are_ignored) {
  Side spared(false, negotiated(codec_, 2));
  srtp::Session to_spared(
      crypto::SrtpProfile::aes128_cm_sha1_80,
      Bytes(keys_).first(srtp::exported_size(crypto::SrtpProfile::aes128_cm_sha1_80)), true,
      libsrtp::backend(), reader_env_.env);
  const auto hash_of = [](const Side& side) {
    StateHash hash;
    side.session.hash_state(hash);
    return hash.value();
  };
  const auto audio = [](std::uint16_t sequence, std::optional<std::uint16_t> extension) {
    Datagram room(1232);
    Writer out(room);
    rtp::write(out, {false, 8, sequence, sequence * 160u, rtp::Ssrc{77}});
    if (extension) {
      room[0] |= std::byte{0x10};
      out.u16(*extension);
      out.u16(2);
      // [rfc8285#4.2, #4.3] As one-byte elements 5 and 0, as two-byte ones 83 and 177, or nonsense.
      for (const unsigned b : {0x53u, 0x02u, 0xB1u, 0x01u, 0xFFu, 0x00u, 0x00u, 0x00u}) {
        out.u8(static_cast<std::uint8_t>(b));
      }
    }
    out.text("frame " + std::to_string(sequence));
    room.resize(out.size());
    return room;
  };
  const auto seal = [](srtp::Session& by, Datagram packet, bool rtcp) {
    const std::size_t size = packet.size();
    packet.resize(size + srtp::max_growth);
    packet.resize(rtcp ? by.seal_rtcp(packet, size) : by.seal_rtp(packet, size));
    return packet;
  };
  std::uint16_t sequence = 1;
  for (const unsigned profile : {0xBEDEu, 0x1000u, 0x100Fu, 0x0000u, 0x1234u, 0xFFFFu}) {
    const auto extension = static_cast<std::uint16_t>(profile);
    hand_over(*right, seal(foreign_, audio(sequence, extension), false));
    hand_over(spared, seal(to_spared, audio(sequence, {}), false));
    EXPECT_EQ(hash_of(*right), hash_of(spared)) << profile;
    ++sequence;
  }
  ASSERT_EQ(right->heard.size(), 6u);
  EXPECT_EQ(right->heard, spared.heard);
  EXPECT_EQ(right->heard[0].body, "frame 1");

  // SR and RR are known, SDES and BYE; what is not stands before them, between them and behind.
  const auto reports = [](std::optional<unsigned> unknown) {
    Datagram room(1232);
    rtp::CompoundWriter out(room);
    const auto say_it = [&](std::uint8_t count) {
      if (!unknown) return;
      out.begin(rtp::RtcpType(*unknown), count);
      out.out().u32(77);
      out.out().u32(2);  // of a source of ours, were it known
      out.out().u32(0xFFFF'FFFF);
      out.end();
    };
    say_it(31);
    rtp::write_sender_report(out, {rtp::Ssrc{77}, 0x5555'6666'7777'8888, 0, 1, 3}, {});
    say_it(0);
    rtp::write_cname(out, rtp::Ssrc{77}, "their name");
    say_it(7);
    room.resize(out.size());
    return room;
  };
  for (unsigned type = 192; type <= 223; ++type) {
    if (type >= 200 && type <= 203) continue;
    const Datagram more = seal(foreign_, reports(type), true);
    hand_over(*right, more);
    hand_over(spared, seal(to_spared, reports({}), true));
    EXPECT_EQ(hash_of(*right), hash_of(spared)) << type;
  }
  EXPECT_EQ(right->write(now()), spared.write(now())) << "nor is it answered";
}

// covers: must rfc8834#4.1
TEST_F(Audio, sources_that_nobody_announced_are_heard_and_no_more_than_a_few_are_kept) {
  for (std::uint32_t ssrc = 100; ssrc < 120; ++ssrc) {
    ms += 600;
    hand_over(*right, sealed({false, 8, 5, 8 * ssrc, rtp::Ssrc{ssrc}}, "hello"));
    EXPECT_EQ(right->heard.back().pts, ssrc);
  }
  EXPECT_EQ(right->heard.size(), 20u);
  EXPECT_LT(right->env.memory.live, 8'000u);
}

// A crowd: those that were first are heard, instead of everybody now and then.
TEST_F(Audio, one_more_source_takes_the_place_of_none_that_is_heard) {
  for (std::uint16_t i = 0; i < 200; ++i) {
    ms += 20;
    for (std::uint32_t ssrc = 101; ssrc <= 105; ++ssrc) {
      hand_over(*right, sealed({false, 8, i, 160u * i, rtp::Ssrc{ssrc}}, std::to_string(ssrc)));
    }
  }
  std::map<std::string, int> frames;
  for (const Heard& frame : right->heard) ++frames[frame.body];
  EXPECT_EQ(frames,
            (std::map<std::string, int>{{"101", 200}, {"102", 200}, {"103", 200}, {"104", 200}}));
}

TEST_F(Audio, a_peer_that_changes_its_name_is_followed_at_once) {
  for (std::uint16_t i = 0; i < 100; ++i) {
    const rtp::Ssrc name{i < 50 ? 7u : 8u};
    ms += 20;
    hand_over(*right,
              sealed({false, 8, std::uint16_t(i < 50 ? 60'000 + i : i), 160u * i, name}, "x"));
    EXPECT_EQ(right->heard.back().pts, 20u * i);
  }
  EXPECT_EQ(right->heard.size(), 100u);
}

// covers: must rfc8834#4.1
TEST_F(Audio, a_name_that_both_have_is_left_to_the_other_with_a_farewell) {
  send(*right, 0, "before");
  std::vector<rtp::Ssrc> names;
  hand_over(*right, sealed({false, 8, 5, 0, rtp::Ssrc{2}}, "I am 2"));
  EXPECT_EQ(right->heard.size(), 1u);
  send(*right, 20, "after");
  bool said_bye = false;
  Tap tap;
  srtp::Session reader(crypto::SrtpProfile::aes128_cm_sha1_80, Bytes(tap.keys).first(60), true,
                       libsrtp::backend(), tap.env.env);
  for (Datagram d = right->write(now()); !d.empty(); d = right->write(now())) {
    if (rtp::is_rtcp(d)) {
      auto compound = rtp::CompoundReader::open(reader.open_rtcp(now(), d));
      ASSERT_TRUE(compound);
      while (const auto packet = compound->next()) {
        const auto bye = rtp::parse_bye(*packet);
        if (packet->type == rtp::RtcpType::bye) said_bye = bye && (*bye)[0] == rtp::Ssrc{2};
      }
    } else {
      const auto packet = rtp::parse_packet(reader.open_rtp(now(), d));
      ASSERT_TRUE(packet);
      names.push_back(packet->header.ssrc);
    }
  }
  EXPECT_TRUE(said_bye);
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0], rtp::Ssrc{2});
  EXPECT_NE(names[1], rtp::Ssrc{2});
}

TEST_F(Audio, payload_types_that_were_not_agreed_on_are_not_given_out_and_not_waited_for) {
  rtp::Header header{false, 8, 1, 0, rtp::Ssrc{77}};
  hand_over(*right, sealed(header, "one"));
  header.sequence = 2;
  header.payload_type = 13;  // comfort noise
  hand_over(*right, sealed(header, "noise"));
  header.sequence = 3;
  header.payload_type = 8;
  hand_over(*right, sealed(header, "three"));
  hand_over(*right, sealed({false, 8, 4, 0, rtp::Ssrc{77}}, ""));
  ASSERT_EQ(right->heard.size(), 2u);
  EXPECT_EQ(right->heard[1].body, "three");
}

TEST_F(Audio, a_direction_that_forbids_it_is_an_error_and_what_comes_is_not_given_out) {
  NegotiatedAudio audio = negotiated(codec_, 2);
  audio.direction = sdp::Direction::recvonly;
  right->session.change(now(), audio);
  EXPECT_EQ(right->session.send(now(), 0, as_bytes("x")).code(), Errc::unsupported);
  send(*left, 0, "to a listener");
  exchange();
  EXPECT_EQ(right->heard.size(), 1u);
  audio.direction = sdp::Direction::sendonly;
  right->session.change(now(), audio);
  EXPECT_TRUE(right->session.send(now(), 0, as_bytes("x")));
  send(*left, 20, "to one who only talks");
  exchange();
  EXPECT_EQ(right->heard.size(), 1u);
  right->session.change(now(), std::nullopt);
  EXPECT_EQ(right->session.send(now(), 0, as_bytes("x")).code(), Errc::unsupported);
}

// [rfc3264#8.2] A stream that is removed takes its reports along, and nothing of the peer is looked
// at.
TEST_F(Audio, of_audio_that_is_refused_nothing_is_said_until_it_comes_back) {
  send(*left, 0, "a");
  send(*right, 0, "b");
  run(ms + 10'000);
  send(*right, 20, "not sent any more");
  const NegotiatedAudio audio = negotiated(codec_, 2);
  right->session.change(now(), std::nullopt);
  int said = 0;
  network = [&](Side& to, Datagram d) {
    said += &to == left.get();
    hand_over(to, d);
  };
  const std::size_t heard = right->heard.size();
  send(*left, 40, "to nobody");
  run(ms + 60'000);
  EXPECT_EQ(said, 0);
  EXPECT_EQ(right->heard.size(), heard);
  EXPECT_FALSE(right->session.next_deadline()) << "and nobody has to be woken";
  right->session.change(now(), audio);
  send(*right, 60'000, "here again");
  send(*left, 60'000, "here, too");
  run(ms + 10'000);
  EXPECT_EQ(left->heard.back().body, "here again");
  EXPECT_EQ(right->heard.back().body, "here, too");
  EXPECT_GE(said, 2) << "a frame and reports";
  // Of what is refused when the application leaves there is no farewell.
  right->session.change(now(), std::nullopt);
  right->session.leave();
  EXPECT_TRUE(right->write(now()).empty());
}

// [rfc3550#6.4] A block for each source that was heard since the last report.
TEST_F(Audio, a_source_that_has_fallen_silent_is_reported_once_more_and_then_no_longer) {
  std::vector<std::size_t> blocks;
  Tap tap;
  srtp::Session reader(crypto::SrtpProfile::aes128_cm_sha1_80, Bytes(tap.keys).first(60), true,
                       libsrtp::backend(), tap.env.env);
  network = [&](Side& to, Datagram d) {
    if (&to == left.get() && rtp::is_rtcp(d)) {
      Datagram copy = d;
      auto compound = rtp::CompoundReader::open(reader.open_rtcp(now(), copy));
      ASSERT_TRUE(compound);
      blocks.push_back(compound->next()->count);
    }
    hand_over(to, d);
  };
  for (std::uint32_t pts = 0; pts < 20'000; pts += 20) {
    send(*left, pts, "speaks");
    run(ms + 20);
  }
  ASSERT_GE(blocks.size(), 2u);
  for (const std::size_t count : blocks) EXPECT_EQ(count, 1u);
  blocks.clear();
  run(ms + 60'000);
  ASSERT_GE(blocks.size(), 5u);
  EXPECT_LE(blocks[0], 1u);
  for (std::size_t i = 1; i < blocks.size(); ++i) EXPECT_EQ(blocks[i], 0u);
  send(*left, 90'000, "speaks again");
  blocks.clear();
  run(ms + 8'000);
  ASSERT_GE(blocks.size(), 1u);
  EXPECT_EQ(blocks[0], 1u);
}

// covers: must rfc8834#7.1
TEST_F(Audio, nothing_is_sent_to_who_has_ceased_to_report_until_he_is_heard) {
  bool back = true;  // the way from right to left
  std::size_t packets = 0;
  network = [&](Side& to, Datagram d) {
    packets += &to == right.get() && !rtp::is_rtcp(d);
    if (&to == right.get() || back) hand_over(to, d);
  };
  std::uint32_t pts = 0;
  const auto talk = [&](int frames) {
    int refused = 0;
    for (int i = 0; i < frames; ++i, pts += 20) {
      const Status sent = left->session.send(now(), pts, as_bytes("voice"));
      refused += !sent;
      if (!sent) {
        EXPECT_EQ(sent.error().code, Errc::would_block);
      }
      run(ms + 20);
    }
    return refused;
  };
  EXPECT_EQ(talk(1'000), 0);
  back = false;
  EXPECT_EQ(talk(600), 0) << "a dozen seconds are no sign";
  EXPECT_GT(talk(1'000), 400);
  packets = 0;
  EXPECT_EQ(talk(500), 500);
  EXPECT_EQ(packets, 0u);
  back = true;
  talk(500);
  EXPECT_EQ(talk(1'000), 0);
  EXPECT_GT(packets, 1'000u);
}

TEST_F(Audio, a_frame_too_large_for_a_packet_is_over_limit_and_the_largest_goes_through) {
  const std::string largest(AudioSession::max_frame, 'L');
  EXPECT_EQ(left->session.send(now(), 0, as_bytes(largest + "L")).code(), Errc::over_limit);
  send(*left, 0, largest);
  exchange();
  ASSERT_EQ(right->heard.size(), 1u);
  EXPECT_EQ(right->heard[0].body, largest);
}

TEST_F(Audio, a_runner_that_cannot_send_loses_the_oldest_frames) {
  for (std::uint32_t i = 0; i < 100; ++i) send(*left, 20 * i, std::to_string(i));
  exchange();
  run(ms + 200);
  ASSERT_EQ(right->heard.size(), AudioSession::max_queued);
  EXPECT_EQ(right->heard.back().body, "99");
  EXPECT_EQ(right->heard.front().pts, 20u * (100 - AudioSession::max_queued));
}

// covers: bug 32, bug 48, must rfc3711#3.3
TEST_F(Audio, what_is_not_authentic_changes_no_state) {
  send(*left, 0, "first");
  exchange();
  send(*left, 20, "second");
  const Datagram whole = left->write(now());
  const std::uint64_t before = right->state();
  const std::size_t memory = right->env.memory.live;
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    Datagram bent = whole;
    bent[random() % bent.size()] ^= std::byte(1 + random() % 255);
    if (i % 3 == 0) bent[1] = std::byte(200 + i % 7);
    if (i % 5 == 0) bent.resize(random() % bent.size());
    hand_over(*right, bent);
  }
  EXPECT_EQ(right->state(), before);
  EXPECT_EQ(right->env.memory.live, memory);
  hand_over(*right, whole);
  EXPECT_EQ(right->heard.size(), 2u);
}

TEST_F(Audio, without_memory_frames_are_lost_and_nothing_else) {
  send(*left, 0, "a");
  exchange();
  left->env.memory.fail_from = right->env.memory.fail_from = 0;
  EXPECT_EQ(left->session.send(now(), 20, as_bytes("b")).code(), Errc::no_memory);
  hand_over(*right, sealed({false, 8, 1, 0, rtp::Ssrc{77}}, "no place for me"));
  left->env.memory.fail_from = right->env.memory.fail_from = static_cast<std::size_t>(-1);
  send(*left, 40, "c");
  exchange();
  run(ms + 200);
  EXPECT_EQ(right->heard.back().body, "c");
}

// Repair packets, or streams of a server that were never agreed on: nobody ever hears them, and
// they must not take the place of a voice.
TEST_F(Audio, streams_of_unknown_payload_types_cost_no_frame_of_a_voice) {
  constexpr std::uint8_t alaw = 8, unknown = 99;
  for (std::uint16_t i = 0; i < 100; ++i) {
    const std::uint32_t timestamp = 160u * i;
    hand_over(*right, sealed({false, alaw, i, timestamp, rtp::Ssrc{50}}, "voice"));
    for (std::uint32_t ssrc = 60; ssrc < 66; ++ssrc) {
      hand_over(*right, sealed({false, unknown, i, timestamp, rtp::Ssrc{ssrc}}, "what"));
    }
    run(ms + 20);
  }
  EXPECT_EQ(right->heard.size(), 100u);
  EXPECT_FALSE(right->session.knows(rtp::Ssrc{60}));
}

// covers: must rfc8834#7.1b
TEST(AudioBandwidth, what_the_peer_wants_is_sent_and_what_is_more_is_refused) {
  for (const std::uint64_t limit : {10'000u, 5'000u}) {  // what G.711 takes over IPv4, and half
    NegotiatedAudio audio = negotiated(sdp::AudioCodec::g711a, 1);
    audio.bandwidth.transport = limit;
    Side side(true, audio);
    std::size_t sent = 0, bytes = 0;
    for (int i = 0; i < 1'000; ++i) {
      const Instant now = at_ms(1'000 + i * 20);
      const Status taken = side.session.send(now, static_cast<std::uint32_t>(i * 20),
                                             as_bytes(std::string(160, 'a')));
      if (!taken) {
        EXPECT_EQ(taken.error().code, Errc::would_block);
      }
      sent += static_cast<bool>(taken);
      while (!side.write(now).empty()) bytes += 160 + 12 + 28;
    }
    EXPECT_LE(bytes, limit * 20 + limit / 4 + 200);
    EXPECT_GE(bytes, limit * 19);
    EXPECT_EQ(sent == 1'000, limit == 10'000);
  }
}

}  // namespace
}  // namespace esp_peer::peer
