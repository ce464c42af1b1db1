// Two video sessions with the keys of one handshake: what they report, ask for and answer.
#include "peer/video_session.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "backends/libsrtp/backend.hpp"
#include "base/timer_table.hpp"
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

constexpr auto profile = crypto::SrtpProfile::aead_aes_128_gcm;

NegotiatedVideo negotiated(std::uint32_t ssrc) {
  NegotiatedVideo video;
  video.format = sdp::offered_format(sdp::VideoCodec::h264);
  video.accepted.push_back(video.format);
  video.direction = sdp::Direction::sendrecv;
  video.local_ssrc = ssrc;
  video.local_rtx_ssrc = ssrc + 100;
  video.cname.assign("cname" + std::to_string(ssrc));
  video.reduced_rtcp = true;
  return video;
}
// A keyframe has a parameter set in front, as every stream begins.
Datagram picture(bool keyframe, std::size_t size) {
  const Bytes front = as_bytes(keyframe ? std::string_view("\0\0\1\x67s\0\0\1\x65", 9)
                                        : std::string_view("\0\0\1\x41", 4));
  Datagram out(front.begin(), front.end());
  out.resize(std::max(size, out.size() + 1), std::byte{0x7A});
  return out;
}

struct Side {
  Side(bool client, const NegotiatedVideo& video, const VideoLimits& limits = {})
      : env(client ? 1 : 2),
        keys(profile, client),
        srtp(profile, Bytes(keys.exported).first(srtp::exported_size(profile)), client,
             libsrtp::backend(), env.env),
        session(at_ms(1000), video, limits, srtp, env.env, seconds(1'000'000)) {}

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
  Datagram write(Instant now) {
    Datagram room(1300);
    room.resize(session.write_packet(now, room));
    return room;
  }

  test::TestEnv env;
  MediaKeys keys;
  srtp::Session srtp;
  VideoSession session;
  std::vector<std::uint32_t> seen;  // pts
  int keyframes_asked = 0;
};

class Video : public ::testing::Test {
 protected:
  Video() { begin(negotiated(1), negotiated(2)); }
  void begin(const NegotiatedVideo& of_left, const NegotiatedVideo& of_right) {
    ms = 1000;
    left = std::make_unique<Side>(true, of_left);
    right = std::make_unique<Side>(false, of_right);
    reader_ =
        std::make_unique<srtp::Session>(profile, Bytes(keys_).first(srtp::exported_size(profile)),
                                        false, libsrtp::backend(), reader_env_.env);
  }
  Instant now() const { return at_ms(ms); }
  void run(std::int64_t time) {
    for (const std::int64_t end = ms + time; ms < end; ++ms) {
      for (Side* side : {left.get(), right.get()}) {
        side->session.on_deadline(now());
        for (Datagram d = side->write(now()); !d.empty(); d = side->write(now())) {
          network(side == left.get() ? *right : *left, std::move(d));
        }
      }
      for (Side* side : {left.get(), right.get()}) {
        while (const auto frame = side->session.read_frame(now())) side->seen.push_back(frame->pts);
        side->keyframes_asked += side->session.take_keyframe_request();
      }
    }
  }
  // What a foreign peer says in the place of the left one.
  void say(const std::function<void(rtp::CompoundWriter&)>& write) {
    Datagram room(1300);
    rtp::CompoundWriter out(room);
    write(out);
    room.resize(foreign_.seal_rtcp(room, out.size()));
    right->hear(now(), room);
    right->keyframes_asked += right->session.take_keyframe_request();
  }
  // The parts of what the left one says to the right one.
  struct Part {
    rtp::RtcpPacket packet;
    Datagram body;
  };
  std::vector<Part> parts(Datagram datagram) {
    std::vector<Part> out;
    auto compound = rtp::CompoundReader::open(reader_->open_rtcp(now(), datagram));
    EXPECT_TRUE(compound);
    while (compound) {
      const auto packet = compound->next();
      if (!packet) break;
      out.push_back({*packet, Datagram(packet->body.begin(), packet->body.end())});
      out.back().packet.body = out.back().body;
    }
    return out;
  }

  std::int64_t ms = 1000;
  std::unique_ptr<Side> left, right;
  std::function<void(Side&, Datagram)> network = [this](Side& to, Datagram d) {
    to.hear(now(), d);
  };

 private:
  std::array<std::byte, srtp::max_exported_size> keys_{};
  test::TestEnv foreign_env_, reader_env_;
  srtp::Session foreign_{profile, Bytes(keys_).first(srtp::exported_size(profile)), true,
                         libsrtp::backend(), foreign_env_.env};
  std::unique_ptr<srtp::Session> reader_;
};

TEST_F(Video, reports_name_us_and_say_how_the_other_is_received) {
  std::vector<Datagram> from_left;
  std::vector<std::int64_t> at;
  network = [&](Side& to, Datagram d) {
    if (&to == right.get() && rtp::is_rtcp(d)) {
      from_left.push_back(d);
      at.push_back(ms);
    }
    to.hear(now(), d);
  };
  for (std::uint32_t pts = 0; pts < 20'000; pts += 40) {
    EXPECT_TRUE(left->session.send(now(), pts, picture(pts == 0, 3000)));
    EXPECT_TRUE(right->session.send(now(), pts, picture(pts == 0, 3000)));
    run(40);
  }
  EXPECT_EQ(left->seen.size(), 500u);
  EXPECT_EQ(right->seen.size(), 500u);
  // [rfc3550#6.2, 6.3.1] About one a second, never in step.
  EXPECT_GE(from_left.size(), 14u);
  EXPECT_LE(from_left.size(), 40u);
  for (std::size_t i = 1; i < at.size(); ++i) {
    EXPECT_GE(at[i] - at[i - 1], 500);
    EXPECT_LE(at[i] - at[i - 1], 1501);
  }
  ASSERT_FALSE(from_left.empty());
  const auto said = parts(from_left.back());
  ASSERT_EQ(said.size(), 2u);
  const auto report = rtp::parse_sender_report(said[0].packet);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->info.sender, rtp::Ssrc{1});
  EXPECT_EQ(report->info.ntp >> 32, std::uint64_t(1'000'000 + at.back() / 1000));
  EXPECT_GT(report->info.packets, 1000u);
  ASSERT_EQ(report->blocks.size(), 1u);
  EXPECT_EQ(report->blocks[0].source, rtp::Ssrc{2});
  EXPECT_EQ(report->blocks[0].lost, 0);
  EXPECT_NE(report->blocks[0].last_report, 0u);
  auto names = rtp::SourceDescription::parse(said[1].packet);
  ASSERT_TRUE(names);
  EXPECT_EQ(names->next()->cname, "cname1");
}

// [rfc3550#6.4.1] Both are modulo 2^32.
TEST_F(Video, counts_of_packets_and_octets_go_on_over_2_32) {
  VideoLimits limits;
  limits.sender.counts = {0xFFFF'FFF0, 0xFFFF'F000};
  left = std::make_unique<Side>(true, negotiated(1), limits);
  std::optional<rtp::SenderInfo> last;
  network = [&](Side& to, Datagram d) {
    if (&to == right.get() && rtp::is_rtcp(d)) {
      for (const Part& part : parts(d)) {
        if (const auto report = rtp::parse_sender_report(part.packet)) last = report->info;
      }
    }
    to.hear(now(), d);
  };
  for (std::uint32_t pts = 0; pts < 4'000; pts += 40) {
    EXPECT_TRUE(left->session.send(now(), pts, picture(pts == 0, 3000)));
    run(40);
  }
  ASSERT_TRUE(last);
  EXPECT_GT(last->packets, 100u);
  EXPECT_LT(last->packets, 400u);
  EXPECT_GT(last->octets, 100'000u);
  EXPECT_LT(last->octets, 400'000u);
  EXPECT_EQ(right->seen.size(), 100u);
}

TEST_F(Video, who_only_watches_reports_as_a_receiver_and_leaves_with_a_word) {
  std::vector<Datagram> from_left;
  network = [&](Side& to, Datagram d) {
    if (&to == right.get()) from_left.push_back(d);
    to.hear(now(), d);
  };
  for (std::uint32_t pts = 0; pts < 3'000; pts += 40) {
    EXPECT_TRUE(right->session.send(now(), pts, picture(pts == 0, 3000)));
    run(40);
  }
  ASSERT_FALSE(from_left.empty());
  auto said = parts(from_left.back());
  ASSERT_EQ(said.size(), 2u);
  const auto report = rtp::parse_receiver_report(said[0].packet);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->blocks.size(), 1u);

  from_left.clear();
  left->session.leave();
  run(5'000);
  ASSERT_EQ(from_left.size(), 1u) << "and nothing behind it";
  said = parts(from_left[0]);
  ASSERT_EQ(said.size(), 3u);
  EXPECT_EQ(said[0].packet.type, rtp::RtcpType::receiver_report);  // [rfc3550#6.1]
  EXPECT_EQ(said[1].packet.type, rtp::RtcpType::source_description);
  const auto bye = rtp::parse_bye(said[2].packet);
  ASSERT_TRUE(bye);
  EXPECT_EQ((*bye)[0], rtp::Ssrc{1});
}

TEST_F(Video, who_never_said_a_word_says_no_farewell) {
  left->session.leave();
  EXPECT_TRUE(left->write(now()).empty());
}

// [rfc5506#3.4.2, rfc4585#3.1]
// covers: must rfc4585#6
TEST_F(Video, feedback_stands_alone_only_where_both_take_that) {
  for (const bool reduced : {true, false}) {
    NegotiatedVideo video = negotiated(1);
    video.reduced_rtcp = reduced;
    begin(video, negotiated(2));
    std::vector<Datagram> asked;
    network = [&](Side& to, Datagram d) {
      if (&to == right.get()) asked.push_back(d);
      to.hear(now(), d);
    };
    EXPECT_TRUE(right->session.send(now(), 0, picture(false, 3000)));
    run(20);  // no keyframe: a picture is lost
    ASSERT_EQ(asked.size(), 1u);
    const auto said = parts(asked[0]);
    ASSERT_EQ(said.size(), reduced ? 1u : 3u);
    EXPECT_EQ(said.back().packet.type, rtp::RtcpType::payload_feedback);
    EXPECT_EQ(rtp::parse_picture_loss(said.back().packet), rtp::Ssrc{2});
    if (!reduced) {
      EXPECT_EQ(said[0].packet.type, rtp::RtcpType::receiver_report);
      EXPECT_EQ(said[1].packet.type, rtp::RtcpType::source_description);
    }
    EXPECT_EQ(right->keyframes_asked, 1);
  }
}

void write_full_intra(rtp::CompoundWriter& out, std::uint32_t source, std::uint8_t number) {
  out.begin(rtp::RtcpType::payload_feedback, 4);
  out.out().u32(99);
  out.out().u32(0);
  out.out().u32(source);
  out.out().u8(number);
  out.out().u24(0);
  out.end();
}

// covers: bug 60, must rfc8834#5.1.1
TEST_F(Video, ten_thousand_requests_a_second_are_one_an_interval) {
  for (int i = 0; i < 10'000; ++i) {
    if (i % 10 == 0) run(1);
    say([&](rtp::CompoundWriter& out) {
      rtp::write_picture_loss(out, rtp::Ssrc{99}, rtp::Ssrc{2});
    });
    say([&](rtp::CompoundWriter& out) {
      write_full_intra(out, 2, static_cast<std::uint8_t>(i & 0xFF));
    });
  }
  EXPECT_EQ(right->keyframes_asked, 4);
}

// [rfc5104#3.5.1.1] Who lacks the picture repeats the request under its number, and the picture
// that it led to may be lost as well. covers: must rfc8834#5.1.1
TEST_F(Video, a_full_intra_request_counts_again_when_it_is_repeated_later_than_an_interval) {
  const auto request = [&](std::uint32_t source, std::uint8_t number) {
    say([&](rtp::CompoundWriter& out) { write_full_intra(out, source, number); });
    return std::exchange(right->keyframes_asked, 0);
  };
  EXPECT_EQ(request(2, 0), 1);
  run(100);
  EXPECT_EQ(request(2, 0), 0) << "the picture is on its way";
  EXPECT_EQ(request(2, 1), 0) << "that of another request as well";
  run(250);
  EXPECT_EQ(request(2, 1), 1);
  run(1'000);
  EXPECT_EQ(request(2, 1), 1) << "what came of the last one was lost";
  run(1'000);
  EXPECT_EQ(request(7, 2), 0) << "of somebody else";
}

// covers: must rfc8834#5.1.1
TEST_F(Video, a_full_intra_request_close_behind_a_lost_picture_is_told_when_it_is_repeated) {
  say([](rtp::CompoundWriter& out) { rtp::write_picture_loss(out, rtp::Ssrc{99}, rtp::Ssrc{2}); });
  EXPECT_EQ(std::exchange(right->keyframes_asked, 0), 1);
  run(100);
  say([](rtp::CompoundWriter& out) { write_full_intra(out, 2, 7); });
  EXPECT_EQ(right->keyframes_asked, 0) << "the picture may not have begun yet";
  run(400);
  say([](rtp::CompoundWriter& out) { write_full_intra(out, 2, 7); });
  EXPECT_EQ(right->keyframes_asked, 1);
}

TEST_F(Video, requests_for_others_and_of_wrong_sizes_mean_nothing) {
  say([](rtp::CompoundWriter& out) {
    rtp::write_picture_loss(out, rtp::Ssrc{99}, rtp::Ssrc{3});
    out.begin(rtp::RtcpType::payload_feedback, 4);  // FIR with half an entry
    out.out().u32(99);
    out.out().u32(0);
    out.out().u32(2);
    out.end();
    out.begin(rtp::RtcpType::transport_feedback,
              15);  // congestion feedback, which nobody asked for
    out.out().u32(99);
    out.out().u32(2);
    out.out().u32(0xFFFF'FFFF);
    out.end();
  });
  EXPECT_EQ(right->keyframes_asked, 0);
}

TEST_F(Video, who_does_not_send_is_asked_for_nothing) {
  NegotiatedVideo watching = negotiated(2);
  watching.direction = sdp::Direction::recvonly;
  begin(negotiated(1), watching);
  say([&](rtp::CompoundWriter& out) { rtp::write_picture_loss(out, rtp::Ssrc{99}, rtp::Ssrc{2}); });
  EXPECT_EQ(right->keyframes_asked, 0);
}

// covers: bug 59, must rfc4585#6
TEST_F(Video, a_request_for_every_packet_there_can_be_costs_what_is_kept_once_a_count) {
  std::size_t packets = 0;
  network = [&](Side& to, Datagram d) { packets += &to == left.get() && !rtp::is_rtcp(d); };
  for (std::uint32_t pts = 0; pts < 400; pts += 40) {
    EXPECT_TRUE(right->session.send(now(), pts, picture(pts == 0, 3000)));
    run(40);
  }
  const std::size_t sent = std::exchange(packets, 0);
  for (int round = 0; round < 10; ++round) {
    for (std::uint32_t first = 0; first < 65'536; first += 17 * 250) {
      say([first](rtp::CompoundWriter& out) {
        std::vector<std::uint16_t> all;
        for (std::uint32_t i = 0; i < 17 * 250; ++i) {
          all.push_back(static_cast<std::uint16_t>(first + i));
        }
        rtp::write_nack(out, rtp::Ssrc{99}, rtp::Ssrc{2}, all, 250);
      });
    }
    run(200);
  }
  EXPECT_GE(sent, 30u);
  EXPECT_EQ(packets, 3 * sent) << "each three times";
}

// covers: must rfc8834#7.1
TEST_F(Video, nothing_is_sent_to_who_has_ceased_to_report_until_he_is_heard_and_then_a_keyframe) {
  bool back = true;  // the way from right to left
  std::size_t packets = 0;
  network = [&](Side& to, Datagram d) {
    packets += &to == right.get() && !rtp::is_rtcp(d);
    if (&to == right.get() || back) to.hear(now(), d);
  };
  std::uint32_t pts = 0;
  int refused = 0;
  const auto film = [&](int frames) {
    refused = 0;
    for (int i = 0; i < frames; ++i, pts += 100) {
      const bool keyframe = pts == 0 || left->keyframes_asked > 0;
      const Status sent = left->session.send(now(), pts, picture(keyframe, 3'000));
      refused += !sent;
      if (!sent) {
        EXPECT_EQ(sent.error().code, Errc::would_block);
      }
      run(100);
    }
  };
  film(100);
  EXPECT_EQ(refused, 0);
  back = false;
  film(180);
  EXPECT_EQ(refused, 0);
  film(300);
  EXPECT_GT(refused, 260);
  packets = 0;
  film(100);
  EXPECT_EQ(packets, 0u);
  EXPECT_EQ(left->keyframes_asked, 0);
  back = true;
  film(50);
  EXPECT_LT(refused, 30);
  EXPECT_GT(packets, 0u);
  EXPECT_GE(left->keyframes_asked, 1);
  film(600);
  EXPECT_EQ(refused, 0);
}

// [rfc8083#4.2] Whoever changes the direction has a reason of his own.
// covers: must rfc8834#7.1
TEST_F(Video, a_stream_of_which_nothing_arrives_stops_and_a_change_of_direction_begins_it_anew) {
  bool there = true;  // the way of packets from left to right
  network = [&](Side& to, Datagram d) {
    if (&to == left.get() || there || rtp::is_rtcp(d)) to.hear(now(), d);
  };
  const auto film = [&](std::uint32_t from, int frames) {
    int sent = 0;
    for (int i = 0; i < frames; ++i) {
      const std::uint32_t pts = from + 100 * static_cast<std::uint32_t>(i);
      sent += static_cast<bool>(left->session.send(now(), pts, picture(i == 0, 3'000)));
      run(100);
    }
    return sent;
  };
  EXPECT_EQ(film(0, 100), 100);
  there = false;
  EXPECT_LT(film(10'000, 300), 250);
  EXPECT_EQ(film(40'000, 10), 0);
  there = true;
  for (const auto direction : {sdp::Direction::recvonly, sdp::Direction::sendrecv}) {
    NegotiatedVideo video = negotiated(1);
    video.direction = direction;
    left->session.change(now(), video);
  }
  EXPECT_EQ(film(51'000, 100), 100);
}

// What was refused meanwhile is what the next one refers to.
TEST_F(Video, after_a_rest_nothing_is_taken_but_a_keyframe) {
  EXPECT_TRUE(left->session.send(now(), 0, picture(true, 3'000)));
  NegotiatedVideo video = negotiated(1);
  for (const auto direction : {sdp::Direction::recvonly, sdp::Direction::sendrecv}) {
    video.direction = direction;
    left->session.change(now(), video);
  }
  EXPECT_EQ(left->session.send(now(), 40, picture(false, 3'000)).code(), Errc::would_block);
  EXPECT_TRUE(left->session.take_keyframe_request()) << "nor does the peer have to ask";
  EXPECT_TRUE(left->session.send(now(), 80, picture(true, 3'000)));
  EXPECT_TRUE(left->session.send(now(), 120, picture(false, 3'000)));
}

// [rfc3264#6.1] Nor does what waited when the direction changed.
TEST_F(Video, after_a_change_of_direction_nothing_that_waited_leaves) {
  EXPECT_TRUE(left->session.send(now(), 0, picture(true, 300'000)));
  run(5);
  std::size_t packets = 0;
  network = [&](Side& to, Datagram d) { packets += &to == right.get() && !rtp::is_rtcp(d); };
  NegotiatedVideo video = negotiated(1);
  video.direction = sdp::Direction::recvonly;
  left->session.change(now(), video);
  run(1'000);
  EXPECT_EQ(packets, 0u);
  EXPECT_LE(left->env.memory.live, 20'000u);
  EXPECT_FALSE(left->session.send(now(), 10, picture(true, 3'000)));
  network = [this](Side& to, Datagram d) { to.hear(now(), d); };
  left->session.change(now(), negotiated(1));
  EXPECT_TRUE(left->session.send(now(), 1'040, picture(true, 3'000)));
  run(200);
  EXPECT_EQ(right->seen, std::vector<std::uint32_t>{1'040});
}

// Whose section is gone: nobody is there to hear it.
TEST_F(Video, of_a_track_that_another_took_the_place_of_nothing_is_asked_nor_told) {
  for (std::uint32_t pts = 0; pts < 1'000; pts += 40) {
    EXPECT_TRUE(left->session.send(now(), pts, picture(pts == 0, 3'000)));
    run(40);
  }
  EXPECT_EQ(right->seen.size(), 25u);
  NegotiatedVideo other = negotiated(2);
  other.mid.assign("c");
  right->session.change(now(), other);
  std::size_t blocks = 0, parts_of_feedback = 0;
  network = [&](Side& to, Datagram d) {
    if (&to == right.get() || !rtp::is_rtcp(d)) return;
    auto compound = rtp::CompoundReader::open(left->srtp.open_rtcp(now(), d));
    while (compound) {
      const auto part = compound->next();
      if (!part) break;
      const auto report = rtp::parse_receiver_report(*part);
      if (report) blocks += report->blocks.size();
      parts_of_feedback += part->type == rtp::RtcpType::payload_feedback ||
                           part->type == rtp::RtcpType::transport_feedback;
    }
  };
  run(5'000);
  EXPECT_EQ(blocks, 0u);
  EXPECT_EQ(parts_of_feedback, 0u);
  EXPECT_FALSE(right->session.knows(rtp::Ssrc{1}));
}

// [rfc4585#4.2] Neither an empty packet, nor one with a report that is not due.
TEST_F(Video, where_no_feedback_was_agreed_on_loss_costs_no_datagram) {
  NegotiatedVideo video = negotiated(2);
  video.format.nack = video.format.pli = video.format.fir = false;
  video.accepted = {};
  video.accepted.push_back(video.format);
  for (const bool reduced : {true, false}) {
    video.reduced_rtcp = reduced;
    begin(negotiated(1), video);
    int packets = 0, datagrams = 0;
    network = [&](Side& to, Datagram d) {
      if (&to == left.get()) ++datagrams;
      if (&to == right.get() && ++packets % 10 != 0) to.hear(now(), d);
    };
    for (std::uint32_t pts = 0; pts < 10'000; pts += 40) {
      EXPECT_TRUE(left->session.send(now(), pts, picture(pts % 1'000 == 0, 5'000)));
      run(40);
    }
    EXPECT_LE(datagrams, 20) << "reports alone";
  }
}

// [rfc3550#6.2] The share of the bandwidth that is RTCP's, though no timer of RFC 4585 deals it
// out.
TEST_F(Video, at_30_percent_of_loss_feedback_keeps_to_a_twentieth_of_the_bandwidth) {
  std::mt19937 random(5);
  struct Second {
    std::size_t video = 0, feedback = 0;
    int datagrams = 0;
  };
  std::vector<Second> seconds(10);
  network = [&](Side& to, Datagram d) {
    Second& second = seconds[static_cast<std::size_t>(ms / 1'000 - 1)];
    if (&to == left.get()) {
      second.feedback += d.size();
      ++second.datagrams;
    } else {
      second.video += d.size();
    }
    if (random() % 10 >= 3) to.hear(now(), d);
  };
  for (std::uint32_t pts = 0; pts < 9'900; pts += 33) {
    const bool keyframe = pts == 0 || std::exchange(left->keyframes_asked, 0) > 0;
    EXPECT_TRUE(left->session.send(now(), pts, picture(keyframe, 7'000)));
    run(33);
  }
  for (std::size_t i = 0; i + 1 < seconds.size(); ++i) {
    EXPECT_GT(seconds[i].datagrams, 5) << i;
    EXPECT_LE(seconds[i].datagrams, 150) << i;
    EXPECT_LE(seconds[i].feedback, seconds[i].video / 20) << i;
  }
}

// [rfc3550#6.5.1, 6.6] A stream of repetitions is a source like any other.
TEST_F(Video, the_source_of_repetitions_has_our_name_and_says_farewell) {
  std::vector<Datagram> reports;
  int packets = 0;
  network = [&](Side& to, Datagram d) {
    if (&to == right.get() && rtp::is_rtcp(d)) reports.push_back(d);
    if (&to == right.get() && !rtp::is_rtcp(d) && ++packets % 10 == 0) return;
    to.hear(now(), d);
  };
  const auto names = [&](const Datagram& datagram) {
    std::vector<rtp::Ssrc> out;
    for (const Part& part : parts(datagram)) {
      auto description = rtp::SourceDescription::parse(part.packet);
      if (part.packet.type != rtp::RtcpType::source_description || !description) continue;
      while (const auto name = description->next()) {
        EXPECT_EQ(name->cname, "cname1");
        out.push_back(name->source);
      }
    }
    return out;
  };
  for (std::uint32_t pts = 0; pts < 4'000; pts += 40) {
    EXPECT_TRUE(left->session.send(now(), pts, picture(pts == 0, 5'000)));
    run(40);
  }
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(names(reports.back()), (std::vector<rtp::Ssrc>{rtp::Ssrc{1}, rtp::Ssrc{101}}));
  reports.clear();
  left->session.leave();
  run(10);
  ASSERT_EQ(reports.size(), 1u);
  std::vector<rtp::Ssrc> left_us;
  for (const Part& part : parts(reports[0])) {
    const auto bye =
        part.packet.type == rtp::RtcpType::bye ? rtp::parse_bye(part.packet) : std::nullopt;
    for (std::size_t i = 0; bye && i < bye->size(); ++i) left_us.push_back((*bye)[i]);
  }
  EXPECT_EQ(left_us, (std::vector<rtp::Ssrc>{rtp::Ssrc{1}, rtp::Ssrc{101}}));
}

// Ours are 2, and 102 for what is repeated.
// covers: must rfc8834#4.1
TEST_F(Video, a_name_that_both_have_is_left_to_the_other_with_a_farewell) {
  for (const std::uint32_t name : {2u, 102u}) {
    begin(negotiated(1), negotiated(2));
    network = [this](Side& to, Datagram d) { to.hear(now(), d); };
    EXPECT_TRUE(right->session.send(now(), 0, picture(true, 3'000)));
    run(100);
    EXPECT_EQ(left->seen.size(), 1u);
    std::vector<std::uint32_t> byes, names;
    network = [&](Side& to, Datagram d) {
      if (&to != left.get()) return;
      if (!rtp::is_rtcp(d)) {
        const auto packet = rtp::parse_packet(left->srtp.open_rtp(now(), d));
        ASSERT_TRUE(packet);
        names.push_back(static_cast<std::uint32_t>(packet->header.ssrc));
        left->session.on_rtp(now(), *packet);
        return;
      }
      auto compound = rtp::CompoundReader::open(left->srtp.open_rtcp(now(), d));
      while (compound) {
        const auto part = compound->next();
        if (!part) break;
        const auto bye = part->type == rtp::RtcpType::bye ? rtp::parse_bye(*part) : std::nullopt;
        if (bye) byes.push_back(static_cast<std::uint32_t>((*bye)[0]));
        left->session.on_rtcp(now(), *part);
      }
    };
    right->session.on_source(rtp::Ssrc{name});
    right->session.on_source(rtp::Ssrc{name});
    EXPECT_EQ(right->session.take_keyframe_request(), name == 2);
    run(100);
    EXPECT_EQ(byes, std::vector<std::uint32_t>{name}) << "once";
    EXPECT_TRUE(right->session.send(now(), 200, picture(true, 3'000)));
    run(100);
    ASSERT_FALSE(names.empty());
    EXPECT_EQ(names.front() == 2, name != 2);
    EXPECT_EQ(left->seen, (std::vector<std::uint32_t>{0, 200}));
  }
}

}  // namespace
}  // namespace esp_peer::peer
