// For tests: two ends with data channels over a link that loses, doubles and reorders, in virtual
// time. An end may also be a bare association that says what it likes.
#pragma once
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "datachannel/channels.hpp"
#include "datachannel/ppid.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::test {

using datachannel::ChannelOptions;
using datachannel::Channels;
using datachannel::Kind;
using datachannel::StreamId;

inline std::uint16_t number(StreamId stream) { return static_cast<std::uint16_t>(stream); }
inline StreamId stream(unsigned id) { return StreamId{static_cast<std::uint16_t>(id)}; }

struct Link {
  double loss = 0, duplication = 0;
  std::int64_t delay_ms = 10, jitter_ms = 0;
};

struct ReceivedMessage {
  unsigned stream;
  Kind kind;
  std::string body;
};

// What one end has seen, in order: "opened 0 by us", "message 0", "closed 0".
struct End {
  End(std::uint64_t seed, bool even_streams, const sctp::Options& sctp,
      const datachannel::Options& options)
      : world(seed),
        association(sctp, openssl::provider(), world.env),
        channels(options, even_streams, association, traced(world.env)) {}

  Env traced(Env env) {
    env.trace = Tracer(
        [](void* ctx, Instant, std::string_view, const void* event) {
          static_cast<End*>(ctx)->drops.push_back(static_cast<const PacketDropped*>(event)->why);
        },
        this);
    return env;
  }
  // Fetches all there is: events and messages in turn.
  void fetch(Instant now) {
    while (association.poll_event()) continue;
    if (idle) return;
    if (bare) {
      while (auto message = association.read_message(now)) {
        if (message->reset) {
          resets.push_back(number(message->stream));
          continue;
        }
        heard.push_back({number(message->stream),
                         message->ppid == datachannel::ppid::dcep ? Kind::string : Kind::binary,
                         std::string(as_text(message->body.bytes()))});
        ppids.push_back(static_cast<unsigned>(message->ppid));
        unordered.push_back(message->unordered);
      }
      return;
    }
    channels.process(now);
    for (bool any = true; any;) {
      any = false;
      while (auto event = channels.poll_event()) {
        any = true;
        note(*event);
      }
      while (reads) {
        auto message = channels.read_message(now);
        if (!message) break;
        any = true;
        log.push_back("message " + std::to_string(number(message->stream)));
        heard.push_back(
            {number(message->stream), message->kind, std::string(as_text(message->body.bytes()))});
      }
    }
  }
  void note(const Channels::Event& event) {
    if (const auto* opened = std::get_if<datachannel::Opened>(&event)) {
      log.push_back("opened " + std::to_string(number(opened->stream)) +
                    (opened->by_peer ? " by peer" : " by us"));
    } else if (const auto* closed = std::get_if<datachannel::ChannelClosed>(&event)) {
      log.push_back("closed " + std::to_string(number(closed->stream)));
    } else {
      log.push_back("restarted");
    }
  }
  std::size_t count(std::string_view what) const {
    std::size_t n = 0;
    for (const auto& entry : log) n += entry.starts_with(what) ? 1u : 0u;
    return n;
  }

  TestEnv world;
  sctp::Association association;
  Channels channels;
  std::vector<std::string> log;
  std::vector<ReceivedMessage> heard;
  std::vector<std::string> drops;
  std::vector<unsigned> ppids;   // of a bare end, beside heard
  std::vector<bool> unordered;   // the same
  std::vector<unsigned> resets;  // streams of the peer that a bare end heard to be reset
  bool reads = true;
  bool bare = false;  // the test says what goes out, and sees what comes in
  bool idle = false;  // the test fetches by itself
};

struct PairOptions {
  sctp::Options sctp_left, sctp_right;
  datachannel::Options left, right;
};

class ChannelPair {
 public:
  explicit ChannelPair(std::uint64_t seed = 1, const PairOptions& o = {})
      : client(seed * 2 + 1, true, o.sctp_left, o.left),
        server(seed * 2 + 2, false, o.sctp_right, o.right),
        random_(seed) {}

  // False when no association was made.
  bool connect() {
    static_cast<void>(client.association.connect(now));
    static_cast<void>(server.association.connect(now));
    run_for(seconds(1));
    return client.association.connected() && server.association.connected();
  }
  // An end that has forgotten its association and channels, and begins anew.
  void forget(End& end) {
    const bool even = &end == &client;
    std::destroy_at(&end.channels);
    std::destroy_at(&end.association);
    std::construct_at(&end.association, sctp::Options{}, openssl::provider(), end.world.env);
    std::construct_at(&end.channels, datachannel::Options{}, even, end.association,
                      end.traced(end.world.env));
    ASSERT_TRUE(end.association.connect(now));
  }
  void run_for(Duration d) { run_until(now + d); }
  void run_until(Instant end) {
    while (true) {
      pump(client, true);
      pump(server, false);
      auto next = earliest(client.association.next_deadline(), server.association.next_deadline());
      if (!in_flight_.empty()) next = earliest(next, in_flight_.begin()->first);
      if (!next || *next > end) break;
      now = std::max(now, *next);
      while (!in_flight_.empty() && in_flight_.begin()->first <= now) {
        const auto datagram = in_flight_.extract(in_flight_.begin()).mapped();
        (datagram.to_client ? client : server).association.on_packet(now, datagram.bytes);
      }
      client.association.on_deadline(now);
      server.association.on_deadline(now);
    }
    now = end;
  }
  StreamId open(End& end, std::string_view label) { return open(end, {.label = label}); }
  StreamId open(End& end, const ChannelOptions& options) {
    auto opened = end.channels.open(now, options);
    return opened ? *opened : StreamId{65535};
  }
  Status send(End& end, StreamId id, std::string_view text, Kind kind = Kind::string) {
    return end.channels.send(now, id, kind, as_bytes(text));
  }
  // Of a bare end.
  Status say(End& end, unsigned id, sctp::Ppid ppid, std::string_view bytes,
             bool unordered = false) {
    return end.association.send(now, stream(id), ppid, as_bytes(bytes), {.unordered = unordered});
  }

  Instant now = at_ms(1000);
  End client, server;
  Link link;
  std::function<void(std::vector<std::byte>&)> meddle;  // with what the client says

 private:
  struct Datagram {
    bool to_client;
    std::vector<std::byte> bytes;
  };
  void pump(End& end, bool is_client) {
    end.fetch(now);
    std::array<std::byte, 1300> room{};
    while (const std::size_t n = end.association.write_packet(now, room)) {
      std::vector<std::byte> bytes(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n));
      if (is_client && meddle) meddle(bytes);
      for (int copies = chance(link.duplication) ? 2 : 1; copies > 0; --copies) {
        if (chance(link.loss)) continue;
        const auto jitter =
            static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(link.jitter_ms + 1));
        in_flight_.emplace(now + milliseconds(link.delay_ms + jitter), Datagram{!is_client, bytes});
      }
    }
  }
  bool chance(double p) { return p > 0 && std::uniform_real_distribution<>(0, 1)(random_) < p; }

  std::mt19937_64 random_;
  std::multimap<Instant, Datagram> in_flight_;
};

// The same, once they have an association.
struct ConnectedPair : ChannelPair {
  explicit ConnectedPair(std::uint64_t seed = 1, const PairOptions& o = {}) : ChannelPair(seed, o) {
    EXPECT_TRUE(connect());
  }
};

}  // namespace esp_peer::test
