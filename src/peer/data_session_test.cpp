#include "peer/data_session.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "datachannel/dcep.hpp"
#include "datachannel/ppid.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::peer {
namespace {

using Strings = std::vector<std::string>;

// A data session, and a peer that is no more than an association.
class DataSessions : public ::testing::Test {
 protected:
  DataSessions() {
    ours_.connect(now_);
    EXPECT_TRUE(peer_.connect(now_));
    carry();
    open(1);
    carry();
    EXPECT_EQ(fetch(), (Strings{"connected", "opened"}));
  }
  void send(std::uint16_t stream, sctp::Ppid ppid, Bytes message) {
    EXPECT_TRUE(peer_.send(now_, sctp::StreamId{stream}, ppid, message, {}));
  }
  void open(std::uint16_t stream) {
    std::array<std::byte, datachannel::open_header_size + 1> message{};
    datachannel::write_open({.label = "x"}, message);
    send(stream, datachannel::ppid::dcep, message);
  }
  void say(std::string_view text) {
    send(1, datachannel::ppid::string, as_bytes(text));
    carry();
  }
  void carry() {
    std::array<std::byte, 1300> room{};
    for (int quiet = 0; quiet < 2; ++quiet) {
      while (const auto n = peer_.write_packet(now_, room)) {
        ours_.on_packet(now_, Bytes(room).first(n));
        quiet = 0;
      }
      while (const auto n = ours_.write_packet(now_, room)) {
        peer_.on_packet(now_, Bytes(room).first(n));
        quiet = 0;
      }
    }
    now_ = now_ + milliseconds(200);
    ours_.on_deadline(now_);
  }
  // Events and messages as an application fetches them, or only the events.
  Strings fetch(bool reads = true) {
    Strings heard;
    for (;;) {
      if (const auto event = ours_.poll_event(now_)) {
        constexpr const char* names[] = {"connected", "opened", "closed", "disconnected", "failed"};
        heard.emplace_back(names[static_cast<std::size_t>(event->kind)]);
        continue;
      }
      auto message = reads ? ours_.read_message(now_) : std::nullopt;
      if (!message) break;
      heard.emplace_back(as_text(message->body.bytes()));
    }
    return heard;
  }

  test::TestEnv our_world_{1}, peers_world_{2};
  Instant now_ = test::at_ms(1000);
  DataSession ours_{{.sctp = {}, .dtls_client = true, .automatic_channel = false},
                    openssl::provider(),
                    our_world_.env};
  sctp::Association peer_{{}, openssl::provider(), peers_world_.env};
};

TEST_F(DataSessions, what_was_acknowledged_before_a_shutdown_is_read_before_the_end) {
  say("one");
  say("two");
  EXPECT_EQ(peer_.buffered(), 0u) << "acknowledged";
  peer_.shutdown(now_);
  carry();
  EXPECT_EQ(fetch(false), Strings{}) << "the end stands behind them";
  EXPECT_FALSE(ours_.over());
  EXPECT_EQ(fetch(), (Strings{"one", "two", "closed", "disconnected"}));
  EXPECT_TRUE(ours_.over());
}

TEST_F(DataSessions, what_was_acknowledged_before_an_abort_is_read_before_the_end) {
  say("one");
  say("two");
  peer_.abort(now_);
  carry();
  const Status sent =
      ours_.send(now_, sctp::StreamId{1}, datachannel::Kind::string, as_bytes("too late"));
  EXPECT_EQ(sent.code(), Errc::wrong_state);
  EXPECT_EQ(fetch(), (Strings{"one", "two", "closed", "disconnected"}));
}

TEST_F(DataSessions, a_channel_that_opened_behind_unread_messages_opens_and_closes_all_the_same) {
  say("one");
  open(3);
  send(3, datachannel::ppid::string, as_bytes("two"));
  carry();
  peer_.abort(now_);
  carry();
  EXPECT_EQ(fetch(), (Strings{"one", "opened", "two", "closed", "closed", "disconnected"}));
}

TEST_F(DataSessions, an_application_that_leaves_hears_nothing_more) {
  say("one");
  say("two");
  ours_.leave(now_);
  EXPECT_EQ(fetch(), (Strings{"closed", "disconnected"}));
  EXPECT_TRUE(ours_.over());
}

TEST_F(DataSessions, an_application_that_leaves_while_the_end_waits_hears_of_it_at_once) {
  say("one");
  peer_.abort(now_);
  carry();
  EXPECT_EQ(fetch(false), Strings{});
  ours_.leave(now_);
  EXPECT_EQ(fetch(), (Strings{"closed", "disconnected"}));
}

}  // namespace
}  // namespace esp_peer::peer
